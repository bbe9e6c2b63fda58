import { Link, useParams } from '@tanstack/react-router';
import { Copy } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { useClient, useMutation, useQuery } from 'urql';
import { failureOf, isMissing } from '../../api/errors';
import { atLeast, usePerson } from '../../auth/store';
import type { OneTreeQuery } from '../../gql/graphql';
import { useTitle } from '../../layout/useTitle';
import { counted, messages } from '../../messages/en';
import { part } from '../../load';
import { outcomeMark, outcomeWords } from '../../runner/model';
import { FailureBanner } from '../../ui/Banner';
import { Button } from '../../ui/Button';
import { copy } from '../../ui/copy';
import { exactTime, percent, span } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Empty, Listing } from '../../ui/Listing';
import { Loading } from '../../ui/Loading';
import { Markdown } from '../../ui/Markdown';
import { Time } from '../../ui/Time';
import { toast, toastWrong } from '../../ui/toast';
import { NotFoundPage } from '../NotFoundPage';
import { ConfirmTree, OneTree, PublishNow, RecentWalks, StartLinkOf, TreeFigures, TreeVersions } from './documents';
import { StartDialog } from './StartDialog';
import './trees.css';

const TreeCanvas = lazy(part(() => import('./TreeCanvas')));

/** One tree: its map to look at, its versions, how its walks end, and the way to start one. */
export default function TreePage() {
  const { treeId } = useParams({ from: '/app/trees/$treeId' });
  const person = usePerson();
  const writes = atLeast(person.role, 'ENGINEER');
  const [{ data, fetching, error }, again] = useQuery({ query: OneTree, variables: { id: treeId } });
  const [{ data: figures, error: noFigures }, figuresAgain] = useQuery({ query: TreeFigures, variables: { treeId }, pause: !writes });
  const [{ fetching: confirming }, confirm] = useMutation(ConfirmTree);
  const [{ fetching: publishing, data: published }, publish] = useMutation(PublishNow);
  const [starting, setStarting] = useState(false);
  const tree = data?.tree;
  useTitle(tree?.title);
  const failure = failureOf(error);
  if (isMissing(failure) || (data && !tree && !fetching)) return <NotFoundPage what="tree" />;
  if (!tree) {
    return (
      <div className="page">
        {fetching && <Loading rows={5} label="Loading the tree" />}
        {failure && <FailureBanner failure={failure} title="The tree could not be shown." retry={() => again({ requestPolicy: 'network-only' })} />}
      </div>
    );
  }
  const all = figures?.treeAnalytics.sessions;
  const problems = published?.publishTree.version ? [] : (published?.publishTree.problems ?? []);
  return (
    <div className="page">
      <div className="page-head">
        <h1>
          {tree.title || 'Without a title'} {tree.status !== 'PUBLISHED' && <span className="badge">{tree.status === 'DRAFT' ? 'Draft' : 'Archived'}</span>}
        </h1>
        {writes && tree.status === 'DRAFT' && (
          <Button kind="primary" isPending={publishing} onPress={() => void publish({ input: { treeId: tree.id, expectedRevision: tree.revision, changeNote: '' } }).then(({ error: e }) => e && toastWrong(failureOf(e)?.message ?? ''))}>
            Publish
          </Button>
        )}
        {writes && tree.status === 'PUBLISHED' && (
          <Button kind="primary" onPress={() => setStarting(true)}>
            Start…
          </Button>
        )}
      </div>
      {problems.length > 0 && (
        <ul className="mb-4 grid gap-1" aria-label="What keeps it from being published">
          {problems.map((p, i) => (
            <li className="err" key={i}>
              {p.message}
            </li>
          ))}
        </ul>
      )}
      {tree.description && <Markdown className="lead mb-6" text={tree.description} />}
      <div className="tree-page">
        <section className="sheet" aria-label="Map of the tree">
          <div className="card-head">
            <h2>Map</h2>
            <p>{counted(tree.nodeCount, 'step', 'steps')}</p>
          </div>
          <Suspense fallback={<Loading rows={6} />}>
            <TreeCanvas graph={tree.graph} />
          </Suspense>
        </section>
        <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
          {noFigures && <FailureBanner failure={failureOf(noFigures)} title="How its walks end could not be loaded." retry={() => figuresAgain({ requestPolicy: 'network-only' })} />}
          {all && (
            <section className="sheet" aria-label="How its walks end">
              <div className="card-head">
                <h2>How its walks end</h2>
                <p>90 days</p>
              </div>
              <div className="grid gap-2 p-4 text-small">
                {all.completed === 0 && <p className="hint">{all.started === 0 ? 'Nobody has walked it yet.' : `${counted(all.started, 'walk', 'walks')}, none completed yet.`}</p>}
                {all.completed > 0 &&
                  all.outcomes.map((o) => (
                    <p key={o.outcome} className="flex items-center gap-2">
                      <span className={`mk ${outcomeMark(o.outcome)}`} aria-hidden="true" />
                      <span className="flex-1">{messages.outcomes[o.outcome]}</span>
                      <span className="num">{o.share === null ? '' : percent(o.share)}</span>
                    </p>
                  ))}
                {all.completed > 0 && all.medianActiveSeconds !== null && <p className="hint">Half of them took {span(all.medianActiveSeconds * 1000)} or less.</p>}
              </div>
            </section>
          )}
          <section className="sheet" aria-label="About the tree">
            <div className="card-head">
              <h2>About</h2>
            </div>
            <dl className="facts p-4">
              <dt>Category</dt>
              <dd>{tree.category?.name ?? 'None'}</dd>
              <dd />
              <dt>Owner</dt>
              <dd>{tree.owner.name}</dd>
              <dd />
              <dt>Review by</dt>
              <dd>{tree.reviewBy ?? 'No date'}</dd>
              <dd />
              {tree.tags.length > 0 && (
                <>
                  <dt>Tags</dt>
                  <dd>{tree.tags.join(', ')}</dd>
                  <dd />
                </>
              )}
            </dl>
            {writes && tree.status === 'PUBLISHED' && (
              <p className="due">
                <span className="flex-1">{tree.confirmedAt ? <>Confirmed <Time at={tree.confirmedAt} />.</> : 'Nobody has confirmed it yet.'}</span>
                <Button
                  size="small"
                  isPending={confirming}
                  onPress={() =>
                    void confirm({ input: { treeId: tree.id } }).then(({ error: e }) => {
                      if (e) toastWrong(failureOf(e)?.message ?? '');
                      else toast('Confirmed: still right');
                    })
                  }
                >
                  Still right
                </Button>
              </p>
            )}
          </section>
          {tree.status === 'PUBLISHED' && <Recent treeId={tree.id} team={atLeast(person.role, 'ADMIN')} onStart={writes ? () => setStarting(true) : undefined} />}
          {writes && tree.status === 'PUBLISHED' && <StartLink treeId={tree.id} />}
          <Versions treeId={tree.id} first={tree.versions} writes={writes} />
        </div>
      </div>
      {starting && <StartDialog tree={tree} onClose={() => setStarting(false)} />}
    </div>
  );
}

