import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { Form } from 'react-aria-components';
import { useQuery } from 'urql';
import { fieldErrors } from '../../api/errors';
import { type ClientChoice, clientInput, nobody } from '../../clients/choice';
import { ClientField } from '../../clients/ClientField';
import { SeenBefore } from '../../clients/SeenBefore';
import { words } from '../../messages/walk';
import { Banner, FailureBanner } from '../../ui/Banner';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Field } from '../../ui/Field';
import { exactTime, when } from '../../ui/format';
import { useSettled } from '../../ui/useSettled';
import { ReadStartLink } from '../start/documents';
import '../start/start.css';
import { useStart } from './start';

/** Starts a session on a tree, or from a subject alone. */
export function StartDialog({ tree, onClose }: { tree?: { id: string; title: string }; onClose: () => void }) {
  const { start, starting, error } = useStart();
  const [values, setValues] = useState({ subject: '', ticket: '' });
  const [client, setClient] = useState<ClientChoice>(nobody);
  const { fields, rest } = fieldErrors(error);
  const bind = (name: keyof typeof values) => ({ name, value: values[name], onChange: (value: string) => setValues((v) => ({ ...v, [name]: value })), maxLength: 200 });
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (starting || (!tree && values.subject.trim() === '')) return;
    void start({ ...values, ...clientInput(client), ...(tree && { treeId: tree.id }) });
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
      {rest && <FailureBanner failure={rest} title={words.start.notStarted} />}
      <Form onSubmit={submit} validationErrors={fields} className="grid gap-1">
        {!tree && <Field {...bind('subject')} label="What is wrong?" autoFocus isRequired />}
        <ClientField value={client} onChange={setClient} autoFocus={tree !== undefined} />
        <Field {...bind('ticket')} label="Ticket (optional)" />
        {tree && <Field {...bind('subject')} label="Subject (optional)" />}
        <button type="submit" hidden />
      </Form>
      <OpenWalks ticket={values.ticket} />
      <div className="seen-box">
        <SeenBefore clientId={client.id} clientName={client.text} subject={values.subject} treeId={tree?.id} />
      </div>
    </Dialog>
  );
}

/** The walks that go on for a ticket, before another one is started. */
function OpenWalks({ ticket }: { ticket: string }) {
  const asked = useSettled(ticket.trim());
  const [{ data }] = useQuery({ query: ReadStartLink, variables: { input: { ticket: asked } }, pause: asked === '' });
  const open = asked === '' || ticket.trim() === '' ? [] : (data?.startLink.openSessions ?? []);
  return open.map((s) => (
    <Banner colour="cyan" role="status" key={s.sessionId}>
      <div className="open-walk">
        <span className="flex-1">{s.isMine ? <b>{words.start.goesOn(asked)}.</b> : <b>{words.start.otherHas(s.heldBy.name, asked)}</b>}{' '}
          {s.isMine ? words.start.since(exactTime(s.startedAt), when(s.updatedAt)) : words.start.otherSince(s.title, exactTime(s.startedAt), when(s.updatedAt))}
        </span>
        {s.isMine && (
          <Link to="/sessions/$sessionId" params={{ sessionId: s.sessionId }}>
            {words.start.resume(s.title)}
          </Link>
        )}
      </div>
    </Banner>
  ));
}
