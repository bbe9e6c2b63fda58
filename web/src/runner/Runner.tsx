import { ArrowUp, Building2, Check, CircleX, Ellipsis, Eye, StickyNote, Tag, Terminal, Undo2 } from 'lucide-react';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { useQuery, useSubscription } from 'urql';
import { here, serverNow } from '../auth/clock';
import { atLeast, type Person } from '../auth/store';
import type { WalkFragment } from '../gql/graphql';
import { isShortcut } from '../layout/keys';
import { useTitle } from '../layout/useTitle';
import { words as all } from '../messages/walk';
import { Banner, FailureBanner } from '../ui/Banner';
import { Button } from '../ui/Button';
import { clockTime, running } from '../ui/format';
import { Icon } from '../ui/Icon';
import { Menu, MenuItem } from '../ui/Menu';
import { Answers } from './Answers';
import { CompleteDialog, DetailsDialog, GiveUpDialog, GoBackDialog, OwnStepDialog, ShortcutsDialog } from './dialogs';
import { WalkedGraph, WatchWalk } from './documents';
import { useDraft } from './drafts';
import { InputForm } from './InputForm';
import { fill, secondsOpen, type Step, type WalkNode } from './model';
import { Side } from './Side';
import { StepCard } from './StepCard';
import { Trail } from './Trail';
import { type Deed, enqueue, shown, useUnsent } from './unsent';
import { useRefused } from './useRefused';
import { WalkMap } from './WalkMap';

const words = all.unsent;

type Open = { what: 'complete' | 'give-up' | 'own-step' | 'details' | 'shortcuts' } | { what: 'back'; step: Step } | undefined;

