// Where the API describes itself, on servers that show it. Those pages are no part of
// the app, so a link to them loads them.
import { useQuery } from 'urql';
import { gql } from '../gql';

const Described = gql(`
  query Described {
    serverInfo { explorerOpen }
  }
`);

const pages = [
  { to: '/api/reference', label: 'API reference' },
  { to: '/api/docs', label: 'API explorer' },
] as const;

/** The pages about the API; none where the server does not show them. */
export function useDescribed(): readonly { to: string; label: string }[] {
  const [{ data }] = useQuery({ query: Described, requestPolicy: 'cache-first' });
  return data?.serverInfo.explorerOpen ? pages : [];
}
