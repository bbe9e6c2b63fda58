import { Link } from '@tanstack/react-router';
import { useTitle } from '../layout/useTitle';

/** A page that is there, but not for this person. */
export function ForbiddenPage({ who }: { who: string }) {
  useTitle(`Only ${who}`);
  return (
    <div className="page">
      <h1 className="display">Only {who}</h1>
      <p className="lead mt-2">Your role does not open this page. Ask an owner of your account if you need it.</p>
      <p className="mt-6">
        <Link className="btn primary big" to="/trees">
          Go to the trees
        </Link>
      </p>
    </div>
  );
}
