// The notice that the login session comes to its end. It lies on the top bar and
// stays until somebody acts: it is no toast that goes by itself, whatever its name.
import { useRouterState } from '@tanstack/react-router';
import { Clock, Hourglass, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { here, serverNow } from '../auth/clock';
import { dismiss, endsAt, useExpiry } from '../auth/expiry';
import { refresh } from '../auth/token';
import { goToLogin } from '../auth/leave';
import { messages } from '../messages/en';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { clockTime, running } from '../ui/format';

const words = messages.expiry;

/** Seconds before the end at which it is said once more to those who listen. */
const said = [120, 60, 20];

export function SessionExpiryToast() {
  const { expiry, dismissed } = useExpiry();
  const path = useRouterState({ select: (s) => s.location.href });
  const deadline = expiry && endsAt(expiry);
  const near = expiry !== undefined && (expiry.level === 'SOON' || expiry.level === 'NOW') && deadline !== dismissed;
  const left = useSecondsUntil(near ? deadline : undefined);
  const [spoken, setSpoken] = useState('');
  const [busy, setBusy] = useState(false);
  const before = useRef<HTMLElement | null>(null); // what had the focus when the notice got it

  useEffect(() => {
    if (left === undefined) return;
    const mark = said.find((s) => left <= s && left > s - 2);
    if (mark) setSpoken(words.announce(mark >= 60 ? `${mark / 60} min` : `${mark} s`));
  }, [left]);

  // A tab that nobody looks at says it in its title, whichever page's that is.
  const minutesLeft = left === undefined || !near ? undefined : Math.ceil(left / 60);
  useEffect(() => {
    if (minutesLeft === undefined) return;
    const plain = () => document.title.replace(/^\(\d+ min left\) /, '');
    const say = () => {
      document.title = document.hidden ? `${words.title(minutesLeft)} ${plain()}` : plain();
    };
    say();
    document.addEventListener('visibilitychange', say);
    return () => {
      document.removeEventListener('visibilitychange', say);
      document.title = plain();
    };
  }, [minutesLeft]);

  // It goes with the focus in it: that goes back to where it was.
  useEffect(() => {
    if (near) return;
    const back = before.current;
    before.current = null;
    if (back?.isConnected && (document.activeElement === document.body || document.activeElement === null)) back.focus();
  }, [near]);

  if (!near || deadline === undefined || left === undefined) return null;
  const idle = expiry.reason === 'IDLE';
  const at = clockTime(here(new Date(deadline).toISOString()));

  const stay = async () => {
    setBusy(true);
    try {
      await refresh(false);
    } catch {
      // The banner about the connection says why; the notice stays.
    } finally {
      setBusy(false);
    }
  };

  return (
    <section
      className={idle ? 'notice' : 'notice cyan'}
      role="alertdialog"
      aria-label={idle ? words.idle(at) : words.absolute(at)}
      data-not-activity
      onFocus={({ relatedTarget, currentTarget }) => {
        if (relatedTarget instanceof HTMLElement && !currentTarget.contains(relatedTarget)) before.current = relatedTarget;
      }}
      onBlur={({ relatedTarget, currentTarget }) => {
        if (relatedTarget && !currentTarget.contains(relatedTarget)) before.current = null;
      }}
      onKeyDown={(event) => event.key === 'Escape' && dismiss(deadline)}
    >
      <Icon of={idle ? Hourglass : Clock} />
      <p>
        <b>
          <span className="long">{idle ? words.idle(at) : words.absolute(at)}</span>
          <span className="short">{idle ? words.idleShort(at) : words.absolute(at)}</span>
        </b>
        <span className="long">{idle ? words.idleWhy : words.absoluteWhy}</span>{' '}
        <span className="time-left" aria-hidden="true">
          {words.left(running(left))}
        </span>
      </p>
      <span className="sr-only" role="status">
        {spoken}
      </span>
      {idle ? (
        <Button onPress={() => void stay()} isPending={busy}>
          {words.stay}
        </Button>
      ) : (
        <Button onPress={() => void goToLogin(path)}>{words.signInNow}</Button>
      )}
      <Button kind="quiet" iconOnly icon={<Icon of={X} />} onPress={() => dismiss(deadline)}>
        {words.dismiss}
      </Button>
    </section>
  );
}

/** An hour before the end in any case: a quiet line, once. */
export function PlanAheadLine() {
  const { expiry, dismissed } = useExpiry();
  if (!expiry || expiry.level !== 'NOTICE' || expiry.absoluteAt === dismissed) return null;
  return (
    <div className="quiet-line" role="status">
      <Icon of={Clock} size={14} />
      <span>{words.notice(clockTime(here(new Date(expiry.absoluteAt).toISOString())))}</span>
      <button type="button" className="link" onClick={() => dismiss(expiry.absoluteAt)}>
        OK
      </button>
    </div>
  );
}

/** Whole seconds until a moment of the server's clock; undefined without one. */
function useSecondsUntil(deadline: number | undefined): number | undefined {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    if (deadline === undefined) return;
    setNow(serverNow());
    const timer = setInterval(() => setNow(serverNow()), 1000);
    return () => clearInterval(timer);
  }, [deadline]);
  return deadline === undefined ? undefined : Math.max(0, Math.ceil((deadline - now) / 1000));
}
