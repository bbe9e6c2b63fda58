import { useTitle } from '../layout/useTitle';
import { messages } from '../messages/en';
import { Button } from '../ui/Button';

/** Nobody knows who is signed in, because the server does not answer. */
export function AwayPage({ retry }: { retry: () => void }) {
  useTitle('No connection');
  return (
    <div className="page" role="alert">
      <h1 className="display">{messages.product} cannot be reached</h1>
      <p className="lead mt-2">{messages.away}</p>
      <p className="mt-6">
        <Button kind="primary" size="big" onPress={retry}>
          {messages.tryAgain}
        </Button>
      </p>
    </div>
  );
}
