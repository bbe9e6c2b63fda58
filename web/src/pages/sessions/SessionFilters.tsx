import { ChevronDown, X } from 'lucide-react';
import { useDeferredValue, useState } from 'react';
import { Button as AriaButton, ComboBox, Input, Label, ListBox, ListBoxItem, Popover, Select, SelectValue, TextField, ToggleButton, ToggleButtonGroup } from 'react-aria-components';
import { useQuery } from 'urql';
import { type AnswerError, failureOf } from '../../api/errors';
import { atLeast, usePerson } from '../../auth/store';
import { gql } from '../../gql';
import { messages } from '../../messages/en';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { type Ending, isBackward, isNarrowed, longestTicket, scopeOf, type SessionsSearch, startOfDay } from './search';
import './sessions.css';

const TreeTitles = gql(`
  query TreeTitles($text: String!) {
    trees(filter: { text: $text }, orderBy: { field: TITLE, direction: ASC }, first: 20) {
      nodes { id title }
    }
  }
`);

const TreeTitle = gql(`
  query TreeTitle($id: ID!) {
    tree(id: $id) { id title }
  }
`);

const ClientNames = gql(`
  query ClientNames($text: String!) {
    clients(query: $text, first: 20) {
      nodes { id name }
    }
  }
`);

const ClientName = gql(`
  query ClientName($id: ID!) {
    client(id: $id) { id name }
  }
`);

const words = messages.history;
const endings: { id: Ending | 'ALL'; name: string }[] = [
  { id: 'ALL', name: words.all },
  { id: 'IN_PROGRESS', name: words.running },
  { id: 'RESOLVED', name: messages.outcomes.RESOLVED },
  { id: 'ESCALATED', name: messages.outcomes.ESCALATED },
  { id: 'UNRESOLVED', name: messages.outcomes.UNRESOLVED },
  { id: 'ABANDONED', name: words.abandoned },
];

interface Props {
  search: SessionsSearch;
  onChange: (next: { [K in keyof SessionsSearch]?: SessionsSearch[K] | undefined }) => void;
}

/** Whose sessions, how they ended, of which tree, client and ticket, and of which days. */
export function SessionFilters({ search, onChange }: Props) {
  const { role } = usePerson();
  const backward = isBackward(search);
  return (
    <div className="session-filters" role="search" aria-label={words.filters}>
      {atLeast(role, 'ENGINEER') && (
        <ToggleButtonGroup
          className="seg"
          aria-label={words.whose}
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[scopeOf(search)]}
          onSelectionChange={(keys) => onChange({ who: { TEAM: 'team' as const, INVOLVED: 'involved' as const }[[...keys][0] as string] })}
        >
          <ToggleButton id="MINE">{words.mine}</ToggleButton>
          <ToggleButton id="INVOLVED">{words.involved}</ToggleButton>
          {atLeast(role, 'ADMIN') && <ToggleButton id="TEAM">{words.team}</ToggleButton>}
        </ToggleButtonGroup>
      )}
      <Select className="which" aria-label={words.which} value={search.outcome ?? 'ALL'} onChange={(key) => onChange({ outcome: key === 'ALL' ? undefined : (key as Ending) })}>
        <AriaButton className="btn select-button">
          <SelectValue />
          <Icon of={ChevronDown} />
        </AriaButton>
        <Popover className="popover">
          <ListBox className="menu" items={endings}>
            {(e) => <ListBoxItem className="menu-item">{e.name}</ListBoxItem>}
          </ListBox>
        </Popover>
      </Select>
      <TreeFilter key={`tree ${search.tree}`} tree={search.tree} onChange={(tree) => onChange({ tree })} />
      {atLeast(role, 'ENGINEER') && <ClientFilter key={`client ${search.client}`} client={search.client} onChange={(client) => onChange({ client })} />}
      <Ticket key={`ticket ${search.ticket}`} ticket={search.ticket} onChange={(ticket) => onChange({ ticket })} />
      <Day label={words.from} value={search.from} invalid={backward} onChange={(from) => onChange({ from })} />
      <Day label={words.to} value={search.to} invalid={backward} onChange={(to) => onChange({ to })} />
      {isNarrowed(search) && (
        <Button kind="quiet" icon={<Icon of={X} />} onPress={() => onChange({ outcome: undefined, tree: undefined, client: undefined, ticket: undefined, from: undefined, to: undefined })}>
          {words.clear}
        </Button>
      )}
    </div>
  );
}

