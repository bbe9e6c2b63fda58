import { CircleAlert } from 'lucide-react';
import { type Ref, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useMutation } from 'urql';
import { failureOf } from '../api/errors';
import { useConnection } from '../api/socket';
import type { Person } from '../auth/store';
import type { WalkFragment } from '../gql/graphql';
import { messages } from '../messages/en';
import { words as all } from '../messages/walk';
import { copy } from '../ui/copy';
import { clockTime } from '../ui/format';
import { Icon } from '../ui/Icon';
import { SavePad } from './documents';
import { useDraft } from './drafts';
import { caretAfter, failed, isSaved, longestPad, newPad, outrun, type Pad, restored, saved, sent, toKeep, told, typed } from './pad';

const words = all.pad;

/** After a pause of this length what was typed is saved. */
const pause = 700; // ms

interface Props {
  walk: Pick<WalkFragment, 'id' | 'scratchpad' | 'scratchpadRevision' | 'heldBy'>;
  person: Person;
  mine: boolean; // whoever has the session writes; others read
  field?: Ref<HTMLTextAreaElement>;
  onLeave?: () => void; // Escape
}

/** Free notes beside the walk. They save themselves; two windows become one text. */
export function Scratchpad({ walk, person, mine, field, onLeave }: Props) {
  const [kept, keep] = useDraft(person.id, `${walk.id}.pad`);
  const [pad, setPad] = useState<Pad>(() => {
    const fresh = newPad(walk.scratchpad, walk.scratchpadRevision);
    return mine ? restored(fresh, kept) : fresh;
  });
  const [savedAt, setSavedAt] = useState<number>();
  const [, run] = useMutation(SavePad);
  const now = useRef(pad);
  const own = useRef<HTMLTextAreaElement>(null);
  const caret = useRef<number>(undefined);
  const keeping = useRef(keep);
  useEffect(() => {
    keeping.current = keep;
  });

  const put = useCallback((next: Pad) => {
    const area = own.current;
    if (area && document.activeElement === area && next.text !== area.value) caret.current = caretAfter(area.value, next.text, area.selectionStart);
    now.current = next;
    setPad(next);
    keeping.current(toKeep(next));
  }, []);
  useLayoutEffect(() => {
    if (caret.current !== undefined) own.current?.setSelectionRange(caret.current, caret.current);
    caret.current = undefined;
  });

  const save = useCallback(async () => {
    if (now.current.sending !== undefined || isSaved(now.current)) return;
    put(sent(now.current));
    const { data, error } = await run({ input: { sessionId: walk.id, text: now.current.sending ?? '', expectedRevision: now.current.revision } });
    if (data) {
      put(saved(now.current, data.updateScratchpad.session.scratchpadRevision));
      setSavedAt(Date.now());
      return;
    }
    const failure = failureOf(error);
    const { scratchpad, scratchpadRevision } = failure?.extensions ?? {};
    if (failure?.code === 'CONFLICT' && typeof scratchpad === 'string' && typeof scratchpadRevision === 'number') put(outrun(now.current, scratchpad, scratchpadRevision));
    else put(failed(now.current, failure?.message ?? messages.away));
  }, [put, run, walk.id]);

  // News from the other window, or from whoever writes where this person reads.
  useEffect(() => {
    const next = told(now.current, walk.scratchpad, walk.scratchpadRevision);
    if (next !== now.current) put(next);
  }, [walk.scratchpad, walk.scratchpadRevision, put]);

  const waits = mine && !isSaved(pad) && pad.sending === undefined;
  useEffect(() => {
    if (!waits || pad.problem !== undefined) return;
    const timer = setTimeout(() => void save(), pause);
    return () => clearTimeout(timer);
  }, [waits, pad.text, pad.problem, save]);

  // What waits goes when the page does, and once more when the connection is back.
  const { state } = useConnection();
  useEffect(() => {
    if (mine && state === 'live') void save();
  }, [mine, state, save]);
  useEffect(() => {
    if (!mine) return;
    const hidden = () => document.visibilityState === 'hidden' && void save();
    document.addEventListener('visibilitychange', hidden);
    return () => {
      document.removeEventListener('visibilitychange', hidden);
      void save();
    };
  }, [mine, save]);

  const unsaved = pad.problem !== undefined && !isSaved(pad);
  return (
    <section aria-label={words.title}>
      <h2>
        {words.title}
        {mine ? (
          <span className="aside">{unsaved ? '' : !isSaved(pad) ? words.saving : savedAt !== undefined ? words.saved(clockTime(savedAt)) : ''}</span>
        ) : (
          pad.text && (
            <button type="button" className="link aside" onClick={() => void copy(pad.text)}>
              Copy
            </button>
          )
        )}
      </h2>
      {mine ? (
        <textarea
          ref={(area) => {
            own.current = area;
            if (typeof field === 'function') field(area);
            else if (field) field.current = area;
          }}
          className="input pad"
          aria-label={words.title}
          aria-describedby="pad-hint"
          maxLength={longestPad}
          value={pad.text}
          onChange={(event) => put(typed(now.current, event.target.value))}
          onBlur={() => void save()}
          onKeyDown={(event) => {
            if (event.key === 'Escape') onLeave?.();
          }}
        />
      ) : (
        <p className={pad.text ? 'pad-text' : 'hint'}>{pad.text || words.empty}</p>
      )}
      {mine && (
        <p className="hint" id="pad-hint">
          {words.hint}
        </p>
      )}
      <div role="alert">
        {unsaved && (
          <p className="err">
            <Icon of={CircleAlert} size={14} />
            <span>
              <b>{words.notSaved}</b> {pad.problem} {words.kept}{' '}
              {mine && (
                <button type="button" className="link" onClick={() => void save()}>
                  {messages.tryAgain}
                </button>
              )}
            </span>
          </p>
        )}
      </div>
    </section>
  );
}
