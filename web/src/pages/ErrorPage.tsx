import type { ErrorComponentProps } from '@tanstack/react-router';
import { useEffect } from 'react';
import { isReachable, Unreachable } from '../load';
import { messages } from '../messages/en';
import { Button } from '../ui/Button';

/** Never while nobody answers: the browser would put its own page in place of the app. */
const loadAnew = (): void => void isReachable().then((yes) => yes && location.reload());

/** What went wrong with the page itself. */
export function ErrorPage({ error, reset }: ErrorComponentProps) {
  const message = error instanceof Error ? error.message : String(error);
  const away = error instanceof Unreachable;
  useEffect(() => {
    if (!away) return;
    addEventListener('online', loadAnew);
    return () => removeEventListener('online', loadAnew);
  }, [away]);
  if (away) {
    return (
      <div className="page" role="alert">
        <h1 className="display">{navigator.onLine ? messages.connection.reconnecting : messages.connection.offline}</h1>
        <p className="lead mt-2">{message}</p>
        <p className="mt-6">
          <Button kind="primary" size="big" onPress={loadAnew}>
            {messages.tryAgain}
          </Button>
        </p>
      </div>
    );
  }
  // A part of the app that is gone comes with a new version of it.
  const outdated = /import|module|chunk/i.test(message);
  return (
    <div className="page" role="alert">
      <h1 className="display">{outdated ? 'The app was updated' : 'This page could not be shown'}</h1>
      <p className="lead mt-2">{outdated ? 'Load it anew to go on; what you did is saved.' : 'What you did is saved. Try again; if it stays, tell whoever looks after the server what stands below.'}</p>
      {!outdated && (
        <p className="mono mt-4 text-small text-ink-2">{message}</p>
      )}
      <p className="mt-6">
        <Button kind="primary" size="big" onPress={() => (outdated ? location.reload() : reset())}>
          {outdated ? 'Load anew' : 'Try again'}
        </Button>
      </p>
    </div>
  );
}