/** Walks a tree, by keyboard first. What is chosen is shown at once and taken back where the server refuses it. */
export function Runner({ walk, person }: { walk: WalkFragment; person: Person }) {
  useTitle(walk.ticket ? `${walk.title}, ${walk.ticket}` : walk.title);
  const mine = walk.heldBy.id === person.id && atLeast(person.role, 'ENGINEER');
  const place = walk.places.at(-1);
  const [{ data: graph }] = useQuery({
    query: WalkedGraph,
    variables: { treeId: place?.treeId ?? '', number: place?.treeVersion ?? 0 },
    pause: !place?.treeId,
    requestPolicy: 'cache-first', // a version never changes
  });
  const nodes = useMemo(() => new Map((graph?.treeVersion?.graph.nodes ?? []).map((n) => [n.nodeId, n as WalkNode])), [graph]);
  const [{ data: watched }] = useSubscription({ query: WatchWalk, variables: { id: walk.id } });
  const watchers = watched?.treeSession && 'watchers' in watched.treeSession ? watched.treeSession.watchers.filter((w) => w.id !== person.id) : [];

  const [open, setOpen] = useState<Open>();
  const [noting, setNoting] = useState<'note' | 'output'>();
  const [note, setNote] = useDraft(person.id, `${walk.id}.note`);
  const [output, setOutput] = useDraft(person.id, `${walk.id}.output`);
  const { problem, setProblem } = useRefused(person.id, walk.id, { note, setNote, output, setOutput });
  const heading = useRef<HTMLHeadingElement>(null);
  const pad = useRef<HTMLTextAreaElement>(null);

  // What somebody does is shown before the server has answered, and sent in order.
  const unsent = useUnsent(person.id, walk.id);
  const { steps, nodeId, left, moved, notes: waitingNotes } = shown(walk, unsent.list);
  const known = useRef<WalkNode | null>(null);
  const current = walk.currentNode as WalkNode | null;
  const ahead = nodeId && nodeId !== current?.nodeId ? nodes.get(nodeId) : undefined;
  // Where only the server knows what comes, what was shown last stays.
  const waiting = nodeId === undefined || (nodeId !== null && nodeId !== current?.nodeId && !ahead);
  const node = waiting ? known.current : ahead ? { ...ahead, title: fill(ahead.title, walk.values, walk.client), text: fill(ahead.text, walk.values, walk.client) } : current;
  useEffect(() => {
    known.current = node;
  });
  const step = Math.max(walk.step, (unsent.list.at(-1)?.on ?? -1) + 1); // with what waits

  // The new question gets the focus, so that it is read out and the keys are at hand.
  const seen = useRef(`${walk.step}`);
  const at = `${step} ${node?.nodeId ?? ''}`;
  useEffect(() => {
    const moved = seen.current !== at;
    seen.current = at;
    if (moved && !document.querySelector('[role=dialog], [role=alertdialog]:not(.notice)')) heading.current?.focus({ preventScroll: true });
  }, [at]);

  const act = (deed: Deed, said: string) => {
    setProblem(undefined);
    enqueue(person.id, walk, deed, said);
  };

  const choose = (optionId?: string, values?: { name: string; text: string }[]) => {
    if (!mine || waiting || !node) return;
    const option = 'options' in node ? node.options.find((o) => o.optionId === optionId) : undefined;
    const target = option?.target ?? ('next' in node && !values ? node.next : undefined);
    const next = target && !hasBranches(node) ? nodes.get(target) : undefined;
    const to = next && next.__typename !== 'SubtreeNode' ? next.nodeId : undefined;
    act({ what: 'advance', optionId: optionId ?? null, values: values ?? [], note, output, to }, words.answered(node.title, option?.label ?? values?.map((v) => v.text).join(', ')));
    setNote('');
    setOutput('');
    setNoting(undefined);
  };

  const saveNote = () => {
    act({ what: 'note', text: note, output }, words.noted);
    setNote('');
    setOutput('');
    setNoting(undefined);
    heading.current?.focus();
  };

  const back = (toStep?: number) => {
    setOpen(undefined);
    act({ what: 'back', toStep: toStep ?? null }, words.wentBack);
  };

  const leaveTree = () => act({ what: 'return' }, words.wentBack);

  /** Opens what the server has to do at once: not before it has what waits. */
  const ask = (next: Open) => {
    if (unsent.stuck) setProblem({ message: words.first, code: undefined, reason: undefined, field: undefined, requestId: undefined, extensions: {} });
    else setOpen(next);
  };

  const askBack = (step: Step) => {
    const last = steps.at(-1);
    // What is on its way would be undone too.
    if (last && step.step === last.step && left === 0) back(step.step);
    else setOpen({ what: 'back', step });
  };

  const canGoBack = steps.length > 0 || left > 0;
  const atSolution = node?.__typename === 'SolutionNode';
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!isShortcut(event) || !mine || open) return;
      const keys: Record<string, (() => void) | undefined> = {
        // What is typed next goes into the field already.
        n: () => flushSync(() => setNoting('note')),
        o: () => flushSync(() => setNoting('output')),
        p: () => {
          pad.current?.focus({ preventScroll: true });
          pad.current?.scrollIntoView({ block: 'nearest' });
        },
        d: () => setOpen({ what: 'details' }),
        c: () => ask({ what: 'complete' }),
        '0': () => ask({ what: 'own-step' }),
        '?': () => setOpen({ what: 'shortcuts' }),
        Backspace: canGoBack ? () => back() : undefined,
        ArrowLeft: canGoBack ? () => back() : undefined,
      };
      const run = keys[event.key];
      if (!run) return;
      event.preventDefault();
      run();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  });

  const switched = walk.places.some((p) => p.arrival === 'SWITCH');
  return (
    <>
      <div className="sub">
        <h1>{walk.title}</h1>
        {walk.treeVersion !== null && <span className="badge">version {walk.treeVersion}</span>}
        <div className="meta">
          {walk.clientName && (
            <span>
              <Icon of={Building2} size={14} /> {walk.clientName}
            </span>
          )}
          {walk.ticket && (
            <span>
              <Icon of={Tag} size={14} /> {walk.ticket}
            </span>
          )}
          {watchers.length > 0 && (
            <span role="status">
              <Icon of={Eye} size={14} /> {watchers.map((w) => w.name).join(', ')} {watchers.length === 1 ? 'is' : 'are'} watching
            </span>
          )}
        </div>
        <Timer walk={walk} />
        {mine && (
          <>
            <Button onPress={() => ask({ what: 'complete' })} shortcut="C">
              Complete
            </Button>
            <Menu
              aria-label="More"
              trigger={
                <Button kind="quiet" iconOnly icon={<Icon of={Ellipsis} />}>
                  More
                </Button>
              }
            >
              <MenuItem onAction={() => setOpen({ what: 'details' })}>Ticket, client, subject…</MenuItem>
              {switched && <MenuItem onAction={leaveTree}>Back to the tree before</MenuItem>}
              <MenuItem onAction={() => setOpen({ what: 'shortcuts' })}>Keyboard shortcuts</MenuItem>
              <MenuItem onAction={() => ask({ what: 'give-up' })}>Give up…</MenuItem>
            </Menu>
          </>
        )}
      </div>
      <div className="run">
        {walk.treeId && <WalkMap graph={graph?.treeVersion?.graph as { root: string; nodes: readonly WalkNode[] } | undefined} steps={steps} at={node} />}
        <div className="way">
          <div className="way-in">
            <div className="past">
              <Trail steps={steps} rows={5} onStep={mine ? askBack : undefined} moving />
            </div>
            <StepCard
              node={node}
              place={place}
              since={steps.at(-1)?.leftAt ?? walk.startedAt}
              first={steps.length === 0}
              notes={[...(moved ? [] : walk.currentNotes), ...waitingNotes]}
              heading={heading}
              subject={walk.subject}
            >
              {mine && (noting || note || output) && (
                <NoteBox
                  focus={noting}
                  note={note}
                  output={output}
                  onNote={setNote}
                  onOutput={setOutput}
                  onSave={saveNote}
                  onClose={() => {
                    setNoting(undefined);
                    heading.current?.focus();
                  }}
                />
              )}
              {problem && (
                <div className="mt-4">
                  <FailureBanner failure={problem} />
                </div>
              )}
              <div role="status">
                {unsent.stuck && (
                  <div className="mt-4">
                    <Banner colour="amber">
                      <b>{words.waits(unsent.list.length)}</b> {words.kept} {waiting && words.unknown}
                    </Banner>
                  </div>
                )}
              </div>
              {!mine && (
                <div className="mt-4">
                  <Banner colour="cyan">
                    <b>{walk.heldBy.name} has this session.</b> You see each step as it is taken.
                  </Banner>
                </div>
              )}
              {node?.__typename === 'InputNode' && mine && <InputForm key={step} node={node} values={walk.values} onDone={(values) => choose(undefined, values)} />}
            </StepCard>
            {mine && (
              <Answers
                node={node}
                nodes={nodes}
                known={walk}
                busy={waiting}
                continues={atSolution && node.continue && walk.places.length > 1 && place?.arrival === 'SUBTREE'}
                onChoose={choose}
                onComplete={() => ask({ what: 'complete' })}
                onOwnStep={() => ask({ what: 'own-step' })}
              />
            )}
            {mine && (
              <div className="step-tools">
                <Button kind="quiet" icon={<Icon of={StickyNote} />} shortcut="N" onPress={() => setNoting('note')}>
                  Note on this step
                </Button>
                <Button kind="quiet" icon={<Icon of={Terminal} />} shortcut="O" onPress={() => setNoting('output')}>
                  Paste output
                </Button>
                <Button kind="quiet" icon={<Icon of={Undo2} />} shortcut="←" isDisabled={!canGoBack} onPress={() => back()}>
                  Back
                </Button>
              </div>
            )}
          </div>
        </div>
        <Side walk={walk} person={person} mine={mine} onDetails={() => setOpen({ what: 'details' })} pad={pad} onLeavePad={() => heading.current?.focus()} />
      </div>
      {mine && (
        <nav className="phonebar" aria-label="Step tools">
          <button type="button" disabled={!canGoBack} onClick={() => back()}>
            <Icon of={Undo2} size={20} />
            Back
          </button>
          <button type="button" onClick={() => setNoting('note')}>
            <Icon of={StickyNote} size={20} />
            Note
          </button>
          <button type="button" onClick={() => setOpen({ what: 'details' })}>
            <Icon of={Building2} size={20} />
            Client
          </button>
          <button type="button" onClick={() => ask({ what: 'give-up' })}>
            <Icon of={CircleX} size={20} />
            Give up
          </button>
          <button type="button" onClick={() => ask({ what: 'complete' })}>
            <Icon of={Check} size={20} />
            Complete
          </button>
        </nav>
      )}
      {open?.what === 'complete' && (
        <CompleteDialog
          walk={walk}
          note={note}
          output={output}
          onNote={setNote}
          onNoted={() => {
            setNote('');
            setOutput('');
            setNoting(undefined);
          }}
          onClose={() => setOpen(undefined)}
        />
      )}
      {open?.what === 'give-up' && <GiveUpDialog walk={walk} onClose={() => setOpen(undefined)} />}
      {open?.what === 'own-step' && <OwnStepDialog walk={walk} onClose={() => setOpen(undefined)} />}
      {open?.what === 'details' && <DetailsDialog walk={walk} onClose={() => setOpen(undefined)} />}
      {open?.what === 'shortcuts' && <ShortcutsDialog onClose={() => setOpen(undefined)} />}
      {open?.what === 'back' && <GoBackDialog steps={steps} ahead={left} step={open.step} onBack={() => back(open.step.step)} onClose={() => setOpen(undefined)} />}
    </>
  );
}

