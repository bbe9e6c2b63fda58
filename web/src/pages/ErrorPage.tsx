import type { ErrorComponentProps } from '@tanstack/react-router';
import { Banner } from '../ui/Banner';
import { Button } from '../ui/Button';

/** What went wrong with the page itself. */
export function ErrorPage({ error, reset }: ErrorComponentProps) {
  // A part of the app that is gone comes with a new version of it.
  const message = error instanceof Error ? error.message : String(error);
  const outdated = /import|module|chunk/i.test(message);
  return (
    <div className="page">
      <Banner colour="red" role="alert">
        {outdated ? (
          <>
            <b>The app was updated.</b> Load it anew to go on; what you did is saved.
          </>
        ) : (
          <>
            <b>This page could not be shown.</b> {message}
          </>
        )}
      </Banner>
      <p className="mt-4">
        <Button kind="primary" onPress={() => (outdated ? location.reload() : reset())}>
          {outdated ? 'Load anew' : 'Try again'}
        </Button>
      </p>
    </div>
  );
}
