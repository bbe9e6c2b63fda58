import { Link } from '@tanstack/react-router';
import { Shield } from 'lucide-react';
import { useQuery } from 'urql';
import { failureOf } from '../api/errors';
import { useTitle } from '../layout/useTitle';
import { FailureBanner } from '../ui/Banner';
import { Icon } from '../ui/Icon';
import { Loading } from '../ui/Loading';
import { ActiveSessionsCard } from './ActiveSessionsCard';
import { SecurityPolicy } from './documents';
import { PolicyCard } from './PolicyCard';
import './security.css';

/** How long a login lasts in the account, who is signed in, and ending logins. Owners only. */
export default function AccountSecuritySettingsPage() {
  useTitle('Session security');
  const [{ data, fetching, error }, again] = useQuery({ query: SecurityPolicy });
  const failure = failureOf(error);
  return (
    <>
      <div>
        <h1 className="flex items-center gap-2">
          <Icon of={Shield} size={20} />
          Session security
        </h1>
        <p className="mt-1 max-w-measure text-ink-2">
          Decide how long a login lasts, see who is signed in now, and end logins at once. What was done is in the{' '}
          <Link to="/account/security/log">audit log</Link>.
        </p>
      </div>
      {failure && <FailureBanner failure={failure} title="The policy could not be loaded." retry={() => again({ requestPolicy: 'network-only' })} />}
      {fetching && !data && (
        <div className="sheet">
          <Loading rows={5} label="Loading the policy" />
        </div>
      )}
      {data && <PolicyCard policy={data.accountSecurity.policy} bounds={data.accountSecurity.policyBounds} />}
      <ActiveSessionsCard />
    </>
  );
}
