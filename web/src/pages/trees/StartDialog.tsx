import { type FormEvent, useState } from 'react';
import { Form } from 'react-aria-components';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Field } from '../../ui/Field';
import { useStart } from './start';

/** Starts a session on a tree, or from a subject alone. */
export function StartDialog({ tree, onClose }: { tree?: { id: string; title: string }; onClose: () => void }) {
  const { start, starting } = useStart();
  const [values, setValues] = useState({ subject: '', ticket: '', clientName: '' });
  const bind = (name: keyof typeof values) => ({ name, value: values[name], onChange: (value: string) => setValues((v) => ({ ...v, [name]: value })), maxLength: 200 });
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (!tree && values.subject.trim() === '') return;
    void start({ ...values, ...(tree && { treeId: tree.id }) });
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      busy={starting}
      title={tree ? `Start “${tree.title}”` : 'Start without a tree'}
      footer={
        <>
          <Button onPress={onClose} isDisabled={starting}>
            Cancel
          </Button>
          <Button kind="primary" isPending={starting} isDisabled={!tree && values.subject.trim() === ''} onPress={() => submit()}>
            Start
          </Button>
        </>
      }
    >
      {!tree && <p>Write down what you ask and what you find. It goes into the ticket, and can become a tree.</p>}
      <Form onSubmit={submit} className="grid gap-1">
        {!tree && <Field {...bind('subject')} label="What is wrong?" autoFocus isRequired />}
        <Field {...bind('ticket')} label="Ticket (optional)" autoFocus={tree !== undefined} />
        <Field {...bind('clientName')} label="Client (optional)" />
        {tree && <Field {...bind('subject')} label="Subject (optional)" />}
        <button type="submit" hidden />
      </Form>
    </Dialog>
  );
}
