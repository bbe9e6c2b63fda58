import { type FormEvent, useState } from 'react';
import { Form, Label, Radio, RadioGroup } from 'react-aria-components';
import { useMutation } from 'urql';
import { fieldErrors } from '../api/errors';
import { random } from '../auth/shared';
import { type ClientChoice, clientInput } from '../clients/choice';
import { ClientField } from '../clients/ClientField';
import type { TreeOutcome, WalkFragment } from '../gql/graphql';
import { counted, messages } from '../messages/en';
import { FailureBanner } from '../ui/Banner';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { setKeysOn, useKeysOn } from '../layout/keys';
import { Check } from '../ui/Check';
import { Abandon, AddNote, AddOwnStep, Complete, UpdateWalk } from './documents';
import { outcomeMark, type Step, undoneByGoingBackTo } from './model';

type Props = { walk: WalkFragment; onClose: () => void };

interface CompleteProps extends Props {
  note: string; // what was written on the step and not saved: it goes with the end
  output: string;
  onNote: (note: string) => void;
  onNoted: () => void;
}

/** Ends the session with an outcome; before a solution it asks which, and why. */
export function CompleteDialog({ walk, note, output, onNote, onNoted, onClose }: CompleteProps) {
  const solution = walk.currentNode?.__typename === 'SolutionNode' ? walk.currentNode : undefined;
  const [{ fetching, error }, complete] = useMutation(Complete);
  const [{ fetching: noting, error: notNoted }, addNote] = useMutation(AddNote);
  const [outcome, setOutcome] = useState<TreeOutcome>('RESOLVED');
  const [reason, setReason] = useState('');
  const { fields, rest } = fieldErrors(notNoted ?? error);
  const submit = async (event?: FormEvent) => {
    event?.preventDefault();
    const on = { sessionId: walk.id, expectedStep: walk.step };
    if (note.trim() !== '' || output.trim() !== '') {
      const { data } = await addNote({ input: { ...on, text: note, output, idempotencyKey: random() } });
      if (!data) return;
      onNoted();
      on.expectedStep = data.addNote.session.step;
    }
    const result = await complete({ input: { ...on, idempotencyKey: random(), ...(solution ? {} : { outcome, reason }) } });
    if (!result.error) onClose();
  };
  const busy = fetching || noting;
  return (
    <Dialog
      isOpen
      onClose={onClose}
      busy={busy}
      title={solution ? 'Complete the session?' : 'Complete before a solution?'}
      footer={
        <>
          <Button onPress={onClose} isDisabled={busy}>
            Cancel
          </Button>
          <Button kind="primary" isPending={busy} onPress={() => void submit()} autoFocus={solution !== undefined}>
            {solution ? `Complete as ${messages.outcomes[solution.outcome].toLowerCase()}` : 'Complete'}
          </Button>
        </>
      }
    >
      {rest && <FailureBanner failure={rest} />}
      {solution ? (
        <>
          <p className="flex items-center gap-2">
            <span className={`mk ${outcomeMark(solution.outcome)}`} aria-hidden="true" />
            {solution.title}
          </p>
          <Field label="Note (optional)" value={note} onChange={onNote} maxLength={10_000} lines={2} />
        </>
      ) : (
        <Form onSubmit={(e) => void submit(e)} validationErrors={fields} className="grid gap-1">
          <Outcomes value={outcome} onChange={setOutcome} />
          <Field label="Why, in a sentence" name="reason" value={reason} onChange={setReason} maxLength={1000} isRequired autoFocus />
          <Field label="Note (optional)" value={note} onChange={onNote} maxLength={10_000} lines={2} />
        </Form>
      )}
    </Dialog>
  );
}

function Outcomes({ value, onChange }: { value: TreeOutcome; onChange: (o: TreeOutcome) => void }) {
  return (
    <RadioGroup value={value} onChange={(v) => onChange(v as TreeOutcome)} className="field">
      <Label className="label">How did it end?</Label>
      <div className="seg">
        {(['RESOLVED', 'ESCALATED', 'UNRESOLVED'] as const).map((o) => (
          <Radio value={o} key={o} className="flex items-center gap-2">
            <span className={`mk ${outcomeMark(o)}`} aria-hidden="true" />
            {messages.outcomes[o]}
          </Radio>
        ))}
      </div>
    </RadioGroup>
  );
}

/** Ends the session without an outcome. */
export function GiveUpDialog({ walk, onClose }: Props) {
  const [{ fetching, error }, abandon] = useMutation(Abandon);
  const [reason, setReason] = useState('');
  const { fields, rest } = fieldErrors(error);
  const submit = async () => {
    const result = await abandon({ input: { sessionId: walk.id, expectedStep: walk.step, reason, idempotencyKey: random() } });
    if (!result.error) onClose();
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      alert
      busy={fetching}
      title="Give this session up?"
      footer={
        <>
          <Button onPress={onClose} isDisabled={fetching} autoFocus>
            Cancel
          </Button>
          <Button kind="danger-solid" isPending={fetching} onPress={() => void submit()}>
            Give it up
          </Button>
        </>
      }
    >
      {rest && <FailureBanner failure={rest} />}
      <p>It ends without an outcome. Its record stays, and it can be reopened for a day.</p>
      <Form validationErrors={fields} onSubmit={(e) => e.preventDefault()}>
        <Field label="Why (optional)" name="reason" value={reason} onChange={setReason} maxLength={1000} />
      </Form>
    </Dialog>
  );
}

