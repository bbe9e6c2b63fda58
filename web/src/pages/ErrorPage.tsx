import type { ErrorComponentProps } from '@tanstack/react-router';
import { Button } from '../ui/Button';

/** What went wrong with the page itself. */
export function ErrorPage({ error, reset }: ErrorComponentProps) {
  // A part of the app that is gone comes with a new version of it.
  const message = error instanceof Error ? error.message : String(error);
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
