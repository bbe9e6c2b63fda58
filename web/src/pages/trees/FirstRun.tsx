import { Link } from '@tanstack/react-router';
import { ClipboardPaste, ListTree, Phone } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useClient, useQuery } from 'urql';
import { failureOf } from '../../api/errors';
import { atLeast, usePerson } from '../../auth/store';
import { isShortcut } from '../../layout/keys';
import { counted } from '../../messages/en';
import '../../runner/runner.css';
import { FailureBanner } from '../../ui/Banner';
import { Icon } from '../../ui/Icon';
import { Kbd } from '../../ui/Kbd';
import { toast, toastWrong } from '../../ui/toast';
import { FirstTrees, FromTemplate, PublishNow } from './documents';
import { PasteDialog } from './PasteDialog';
import { StartDialog } from './StartDialog';

/** Where an account without trees begins: a fork with its first answers. */
export default function FirstRun() {
  const client = useClient();
  const person = usePerson();
  const [{ data, error }, again] = useQuery({ query: FirstTrees });
  const [open, setOpen] = useState<'call' | 'paste'>();
  const [loaded, setLoaded] = useState<number>();
  const templates = data?.treeTemplates ?? [];

  const load = async () => {
    if (loaded !== undefined || templates.length === 0) return;
    setLoaded(0);
    let done = 0;
    for (const t of templates) {
      const made = await client.mutation(FromTemplate, { input: { template: t.template } }).toPromise();
      const tree = made.data?.createTreeFromTemplate.tree;
      const published = tree && (await client.mutation(PublishNow, { input: { treeId: tree.id, expectedRevision: tree.revision, changeNote: 'From the samples.' } }).toPromise());
      const failure = failureOf(made.error ?? published?.error);
      if (failure) {
        toastWrong(`“${t.title}” was not loaded: ${failure.message}`);
        break;
      }
      setLoaded(++done);
    }
    setLoaded(undefined);
    if (done > 0) toast(`${counted(done, 'sample tree', 'sample trees')} loaded`);
  };

  const answers = [
    { title: 'Take a call now', text: 'Write what you ask and what you find. It goes into the ticket, and can become your first tree.', icon: Phone, run: () => setOpen('call') },
    {
      title: loaded === undefined ? `Load the ${templates.length || ''} sample trees` : `Loading, ${loaded} of ${templates.length}`,
      text: 'No internet, VPN, mail, printers, locked accounts and more. Yours to change.',
      icon: ListTree,
      run: () => void load(),
    },
    { title: 'Paste a runbook', text: 'A Markdown list becomes a draft; what is missing is shown line by line.', icon: ClipboardPaste, run: () => setOpen('paste') },
  ];
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const answer = isShortcut(event) && /^[1-9]$/.test(event.key) ? answers[Number(event.key) - 1] : undefined;
      if (!answer) return;
      event.preventDefault();
      answer.run();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  });

  return (
    <div className="hero">
      <div className="way-in">
        <div className="now start">
          <span className="rail">
            <span className="station round" />
          </span>
          <div>
            <h1 className="display">Where do you want to begin?</h1>
            <p className="lead">This account has no trees yet. You do not need one to work: a call becomes a record, and a good record becomes a tree.</p>
          </div>
        </div>
        <ol className="answers" aria-label="Ways to begin">
          {answers.map((a, i) => (
            <li className="ans" key={a.icon.displayName ?? i}>
              <span className="fork" />
              <button type="button" className="answer" onClick={a.run} data-pending={(i === 1 && loaded !== undefined) || undefined}>
                <Kbd>{i + 1}</Kbd>
                <span role={i === 1 ? 'status' : undefined}>
                  <b>{a.title}</b>
                  <span>{a.text}</span>
                </span>
                <Icon of={a.icon} size={20} />
              </button>
            </li>
          ))}
        </ol>
      </div>
      <FailureBanner failure={failureOf(error)} title="The sample trees could not be listed." retry={() => again({ requestPolicy: 'network-only' })} />
      <p className="note-line">
        Press the number, or use Tab and Enter.{' '}
        {atLeast(person.role, 'ADMIN') && (
          <>
            <Link to="/account/members">Invite a colleague</Link> when there is something to share.
          </>
        )}
      </p>
      {open === 'call' && <StartDialog onClose={() => setOpen(undefined)} />}
      {open === 'paste' && <PasteDialog onClose={() => setOpen(undefined)} />}
    </div>
  );
}