/** Writes down a step that the tree does not have. */
export function OwnStepDialog({ walk, onClose }: Props) {
  const [{ fetching, error }, add] = useMutation(AddOwnStep);
  const [title, setTitle] = useState('');
  const [answer, setAnswer] = useState('');
  const [note, setNote] = useState('');
  const { fields, rest } = fieldErrors(error);
  const submit = async (event?: FormEvent) => {
    event?.preventDefault();
    const result = await add({ input: { sessionId: walk.id, expectedStep: walk.step, title, answer, note, idempotencyKey: random() } });
    if (!result.error) onClose();
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      busy={fetching}
      title={walk.currentNode ? 'Something the tree does not know' : 'Write down a step'}
      footer={
        <>
          <Button onPress={onClose} isDisabled={fetching}>
            Cancel
          </Button>
          <Button kind="primary" isPending={fetching} onPress={() => void submit()}>
            Add the step
          </Button>
        </>
      }
    >
      {rest && <FailureBanner failure={rest} />}
      <Form onSubmit={(e) => void submit(e)} validationErrors={fields} className="grid gap-1">
        <Field label="What you asked or tried" name="title" value={title} onChange={setTitle} maxLength={200} isRequired autoFocus />
        <Field label="The answer, or what came of it" name="answer" value={answer} onChange={setAnswer} maxLength={1000} />
        <Field label="Note (optional)" name="note" value={note} onChange={setNote} maxLength={10_000} lines={2} />
        <button type="submit" hidden />
      </Form>
    </Dialog>
  );
}

/** What the session is for. */
export function DetailsDialog({ walk, onClose }: Props) {
  const [{ fetching, error }, update] = useMutation(UpdateWalk);
  const [values, setValues] = useState({ ticket: walk.ticket, subject: walk.subject });
  const [client, setClient] = useState<ClientChoice>({ text: walk.clientName, id: walk.client?.id, make: false });
  const { fields, rest } = fieldErrors(error);
  const bind = (name: keyof typeof values) => ({ name, value: values[name], onChange: (value: string) => setValues((v) => ({ ...v, [name]: value })), maxLength: 200 });
  const submit = async (event?: FormEvent) => {
    event?.preventDefault();
    // A client that nobody changed stays, also where its name means two by now.
    const changed = client.text !== walk.clientName || client.make;
    const result = await update({ input: { sessionId: walk.id, ...values, ...(changed && clientInput(client)) } });
    if (!result.error) onClose();
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      busy={fetching}
      title="What is this session for?"
      footer={
        <>
          <Button onPress={onClose} isDisabled={fetching}>
            Cancel
          </Button>
          <Button kind="primary" isPending={fetching} onPress={() => void submit()}>
            Save
          </Button>
        </>
      }
    >
      {rest && <FailureBanner failure={rest} />}
      <Form onSubmit={(e) => void submit(e)} validationErrors={fields} className="grid gap-1">
        <ClientField label="Client" value={client} onChange={setClient} autoFocus />
        <Field {...bind('ticket')} label="Ticket" />
        <Field {...bind('subject')} label="Subject" />
        <button type="submit" hidden />
      </Form>
    </Dialog>
  );
}

/** Says what going back would undo, before it does. */
export function GoBackDialog({ steps, ahead, step, onBack, onClose }: { steps: readonly Step[]; ahead: number; step: Step; onBack: () => void; onClose: () => void }) {
  const later = undoneByGoingBackTo(steps, step.step) - 1 + ahead; // with those on their way
  return (
    <Dialog
      isOpen
      onClose={onClose}
      alert
      title={`Go back to “${step.title}”?`}
      footer={
        <>
          <Button onPress={onClose} autoFocus>
            Cancel
          </Button>
          <Button kind="primary" onPress={onBack}>
            Go back
          </Button>
        </>
      }
    >
      <p>
        Its answer and {counted(later, 'later answer', 'later answers')} will be undone. They stay in the record, struck through, with their notes.
      </p>
    </Dialog>
  );
}

const shortcuts: [string[], string][] = [
  [['1', '…', '9'], 'Choose an answer'],
  [['0'], 'Write down what the tree does not know'],
  [['←', 'Backspace'], 'Go back one step'],
  [['N'], 'Note on this step'],
  [['O'], 'Paste the output of a command'],
  [['P'], 'Write on the scratchpad; Esc goes back'],
  [['D'], 'Ticket, client, subject'],
  [['C'], 'Complete'],
  [['Ctrl K'], 'Find a tree or a page'],
  [['?'], 'These shortcuts'],
];

/** What the keys do. Single keys can be turned off (WCAG 2.1.4). */
export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const on = useKeysOn();
  return (
    <Dialog isOpen onClose={onClose} title={messages.shortcuts} footer={<Button onPress={onClose}>Close</Button>}>
      <dl className="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-2">
        {shortcuts.map(([keys, what]) => (
          <div key={what} className="contents">
            <dt className="flex gap-1">
              {keys.map((k) => (k === '…' ? <span key={k}>…</span> : <kbd className="kbd" key={k}>{k}</kbd>))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <Check isSelected={on} onChange={setKeysOn}>
        Single keys do something
      </Check>
    </Dialog>
  );
}

