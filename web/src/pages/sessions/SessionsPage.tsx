import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { History } from 'lucide-react';
import { useState } from 'react';
import { useQuery } from 'urql';
import { gql } from '../../gql';
import type { SessionListQuery, TreeOutcome, TreeSessionFilter } from '../../gql/graphql';
import { useTitle } from '../../layout/useTitle';
import { messages } from '../../messages/en';
import { outcomeMark, outcomeWords } from '../../runner/model';
import { Banner } from '../../ui/Banner';
import { Button } from '../../ui/Button';
import { span } from '../../ui/format';
import { Empty, Listing } from '../../ui/Listing';
import { Time } from '../../ui/Time';
import '../trees/trees.css';
import { filterOf, isBackward, isNarrowed, type SessionsSearch } from './search';
import { SessionFilters } from './SessionFilters';

const words = messages.history;

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
        currentNode { __typename nodeId title }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

/** All sessions, those in progress on top. What is chosen is in the address. */
export default function SessionsPage() {
  useTitle('Sessions');
  const search = useSearch({ from: '/app/sessions' });
  const navigate = useNavigate();
  const [pages, setPages] = useState<string[]>([]);
  const running = !search.outcome;
  const team = search.who !== undefined;
  const filtered = isNarrowed(search);
  const shown = JSON.stringify(search);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Sessions</h1>
      </div>
      <SessionFilters
        search={search}
        onChange={(next) => {
          setPages([]);
          void navigate({ to: '/sessions', search: (old: SessionsSearch) => Object.fromEntries(Object.entries({ ...old, ...next }).filter(([, v]) => v !== undefined)), replace: true });
        }}
      />
      {isBackward(search) ? (
        <Banner colour="amber" role="status">{words.backward}</Banner>
      ) : (
        <>
          {running && <SessionPage key={`running ${shown}`} title={words.running} filter={filterOf(search, 'running')} after={undefined} team={team} filtered={filtered} quiet />}
          <div className="grid gap-4">
            {[undefined, ...pages].map((after, i) => (
              <SessionPage
                key={`${shown} ${after}`}
                title={i > 0 ? undefined : running ? words.over : search.outcome === 'IN_PROGRESS' ? words.running : search.outcome === 'ABANDONED' ? words.abandoned : messages.outcomes[search.outcome as TreeOutcome]}
                filter={filterOf(search, 'over')}
                after={after}
                team={team}
                filtered={filtered}
                onMore={i === pages.length ? (cursor) => setPages((p) => [...p, cursor]) : undefined}
              />
            ))}
          </div>
        </>
      )}
    </div>
  );
}

interface PageProps {
  title: string | undefined;
  filter: TreeSessionFilter;
  after: string | undefined;
  team: boolean; // others' too
  filtered: boolean; // some are left out
  quiet?: boolean; // nothing is said where there is none
  onMore?: ((cursor: string) => void) | undefined;
}

function SessionPage({ title, filter, after, team, filtered, quiet, onMore }: PageProps) {
  const [page, again] = useQuery({ query: SessionList, variables: { filter, first: 50, after: after ?? null } });
  const { data } = page;
  const nodes = data?.sessions.nodes ?? [];
  if (quiet && nodes.length === 0 && !page.error) return null;
  return (
    <section className={quiet ? 'sheet mb-6' : 'sheet'} aria-label={title}>
      {title && (nodes.length > 0 || page.fetching) && (
        <div className={team ? 'session-row head team' : 'session-row head'} aria-hidden="true">
          <span>{title}</span>
          <span>Ticket</span>
          <span>Client</span>
          {team && <span>Who</span>}
          <span className="r">Time open</span>
          <span>Started</span>
          <span />
        </div>
      )}
      <Listing
        of={page}
        retry={() => again({ requestPolicy: 'network-only' })}
        failed="The sessions could not be loaded."
        loading="Loading sessions"
        rows={4}
        empty={
          nodes.length === 0 &&
          !after && (
            <Empty
              icon={History}
              title={filtered ? words.noneMatch : words.none}
              action={
                filtered ? (
                  <Link className="btn" to="/sessions" search={team ? { who: 'team' } : {}}>
                    {words.showAll}
                  </Link>
                ) : (
                  <Link className="btn primary" to="/trees">
                    Choose a tree
                  </Link>
                )
              }
            >
              {filtered ? words.noneMatchText : words.noneText}
            </Empty>
          )
        }
      >
        {nodes.map((s) => (
          <Row key={s.id} session={s} team={team} />
        ))}
      </Listing>
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
  const about = s.subject !== s.title && s.subject !== '' ? s.subject : undefined;
  const line = (open ? [about, s.currentNode?.title ?? 'Without a tree'] : [outcomeWords(s), about]).filter(Boolean).join(' · ');
  return (
    <div className={team ? 'session-row team' : 'session-row'}>
      <span className="flex min-w-0 items-center gap-3">
        <span className={`mk ${open ? 'mk-p' : outcomeMark(s.outcome)}`} aria-hidden="true" />
        <span className="min-w-0">
          <Link className="t" to="/sessions/$sessionId" params={{ sessionId: s.id }}>
            {s.title}
          </Link>
          <p title={line}>{line}</p>
        </span>
      </span>
      <span className="c">{s.ticket}</span>
      <span className="c">{s.clientName}</span>
      {team && <span className="c">{s.heldBy.name}</span>}
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
