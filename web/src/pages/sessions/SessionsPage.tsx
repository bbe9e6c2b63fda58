import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { ChevronDown, History } from 'lucide-react';
import { useState } from 'react';
import { ListBox, ListBoxItem, Popover, Select, SelectValue, ToggleButton, ToggleButtonGroup } from 'react-aria-components';
import { Button as AriaButton } from 'react-aria-components';
import { useQuery } from 'urql';
import { failureOf } from '../../api/errors';
import { atLeast, usePerson } from '../../auth/store';
import { gql } from '../../gql';
import type { SessionListQuery, TreeSessionStatus } from '../../gql/graphql';
import { useTitle } from '../../layout/useTitle';
import { outcomeMark, outcomeWords } from '../../runner/model';
import { FailureBanner } from '../../ui/Banner';
import { Button } from '../../ui/Button';
import { span } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Loading } from '../../ui/Loading';
import { Time } from '../../ui/Time';
import '../trees/trees.css';

const SessionList = gql(`
  query SessionList($filter: TreeSessionFilter, $first: Int, $after: String) {
    sessions(filter: $filter, first: $first, after: $after) {
      nodes {
        id
        title
        status
        outcome
        ticket
        clientName
        subject
        heldBy { id name }
        startedAt
        endedAt
        activeSeconds
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export interface SessionsSearch {
  who?: 'team';
  status?: TreeSessionStatus;
}

const statuses: { id: TreeSessionStatus | 'ALL'; name: string }[] = [
  { id: 'ALL', name: 'All' },
  { id: 'IN_PROGRESS', name: 'In progress' },
  { id: 'COMPLETED', name: 'Completed' },
  { id: 'ABANDONED', name: 'Given up' },
];

/** All sessions, those in progress on top. What is chosen is in the address. */
export default function SessionsPage() {
  useTitle('Sessions');
  const person = usePerson();
  const search = useSearch({ from: '/app/sessions' });
  const navigate = useNavigate();
  const [pages, setPages] = useState<string[]>([]);
  const set = (next: Partial<SessionsSearch>) => {
    setPages([]);
    void navigate({ to: '/sessions', search: (old: SessionsSearch) => Object.fromEntries(Object.entries({ ...old, ...next }).filter(([, v]) => v !== undefined)), replace: true });
  };
  const scope = search.who === 'team' ? 'TEAM' : 'MINE';
  const running = !search.status;
  return (
    <div className="page">
      <div className="page-head">
        <h1>Sessions</h1>
        {atLeast(person.role, 'ADMIN') && (
          <ToggleButtonGroup className="seg" aria-label="Whose" selectionMode="single" disallowEmptySelection selectedKeys={[scope]} onSelectionChange={(keys) => set({ who: [...keys][0] === 'TEAM' ? 'team' : undefined })}>
            <ToggleButton id="MINE">Mine</ToggleButton>
            <ToggleButton id="TEAM">Everybody’s</ToggleButton>
          </ToggleButtonGroup>
        )}
        <Select aria-label="Which" value={search.status ?? 'ALL'} onChange={(key) => set({ status: key === 'ALL' ? undefined : (key as TreeSessionStatus) })}>
          <AriaButton className="btn select-button">
            <SelectValue />
            <Icon of={ChevronDown} />
          </AriaButton>
          <Popover className="popover">
            <ListBox className="menu" items={statuses}>
              {(s) => <ListBoxItem className="menu-item">{s.name}</ListBoxItem>}
            </ListBox>
          </Popover>
        </Select>
      </div>
      {running && <SessionPage key={`run ${scope}`} title="In progress" filter={{ scope, status: ['IN_PROGRESS'] }} after={undefined} team={scope === 'TEAM'} quiet />}
      <div className="grid gap-4">
        {[undefined, ...pages].map((after, i) => (
          <SessionPage
            key={`${scope} ${search.status} ${after}`}
            title={i === 0 ? (running ? 'Over' : (statuses.find((s) => s.id === search.status)?.name ?? '')) : undefined}
            filter={{ scope, status: search.status ? [search.status] : ['COMPLETED', 'ABANDONED'] }}
            after={after}
            team={scope === 'TEAM'}
            onMore={i === pages.length ? (cursor) => setPages((p) => [...p, cursor]) : undefined}
          />
        ))}
      </div>
    </div>
  );
}

interface PageProps {
  title: string | undefined;
  filter: { scope: 'MINE' | 'TEAM'; status: TreeSessionStatus[] };
  after: string | undefined;
  team: boolean;
  quiet?: boolean; // nothing is said where there is none
  onMore?: ((cursor: string) => void) | undefined;
}

function SessionPage({ title, filter, after, team, quiet, onMore }: PageProps) {
  const [{ data, fetching, error }, again] = useQuery({ query: SessionList, variables: { filter, first: 50, after: after ?? null } });
  const failure = failureOf(error);
  const nodes = data?.sessions.nodes ?? [];
  if (quiet && nodes.length === 0 && !failure) return null;
  return (
    <section className={quiet ? 'sheet mb-6' : 'sheet'} aria-label={title}>
      {title && (
        <div className="session-row head">
          <span>{title}</span>
          <span>Ticket</span>
          <span>Client</span>
          <span>{team ? 'Who' : ''}</span>
          <span className="r">Time open</span>
          <span>Started</span>
          <span />
        </div>
      )}
      {failure && <FailureBanner failure={failure} title="The sessions could not be loaded." retry={() => again({ requestPolicy: 'network-only' })} />}
      {fetching && !data && <Loading rows={4} label="Loading sessions" />}
      {nodes.map((s) => (
        <Row key={s.id} session={s} team={team} />
      ))}
      {data && nodes.length === 0 && !after && (
        <div className="empty">
          <Icon of={History} size={20} />
          <h2>No sessions here yet</h2>
          <p>A session begins with a tree, or with a subject alone. Its record comes by itself.</p>
          <Link className="btn primary" to="/trees">
            Choose a tree
          </Link>
        </div>
      )}
      {onMore && data?.sessions.pageInfo.hasNextPage && data.sessions.pageInfo.endCursor && (
        <div className="p-3 text-center">
          <Button onPress={() => onMore(data.sessions.pageInfo.endCursor ?? '')}>Show more</Button>
        </div>
      )}
    </section>
  );
}

function Row({ session: s, team }: { session: SessionListQuery['sessions']['nodes'][number]; team: boolean }) {
  const open = s.status === 'IN_PROGRESS';
  return (
    <div className="session-row">
      <span className="flex min-w-0 items-center gap-3">
        <span className={`mk ${open ? 'mk-p' : outcomeMark(s.outcome)}`} aria-hidden="true" />
        <span className="min-w-0">
          <Link className="t" to="/sessions/$sessionId" params={{ sessionId: s.id }}>
            {s.title}
          </Link>
          <p>{s.subject && s.subject !== s.title ? s.subject : outcomeWords(s)}</p>
        </span>
      </span>
      <span className="c">{s.ticket}</span>
      <span className="c">{s.clientName}</span>
      <span className="c">{team ? s.heldBy.name : ''}</span>
      <span className="r">{span(s.activeSeconds * 1000)}</span>
      <span className="c">
        <Time at={s.startedAt} />
      </span>
      <Link className="go" to="/sessions/$sessionId" params={{ sessionId: s.id }} aria-label={`${open ? 'Resume' : 'Open'} ${s.title}${s.ticket ? `, ${s.ticket}` : ''}`}>
        {open ? 'Resume' : 'Open'} →
      </Link>
    </div>
  );
}
