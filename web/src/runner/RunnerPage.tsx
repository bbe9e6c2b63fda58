import { useParams } from '@tanstack/react-router';
import { useQuery } from 'urql';
import { failureOf, isMissing } from '../api/errors';
import { usePerson } from '../auth/store';
import { NotFoundPage } from '../pages/NotFoundPage';
import { FailureBanner } from '../ui/Banner';
import { Loading } from '../ui/Loading';
import { WalkQuery } from './documents';
import './runner.css';
import { Runner } from './Runner';
import { Summary } from './Summary';

/** One session: the runner while it goes on, and its summary afterwards. */
export default function RunnerPage() {
  const { sessionId } = useParams({ from: '/app/sessions/$sessionId' });
  const person = usePerson();
  const [{ data, error, fetching }, again] = useQuery({ query: WalkQuery, variables: { id: sessionId } });
  const walk = data?.session;
  const failure = failureOf(error);
  if (walk) return walk.status === 'IN_PROGRESS' ? <Runner key={walk.id} walk={walk} person={person} /> : <Summary walk={walk} person={person} />;
  if (isMissing(failure) || (data && !fetching)) return <NotFoundPage what="session" />;
  return (
    <div className="page">
      {fetching && <Loading label="Loading the session" rows={5} />}
      {failure && <FailureBanner failure={failure} title="The session could not be shown." retry={() => again({ requestPolicy: 'network-only' })} />}
    </div>
  );
}