type Version = NonNullable<OneTreeQuery['tree']>['versions']['nodes'][number];

/** The published versions, the latest first. */
function Versions({ treeId, first, writes }: { treeId: string; first: { nodes: Version[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } }; writes: boolean }) {
  const client = useClient();
  const [more, setMore] = useState<{ nodes: Version[]; after: string | null }>({ nodes: [], after: null });
  const [loading, setLoading] = useState(false);
  const load = async () => {
    setLoading(true);
    const { data, error } = await client.query(TreeVersions, { id: treeId, after: more.after ?? first.pageInfo.endCursor }, { requestPolicy: 'network-only' }).toPromise();
    setLoading(false);
    const page = data?.tree?.versions;
    if (page) setMore((old) => ({ nodes: [...old.nodes, ...page.nodes], after: page.pageInfo.hasNextPage ? page.pageInfo.endCursor : '' }));
    else toastWrong(failureOf(error)?.message ?? '');
  };
  return (
    <section className="sheet" aria-label="Versions">
      <div className="card-head">
        <h2>Versions</h2>
      </div>
      {first.nodes.length === 0 && <Empty title="It was never published">{writes ? 'Publish it above, and its first version stands here.' : 'Its first version stands here when it is.'}</Empty>}
      <ol>
        {[...first.nodes, ...more.nodes].map((v) => (
          <li key={v.number} className="due">
            <b className="text-ink">{v.number}</b>
            <span className="min-w-0 flex-1 break-words">
              {v.changeNote || v.title}
              <span className="block text-note text-ink-3" title={exactTime(v.publishedAt)}>
                {v.publishedBy.name}, <Time at={v.publishedAt} />
              </span>
            </span>
          </li>
        ))}
      </ol>
      {first.pageInfo.hasNextPage && more.after !== '' && (
        <p className="due">
          <Button size="small" isPending={loading} onPress={() => void load()}>
            Show earlier ones
          </Button>
        </p>
      )}
    </section>
  );
}

