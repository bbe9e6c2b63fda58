import { ChevronDown } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { Form, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from 'react-aria-components';
import { Button as AriaButton } from 'react-aria-components';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { type InputField, type Value, valueProblem, type WalkNode } from './model';

export interface InputFormProps {
  node: Extract<WalkNode, { __typename: 'InputNode' }>;
  values: readonly Value[]; // what is known already
  onDone: (values: { name: string; text: string }[]) => void;
}

/** Asks for values; Enter goes on. */
export function InputForm({ node, values, onDone }: InputFormProps) {
  const [texts, setTexts] = useState<Record<string, string>>(() => Object.fromEntries(node.fields.map((f) => [f.name, values.find((v) => v.name === f.name)?.text ?? ''])));
  const [problems, setProblems] = useState<Record<string, string>>({});
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found: Record<string, string> = {};
    for (const f of node.fields) {
      const problem = valueProblem(f, texts[f.name] ?? '');
      if (problem) found[f.name] = problem;
    }
    setProblems(found);
    if (Object.keys(found).length === 0) onDone(node.fields.map((f) => ({ name: f.name, text: texts[f.name] ?? '' })).filter((v) => v.text.trim() !== ''));
  };
  return (
    <Form className="input-form" onSubmit={submit} validationErrors={problems}>
      {node.fields.map((f, i) => (
        <One key={f.name} field={f} autoFocus={i === 0} text={texts[f.name] ?? ''} onText={(text) => setTexts((t) => ({ ...t, [f.name]: text }))} />
      ))}
      <div>
        <Button type="submit" kind="primary" shortcut="Enter">
          Go on
        </Button>
      </div>
    </Form>
  );
}

function One({ field, text, onText, autoFocus }: { field: InputField; text: string; onText: (text: string) => void; autoFocus: boolean }) {
  const label = field.required ? field.label : `${field.label} (optional)`;
  if (field.type === 'CHOICE' || field.type === 'YES_NO') {
    const choices = field.type === 'YES_NO' ? ['yes', 'no'] : field.choices;
    return (
      <Select name={field.name} className="field" value={text || null} onChange={(key) => onText(key === null ? '' : String(key))} isRequired={field.required} placeholder="Choose" autoFocus={autoFocus}>
        <Label>{label}</Label>
        <AriaButton className="btn select-button">
          <SelectValue />
          <Icon of={ChevronDown} />
        </AriaButton>
        <Popover className="popover">
          <ListBox className="menu">
            {choices.map((c) => (
              <ListBoxItem className="menu-item" id={c} key={c}>
                {field.type === 'YES_NO' ? { yes: 'Yes', no: 'No' }[c] : c}
              </ListBoxItem>
            ))}
          </ListBox>
        </Popover>
      </Select>
    );
  }
  return (
    <Field
      name={field.name}
      label={label}
      value={text}
      onChange={onText}
      isRequired={field.required}
      autoFocus={autoFocus}
      inputMode={field.type === 'NUMBER' ? 'decimal' : 'text'}
      maxLength={1000}
      autoComplete="off"
      hint={field.sensitive ? 'Sensitive: exports can leave it out.' : undefined}
    />
  );
}
