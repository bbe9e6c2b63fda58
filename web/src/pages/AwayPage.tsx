import { useTitle } from '../layout/useTitle';
import { messages } from '../messages/en';
import { Banner } from '../ui/Banner';
import { Button } from '../ui/Button';

/** Nobody knows who is signed in, because the server does not answer. */
export function AwayPage({ retry }: { retry: () => void }) {
  useTitle('No connection');
  return (
    <div className="page">
      <Banner colour="amber" role="alert">
        <b>{messages.product} cannot be reached.</b> {messages.away}
      </Banner>
      <p className="mt-4">
        <Button kind="primary" onPress={retry}>
          {messages.tryAgain}
        </Button>
      </p>
    </div>
  );
}
