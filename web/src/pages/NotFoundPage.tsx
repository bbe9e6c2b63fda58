import { Link } from '@tanstack/react-router';
import { useTitle } from '../layout/useTitle';

/** An address that leads nowhere; or to `what` that is not there, or not for this person, which looks the same. */
export function NotFoundPage({ what }: { what?: 'tree' | 'session' }) {
  useTitle('Not found');
  return (
    <div className="page">
      <h1 className="display">There is no such {what ?? 'page'}</h1>
      <p className="lead mt-2">The address may have been typed wrong, or what it led to is gone{what && ', or belongs to another account'}. Press Ctrl K to find a tree or a page.</p>
      <p className="mt-6">
        <Link className="btn primary big" to={what === 'session' ? '/sessions' : '/trees'}>
          Go to the {what === 'session' ? 'sessions' : 'trees'}
        </Link>
      </p>
    </div>
  );
}
