import { Building2, Check, ChevronDown, CircleAlert, Plus } from 'lucide-react';
import { useMemo } from 'react';
import { Button as AriaButton, ComboBox, FieldError, Input, Label, ListBox, ListBoxItem, Popover, Text } from 'react-aria-components';
import { useQuery } from 'urql';
import { failureOf } from '../api/errors';
import { words as all } from '../messages/walk';
import { Icon } from '../ui/Icon';
import { useSettled } from '../ui/useSettled';
import { type ClientChoice, mayMean, whyFound } from './choice';
import './clients.css';
import { ClientsLike } from './documents';

const words = all.client;
const makeNew = 'new';

export interface ClientFieldProps {
  label?: string;
  value: ClientChoice;
  onChange: (choice: ClientChoice) => void;
  autoFocus?: boolean;
}

/** Whom it is for: found while typing, by name, alias or key, or made in place. */
export function ClientField({ label = 'Client (optional)', value, onChange, autoFocus = false }: ClientFieldProps) {
  const text = value.text.trim();
  const asked = useSettled(text);
  const [{ data, stale, fetching, error }] = useQuery({ query: ClientsLike, variables: { query: asked || null, name: { clientName: asked } } });
  const settled = asked === text && !fetching && !stale ? data : undefined; // nothing where it could not be asked
  const means = value.id ? { name: value.text, ticketKey: null } : settled ? settled.startLink.client : undefined;
  const ambiguous = settled && !value.id ? settled.startLink.problems.find((p) => p.field === 'input.clientName')?.message : undefined;
  const unknown = text !== '' && means === null && !ambiguous;
  const items = useMemo(
    () => [
      ...(data?.clients.nodes ?? []).filter((c) => Boolean(settled) || mayMean(c, text)).map((c) => ({ id: c.id, name: c.name, why: whyFound(c, text) })),
      ...(unknown ? [{ id: makeNew, name: words.makeNew(text), why: '' }] : []),
    ],
    [data, text, unknown, settled],
  );
  return (
    <div className="client-field">
      <ComboBox
        name="clientName"
        className="field"
        items={items}
        inputValue={value.text}
        onInputChange={(typed) => typed !== value.text && onChange({ text: typed, make: false })}
        value={value.id ?? (value.make ? makeNew : null)}
        onChange={(key) => {
          const client = data?.clients.nodes.find((c) => c.id === key);
          if (client) onChange({ text: client.name, id: client.id, make: false });
          else if (key === makeNew) onChange({ text, make: true });
        }}
        defaultFilter={() => true}
        allowsCustomValue
        allowsEmptyCollection
        menuTrigger="input"
        autoFocus={autoFocus}
      >
        <Label>{label}</Label>
        <div className="combo">
          <Input className="input" autoComplete="off" maxLength={200} />
          <AriaButton className="btn quiet icon">
            <Icon of={ChevronDown} />
          </AriaButton>
        </div>
        <div className="said">
          <Text slot="description" className="hint">
            {text === '' ? words.hint : value.make ? words.willBeMade(text) : unknown ? words.unknown(text) : means ? <Known client={means} typed={text} /> : (ambiguous ?? '')}
          </Text>
          <FieldError className="err">
            {({ validationErrors }) => (
              <>
                <Icon of={CircleAlert} size={14} />
                <span>{validationErrors.join(' ')}</span>
              </>
            )}
          </FieldError>
        </div>
        <Popover className="popover client-list">
          <ListBox className="menu" renderEmptyState={() => <p className="hint px-2 py-1">{failureOf(error)?.message ?? (fetching ? words.looking : words.none)}</p>}>
            {(item: (typeof items)[number]) => (
              <ListBoxItem className="menu-item" id={item.id} textValue={item.name}>
                <Icon of={item.id === makeNew ? Plus : Building2} />
                <span className="min-w-0 flex-1 truncate">{item.name}</span>
                {item.why && <span className="to">{item.why}</span>}
              </ListBoxItem>
            )}
          </ListBox>
        </Popover>
      </ComboBox>
      {(unknown || value.make) && text !== '' && (
        <button type="button" className="link" onClick={() => onChange({ text, make: !value.make })}>
          {value.make ? words.keepAsText : words.make}
        </button>
      )}
    </div>
  );
}

const Known = ({ client, typed }: { client: { name: string; ticketKey: string | null }; typed: string }) => (
  <span className="known">
    <Icon of={Check} size={14} />
    {client.name === typed ? words.known : words.means(client.name)}
    {client.ticketKey && client.ticketKey !== typed && `, ${client.ticketKey}`}
  </span>
);