/** A day, kept once it is a whole one: while somebody types a year it is not. */
function Day({ label, value, invalid, onChange }: { label: string; value: string | undefined; invalid: boolean; onChange: (day: string | undefined) => void }) {
  return (
    <TextField className="day" type="date" defaultValue={value ?? ''} key={value ?? ''} isInvalid={invalid} onChange={(day) => (day === '' || startOfDay(day)) && onChange(day || undefined)}>
      <Label>{label}</Label>
      <Input className="input" />
    </TextField>
  );
}

/** The whole ticket, kept when somebody presses Enter or goes on. */
function Ticket({ ticket, onChange }: { ticket: string | undefined; onChange: (ticket: string | undefined) => void }) {
  const [text, setText] = useState(ticket ?? '');
  const keep = () => text.trim() !== (ticket ?? '') && onChange(text.trim() || undefined);
  return (
    <TextField className="ticket-filter" aria-label={words.ticket} value={text} onChange={setText} onBlur={keep} onKeyDown={(event) => event.key === 'Enter' && keep()}>
      <Input className="input" placeholder={words.anyTicket} autoComplete="off" maxLength={longestTicket} />
    </TextField>
  );
}

/** One tree, found by its title. */
function TreeFilter({ tree, onChange }: { tree: string | undefined; onChange: (tree: string | undefined) => void }) {
  const [typed, setTyped] = useState<string>();
  const [{ data: chosen }] = useQuery({ query: TreeTitle, variables: { id: tree ?? '' }, pause: !tree });
  const text = useDeferredValue((typed ?? '').trim());
  const [{ data, error }] = useQuery({ query: TreeTitles, variables: { text }, pause: typed === undefined });
  const said = { label: words.tree, any: words.anyTree, show: words.showTrees, none: words.noTree };
  return <OneOf said={said} id={tree} name={chosen?.tree?.title ?? ''} found={data?.trees.nodes.map((t) => ({ id: t.id, name: t.title }))} error={error} typed={typed} onType={setTyped} onChange={onChange} />;
}

/** One client, found by name, alias or key. */
function ClientFilter({ client, onChange }: { client: string | undefined; onChange: (client: string | undefined) => void }) {
  const [typed, setTyped] = useState<string>();
  const [{ data: chosen }] = useQuery({ query: ClientName, variables: { id: client ?? '' }, pause: !client });
  const text = useDeferredValue((typed ?? '').trim());
  const [{ data, error }] = useQuery({ query: ClientNames, variables: { text }, pause: typed === undefined });
  const said = { label: words.client, any: words.anyClient, show: words.showClients, none: words.noClient };
  return <OneOf said={said} id={client} name={chosen?.client?.name ?? ''} found={data?.clients.nodes} error={error} typed={typed} onType={setTyped} onChange={onChange} />;
}

interface OneOfProps {
  said: { label: string; any: string; show: string; none: string };
  id: string | undefined; // of the one that is chosen
  name: string;
  found: readonly { id: string; name: string }[] | undefined; // by what is typed
  error: AnswerError | undefined;
  typed: string | undefined; // undefined while nobody types
  onType: (text: string | undefined) => void;
  onChange: (id: string | undefined) => void;
}

/** A field that finds one of many. Emptied, it means any. */
function OneOf({ said, id, name, found, error, typed, onType, onChange }: OneOfProps) {
  return (
    <ComboBox
      className="one-of"
      aria-label={said.label}
      items={found ?? []}
      inputValue={typed ?? name}
      onInputChange={(t) => t !== (typed ?? name) && onType(t)}
      value={id ?? null}
      onChange={(key) => {
        onType(undefined);
        if (key) onChange(String(key));
      }}
      onBlur={() => {
        if (typed?.trim() === '' && id) onChange(undefined);
        onType(undefined);
      }}
      onOpenChange={(open) => open && onType(typed ?? '')}
      defaultFilter={() => true}
      allowsEmptyCollection
      menuTrigger="input"
    >
      <div className="combo">
        <Input className="input" placeholder={said.any} autoComplete="off" maxLength={200} />
        <AriaButton className="btn quiet icon" aria-label={said.show}>
          <Icon of={ChevronDown} />
        </AriaButton>
      </div>
      <Popover className="popover">
        <ListBox className="menu" renderEmptyState={() => <p className="hint px-2 py-1">{failureOf(error)?.message ?? (found ? said.none : words.looking)}</p>}>
          {(one: { id: string; name: string }) => (
            <ListBoxItem className="menu-item" id={one.id} textValue={one.name}>
              <span className="min-w-0 flex-1 truncate">{one.name}</span>
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </ComboBox>
  );
}
