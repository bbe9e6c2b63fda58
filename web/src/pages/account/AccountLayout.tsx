import { Link, Outlet } from '@tanstack/react-router';
import { useQuery } from 'urql';
import { atLeast, usePerson } from '../../auth/store';
import { gql } from '../../gql';
import '../trees/trees.css';
import './account.css';

const AccountName = gql(`
  query AccountName {
    account { id name }
  }
`);

/** The frame of the account's pages: what is the account's, and what is one's own. */
export default function AccountLayout() {
  const person = usePerson();
  const [{ data }] = useQuery({ query: AccountName });
  const current = { activeOptions: { exact: true }, activeProps: { 'aria-current': 'page' as const } };
  return (
    <div className="page">
      <div className="acct">
        <nav className="cats" aria-label="Account">
          <h2>{data?.account.name ?? 'Account'}</h2>
          <Link to="/account" {...current}>
            Settings
          </Link>
          {atLeast(person.role, 'ADMIN') && (
            <Link to="/account/members" {...current}>
              Members
            </Link>
          )}
          {person.role === 'OWNER' && (
            <>
              <Link to="/account/security" {...current}>
                Session security
              </Link>
              <Link to="/account/security/log" {...current} activeOptions={{ exact: true, includeSearch: false }}>
                Audit log
              </Link>
            </>
          )}
          <h2>{person.name}</h2>
          <Link to="/account/me" {...current}>
            Devices and password
          </Link>
        </nav>
        <div className="acct-main">
          <Outlet />
        </div>
      </div>
    </div>
  );
}