/** Whether a value may decide the way on. */
const hasBranches = (node: WalkNode): boolean => node.__typename === 'InputNode' || (node.__typename === 'ActionNode' && node.options.length === 0) || node.__typename === 'SubtreeNode';

function Timer({ walk }: { walk: WalkFragment }) {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <time className="timer" title="Time open" aria-label={`Time open, since ${clockTime(here(walk.startedAt))}`}>
      {running(secondsOpen(walk, now))}
    </time>
  );
}

function NoteBox({ focus, note, output, onNote, onOutput, onSave, onClose }: { focus: 'note' | 'output' | undefined; note: string; output: string; onNote: (text: string) => void; onOutput: (text: string) => void; onSave: () => void; onClose: () => void }) {
  const noteField = useRef<HTMLTextAreaElement>(null);
  const outputField = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    if (!focus) return; // somebody went back to the question; the text stays
    const field = (focus === 'output' ? outputField : noteField).current;
    field?.focus({ preventScroll: true });
    field?.scrollIntoView({ block: 'nearest' });
  }, [focus]);
  const keys = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onSave();
    } else if (event.key === 'Escape') onClose();
  };
  const lines = output === '' ? 0 : output.split('\n').length;
  return (
    <div className="notebox">
      <textarea ref={noteField} className="input" rows={2} aria-label="Note on this step" placeholder="A note. It goes with your answer, or save it now." maxLength={10_000} value={note} onChange={(e) => onNote(e.target.value)} onKeyDown={keys} />
      {(focus === 'output' || output) && (
        <div className="out-block">
          <header>
            Output{lines > 0 && `, ${lines === 1 ? '1 line' : `${lines} lines`}, kept as it is`}
            {output && (
              <Button kind="quiet" iconOnly icon={<Icon of={CircleX} size={14} />} onPress={() => onOutput('')}>
                Remove the output
              </Button>
            )}
          </header>
          <textarea ref={outputField} className="input mono" rows={Math.min(10, Math.max(3, lines))} aria-label="Output of a command" placeholder="Paste what the command put out" value={output} onChange={(e) => onOutput(e.target.value)} onKeyDown={keys} />
        </div>
      )}
      <div className="flex flex-wrap items-center gap-2">
        <Button size="small" icon={<Icon of={ArrowUp} size={14} />} isDisabled={!note.trim() && !output.trim()} onPress={onSave}>
          Save now
        </Button>
        <span className="hint">
          <span className="by-keys">Ctrl Enter saves it too. </span>
          Else it goes with your answer.
        </span>
      </div>
    </div>
  );
}

