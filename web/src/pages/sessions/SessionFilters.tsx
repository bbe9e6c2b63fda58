import { ChevronDown, X } from 'lucide-react';
import { useDeferredValue, useState } from 'react';
import { Button as AriaButton, ComboBox, Input, Label, ListBox, ListBoxItem, Popover, Select, SelectValue, TextField, ToggleButton, ToggleButtonGroup } from 'react-aria-components';
import { useQuery } from 'urql';
import { atLeast, usePerson } from '../../auth/store';
import { gql } from '../../gql';
import { messages } from '../../messages/en';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { type Ending, isBackward, scopeOf, type SessionsSearch, startOfDay } from './search';
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

/** Whose sessions, how they ended, of which tree and of which days. */
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
      <TreeFilter key={search.tree ?? ''} tree={search.tree} onChange={(tree) => onChange({ tree })} />
      <Day label={words.from} value={search.from} invalid={backward} onChange={(from) => onChange({ from })} />
      <Day label={words.to} value={search.to} invalid={backward} onChange={(to) => onChange({ to })} />
      {(search.outcome ?? search.tree ?? search.from ?? search.to) && (
        <Button kind="quiet" icon={<Icon of={X} />} onPress={() => onChange({ outcome: undefined, tree: undefined, from: undefined, to: undefined })}>
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

/** One tree, found by its title. */
function TreeFilter({ tree, onChange }: { tree: string | undefined; onChange: (tree: string | undefined) => void }) {
  const [typed, setTyped] = useState<string>();
  const [{ data: chosen }] = useQuery({ query: TreeTitle, variables: { id: tree ?? '' }, pause: !tree });
  const title = chosen?.tree?.title ?? '';
  const text = useDeferredValue((typed ?? '').trim());
  const [{ data }] = useQuery({ query: TreeTitles, variables: { text }, pause: typed === undefined });
  return (
    <ComboBox
      className="tree-filter"
      aria-label={words.tree}
      items={data?.trees.nodes ?? []}
      inputValue={typed ?? title}
      onInputChange={(t) => t !== (typed ?? title) && setTyped(t)}
      value={tree ?? null}
      onChange={(key) => {
        setTyped(undefined);
        if (key) onChange(String(key));
      }}
      onBlur={() => {
        if (typed?.trim() === '' && tree) onChange(undefined);
        setTyped(undefined);
      }}
      onOpenChange={(open) => open && setTyped((t) => t ?? '')}
      defaultFilter={() => true}
      allowsEmptyCollection
      menuTrigger="input"
    >
      <div className="combo">
        <Input className="input" placeholder={words.anyTree} autoComplete="off" maxLength={200} />
        <AriaButton className="btn quiet icon" aria-label={words.showTrees}>
          <Icon of={ChevronDown} />
        </AriaButton>
      </div>
      <Popover className="popover">
        <ListBox className="menu" renderEmptyState={() => <p className="hint px-2 py-1">{data ? words.noTree : words.looking}</p>}>
          {(t: { id: string; title: string }) => (
            <ListBoxItem className="menu-item" id={t.id} textValue={t.title}>
              <span className="min-w-0 flex-1 truncate">{t.title}</span>
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </ComboBox>
  );
}
