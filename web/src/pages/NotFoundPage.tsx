import { Link } from '@tanstack/react-router';
import { useTitle } from '../layout/useTitle';

export function NotFoundPage() {
  useTitle('Not found');
  return (
    <div className="page">
      <h1 className="display">There is no such page</h1>
      <p className="lead mt-2">The address may have been typed wrong, or what it led to is gone. Press Ctrl K to find a tree or a page.</p>
      <p className="mt-6">
        <Link className="btn primary big" to="/trees">
          Go to the trees
        </Link>
      </p>
    </div>
  );
}
