import { useQuery } from 'urql';
import { gql } from '../../gql';
import { exactTime, minutes } from '../../ui/format';

const OwnLimitsQuery = gql(`
  query OwnLimits {
    me { id currentLoginSession { id idleMinutes absoluteExpiresAt } }
  }
`);

/** How long one's own login lasts, in words (WCAG 2.2.6). */
export function OwnLimits() {
  const [{ data }] = useQuery({ query: OwnLimitsQuery, requestPolicy: 'cache-and-network' });
  const login = data?.me?.currentLoginSession;
  return (
    <p className="min-h-5 text-ink-2">
      {login && (
        <>
          You are signed out after <b>{minutes(login.idleMinutes)}</b> without activity, and on <b>{exactTime(login.absoluteExpiresAt)}</b> in any case. What you enter is kept.
        </>
      )}
    </p>
  );
}
