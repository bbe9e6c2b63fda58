import { ChevronDown, Search, X } from 'lucide-react';
import { useState } from 'react';
import { Autocomplete, Button as AriaButton, Header, Input, ListBox, ListBoxItem, ListBoxSection, Popover, SearchField, Select, SelectValue, useFilter } from 'react-aria-components';
import { useQuery } from 'urql';
import { failureOf } from '../api/errors';
import type { AuditAction } from '../gql/graphql';
import { auditWords, kindGroups, kindWords } from '../messages/audit';
import { counted } from '../messages/en';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { type AuditSearch, isBackwards, kindsOf, type Recent, recent } from './audit';
import { LogPeople } from './auditDocuments';

/** Narrows the log by kind, person and time. What is chosen is in the page's address. */
export function AuditFilters({ search, onChange }: { search: AuditSearch; onChange: (next: AuditSearch) => void }) {
  const [{ data, error }] = useQuery({ query: LogPeople });
  const [days, setDays] = useState(search.from !== undefined || search.to !== undefined);
  const kinds = kindsOf(search);
  const people = data?.account.members ?? [];
  const words = kinds.length === 0 ? auditWords.any.kind : kinds.length === 1 ? kindWords[kinds[0] as AuditAction] : counted(kinds.length, 'kind', 'kinds');
  const someone = people.find((p) => p.id === search.person);
  const chosen = search.kind || search.person || search.time || search.from || search.to;
  const backwards = isBackwards(search);
  const when = search.time ?? (days ? 'days' : 'any');

  return (
    <div className="log-filters" role="group" aria-label="Which entries">
      <Select
        aria-label="Kind"
        selectionMode="multiple"
        value={kinds}
        onChange={(keys) => onChange({ ...search, kind: (keys as AuditAction[]).join(',') })}
      >
        <AriaButton className="btn select-button">
          <SelectValue>{words}</SelectValue>
          <Icon of={ChevronDown} />
        </AriaButton>
        <Found label="Find a kind">
          <ListBox className="menu" aria-label="Kinds" renderEmptyState={() => <p className="hint p-2">No kind has these words.</p>}>
            {kindGroups.map((group) => (
              <ListBoxSection key={group.name} id={group.name} className="menu">
                <Header className="menu-head">{group.name}</Header>
                {group.kinds.map((kind) => (
                  <ListBoxItem key={kind} id={kind} className="menu-item tick" textValue={`${kindWords[kind]} ${group.name}`}>
                    <span className="tick-box" aria-hidden="true" />
                    {kindWords[kind]}
                  </ListBoxItem>
                ))}
              </ListBoxSection>
            ))}
          </ListBox>
        </Found>
      </Select>

      <Select aria-label="Person" value={search.person ?? 'any'} onChange={(key) => onChange({ ...search, person: key === 'any' ? '' : String(key) })}>
        <AriaButton className="btn select-button">
          <SelectValue>{search.person ? (someone?.name ?? (data ? 'Somebody else' : '…')) : auditWords.any.person}</SelectValue>
          <Icon of={ChevronDown} />
        </AriaButton>
        <Found label="Find a person">
          <ListBox className="menu" aria-label="People" renderEmptyState={() => <p className="hint p-2">{failureOf(error)?.message ?? 'Nobody has this name.'}</p>}>
            <ListBoxItem id="any" className="menu-item" textValue={auditWords.any.person}>
              {auditWords.any.person}
            </ListBoxItem>
            {people.map((p) => (
              <ListBoxItem key={p.id} id={p.id} className="menu-item" textValue={`${p.name} ${p.email}`}>
                <span className="grid min-w-0">
                  <span>{p.name}</span>
                  <span className="hint">{p.email}</span>
                </span>
              </ListBoxItem>
            ))}
          </ListBox>
        </Found>
      </Select>

      <Select
        aria-label="When"
        value={when}
        onChange={(key) => {
          setDays(key === 'days');
          onChange({ ...search, time: key === 'any' || key === 'days' ? undefined : (key as Recent), from: undefined, to: undefined });
        }}
      >
        <AriaButton className="btn select-button">
          <SelectValue>{when === 'any' ? auditWords.any.time : auditWords.times[when]}</SelectValue>
          <Icon of={ChevronDown} />
        </AriaButton>
        <Popover className="popover">
          <ListBox className="menu">
            <ListBoxItem id="any" className="menu-item">
              {auditWords.any.time}
            </ListBoxItem>
            {[...(Object.keys(recent) as Recent[]), 'days' as const].map((time) => (
              <ListBoxItem key={time} id={time} className="menu-item">
                {auditWords.times[time]}
              </ListBoxItem>
            ))}
          </ListBox>
        </Popover>
      </Select>

      {chosen && (
        <Button
          kind="quiet"
          icon={<Icon of={X} />}
          onPress={() => {
            setDays(false);
            onChange({});
          }}
        >
          Clear
        </Button>
      )}

      {when === 'days' && (
        <div className="log-days">
          <Field label="First day" type="date" value={search.from ?? ''} onChange={(from) => onChange({ ...search, from })} />
          <Field label="Last day" type="date" value={search.to ?? ''} isInvalid={backwards} errorMessage={auditWords.backwards} onChange={(to) => onChange({ ...search, to })} />
        </div>
      )}
    </div>
  );
}

/** A list that is searched while somebody types. */
function Found({ label, children }: { label: string; children: React.ReactNode }) {
  const { contains } = useFilter({ sensitivity: 'base' });
  return (
    <Popover className="popover found">
      <Autocomplete filter={contains}>
        <SearchField aria-label={label} autoFocus className="find-field">
          <Input className="input" placeholder={label} />
          <Icon of={Search} />
        </SearchField>
        {children}
      </Autocomplete>
    </Popover>
  );
}