/** The latest walks through the tree that this person may read. */
function Recent({ treeId, team, onStart }: { treeId: string; team: boolean; onStart: (() => void) | undefined }) {
  const [recent, again] = useQuery({ query: RecentWalks, variables: { filter: { treeId, scope: team ? 'TEAM' : 'MINE' } } });
  const walks = recent.data?.sessions.nodes ?? [];
  return (
    <section className="sheet" aria-label="Recent walks">
      <div className="card-head">
        <h2>Recent walks</h2>
        <p>{team ? 'everybody’s' : 'yours'}</p>
      </div>
      <Listing
        of={recent}
        retry={() => again({ requestPolicy: 'network-only' })}
        failed="The walks could not be loaded."
        loading="Loading the latest walks"
        empty={
          walks.length === 0 && (
            <Empty title={team ? 'Nobody has walked it yet' : 'You have not walked it yet'} action={onStart && <Button onPress={onStart}>Start a walk…</Button>}>
              Its walks stand here, the latest first.
            </Empty>
          )
        }
      >
        <ul className="recent">
          {walks.map((w) => (
            <li key={w.id}>
              <span className={`mk ${w.status === 'IN_PROGRESS' ? 'mk-p' : outcomeMark(w.outcome)}`} aria-hidden="true" />
              <span className="min-w-0 flex-1">
                <Link to="/sessions/$sessionId" params={{ sessionId: w.id }}>
                  {outcomeWords(w)}
                </Link>
                <span className="block truncate text-note text-ink-3">{[w.ticket, w.clientName, w.subject, team && w.heldBy.name].filter(Boolean).join(', ')}</span>
              </span>
              <span className="text-note text-ink-3">
                <Time at={w.endedAt ?? w.startedAt} />
              </span>
            </li>
          ))}
        </ul>
      </Listing>
      {recent.data?.sessions.pageInfo.hasNextPage && (
        <p className="due">
          <Link to="/sessions" search={{ tree: treeId, ...(team && { who: 'team' }) }}>
            All its walks
          </Link>
        </p>
      )}
    </section>
  );
}

/** The address by which a ticket system opens walks of this tree. */
function StartLink({ treeId }: { treeId: string }) {
  const [{ data }] = useQuery({ query: StartLinkOf, variables: { treeId } });
  const template = data?.startLinkTemplate;
  if (!template) return null;
  return (
    <section className="sheet" aria-label="Start link">
      <div className="card-head">
        <h2>Start link</h2>
        <Button size="small" icon={<Icon of={Copy} size={14} />} onPress={() => void copy(template.url, 'Start link copied')}>
          Copy<span className="sr-only"> the start link</span>
        </Button>
      </div>
      <div className="start-link">
        <p>For the ticket system: one click in a ticket opens this tree with what the ticket knows. What stands in braces the ticket system fills in; what it does not have can be left out.</p>
        <code tabIndex={0}>{template.url}</code>
      </div>
    </section>
  );
}
