import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { ChevronDown, Search } from 'lucide-react';
import { lazy, Suspense, useDeferredValue, useEffect, useRef, useState } from 'react';
import { Button as AriaButton, Input, ListBox, ListBoxItem, Popover, SearchField, Select, SelectValue } from 'react-aria-components';
import { useQuery } from 'urql';
import { failureOf } from '../../api/errors';
import { atLeast, usePerson } from '../../auth/store';
import type { TreeFilter, TreeListQuery, TreeOrder } from '../../gql/graphql';
import { isShortcut } from '../../layout/keys';
import { useTitle } from '../../layout/useTitle';
import { part } from '../../load';
import { counted } from '../../messages/en';
import { FailureBanner } from '../../ui/Banner';
import { Button } from '../../ui/Button';
import { span } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Kbd } from '../../ui/Kbd';
import { Empty, Listing } from '../../ui/Listing';
import { Loading } from '../../ui/Loading';
import { Time } from '../../ui/Time';
import { toastWrong } from '../../ui/toast';
import { RunningWalks, Shelves, TreeList, TreeSearch } from './documents';
import { Glyph } from './Glyph';
import { StartDialog } from './StartDialog';
import { useStart } from './start';
import './trees.css';

const FirstRun = lazy(part(() => import('./FirstRun')));

export interface TreesSearch {
  q?: string;
  category?: string;
  show?: 'drafts' | 'due';
  sort?: 'used' | 'title' | 'changed';
}

const orders: { id: NonNullable<TreesSearch['sort']>; name: string; order: TreeOrder }[] = [
  { id: 'used', name: 'Most used', order: { field: 'MOST_USED', direction: 'DESC' } },
  { id: 'changed', name: 'Latest change', order: { field: 'UPDATED', direction: 'DESC' } },
  { id: 'title', name: 'Title', order: { field: 'TITLE', direction: 'ASC' } },
];

/** What is said where no tree is, and what brings one there. */
const emptyWords = {
  all: ['There are no trees yet', 'An engineer of your account has to publish the first one.'],
  category: ['No tree is in this category yet', 'A tree is put into a category when it is written.'],
  drafts: ['You have no drafts', 'What is written and not published yet stands here.'],
  due: ['Nothing is due for review', 'Trees whose review date has come stand here, until somebody says that they are still right.'],
} as const;

/** The trees of the account, and the caller's own walks that go on. What is chosen is in the address. */
export default function TreesPage() {
  useTitle('Trees');
  const person = usePerson();
  const writes = atLeast(person.role, 'ENGINEER');
  const search = useSearch({ from: '/app/trees' });
  const navigate = useNavigate();
  const set = (next: Partial<TreesSearch>) =>
    void navigate({ to: '/trees', search: (old: TreesSearch) => Object.fromEntries(Object.entries({ ...old, ...next }).filter(([, v]) => v !== undefined)), replace: true });
  const [text, setText] = useState(search.q ?? '');
  const query = useDeferredValue(text);
  const [starting, setStarting] = useState(false);
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    const timer = setTimeout(() => {
      if ((search.q ?? '') !== text.trim()) set({ q: text.trim() || undefined });
    }, 300);
    return () => clearTimeout(timer);
  });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== '/' || !isShortcut(event)) return;
      event.preventDefault();
      field.current?.focus();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);

  const filter: TreeFilter = {
    due: search.show === 'due',
    ...(search.category && { categoryId: search.category }),
    ...(search.show === 'drafts' && { status: ['DRAFT'] }),
  };
  const order = orders.find((o) => o.id === search.sort) ?? orders[0];
  const [list, again] = useQuery({ query: TreeList, variables: { filter, orderBy: order?.order ?? null, first: 50 } });
  const searching = query.trim() !== '';
  const [searched, searchAgain] = useQuery({ query: TreeSearch, variables: { query, filter }, pause: !searching });
  const { data } = list;
  const found = searched.data;
  const trees = data?.trees.nodes ?? [];
  const plain = !search.category && !search.show;
  const shelf: keyof typeof emptyWords = search.show ?? (search.category ? 'category' : 'all');
  const none = searching ? found?.searchTrees.edges.length === 0 : data !== undefined && trees.length === 0;

  if (data && trees.length === 0 && plain && !searching && writes) {
    return (
      <Suspense fallback={<Loading />}>
        <FirstRun />
      </Suspense>
    );
  }
  return (
    <div className="page">
      <div className="page-head">
        <h1>Trees</h1>
        {writes && (
          <Button kind="primary" onPress={() => setStarting(true)}>
            Start without a tree
          </Button>
        )}
      </div>
      {writes && <Strip />}
      <div className="trees">
        <CategoryList search={search} writes={writes} />
        <div className="min-w-0">
          <div className="search">
            <SearchField aria-label="Search trees" value={text} onChange={setText} className="find-field">
              <Input ref={field} className="input" placeholder="Search titles, questions and answers" />
              <Icon of={Search} />
              <Kbd>/</Kbd>
            </SearchField>
            {!searching && (
              <Select className="select" aria-label="Order" value={order?.id ?? 'used'} onChange={(key) => set({ sort: key === 'used' ? undefined : (key as TreesSearch['sort']) })}>
                <AriaButton className="btn select-button">
                  <SelectValue />
                  <Icon of={ChevronDown} />
                </AriaButton>
                <Popover className="popover">
                  <ListBox className="menu" items={orders}>
                    {(o) => <ListBoxItem className="menu-item">{o.name}</ListBoxItem>}
                  </ListBox>
                </Popover>
              </Select>
            )}
          </div>
          <section className="sheet" aria-label={searching ? 'Found trees' : 'Trees'}>
            {!none && (
              <div className="tree-row head" aria-hidden="true">
                <span>Shape</span>
                <span>Tree</span>
                <span>Category</span>
                <span>Changed</span>
                <span />
              </div>
            )}
            {searching ? (
              <Listing
                of={searched}
                retry={() => searchAgain({ requestPolicy: 'network-only' })}
                failed="The trees could not be searched."
                loading="Searching trees"
                empty={
                  none && (
                    <Empty title="Nothing has these words" action={writes ? <Button onPress={() => setStarting(true)}>Start without a tree</Button> : <Button onPress={() => setText('')}>Show all trees</Button>}>
                      Try fewer or other words; typing errors are forgiven.
                    </Empty>
                  )
                }
              >
                {found?.searchTrees.edges.map((e) => (
                  <Row key={e.node.id} tree={e.node} writes={writes} title={e.title} excerpt={e.excerpt} where={e.matchingNodeTitle ?? undefined} />
                ))}
              </Listing>
            ) : (
              <Listing
                of={list}
                retry={() => again({ requestPolicy: 'network-only' })}
                failed="The trees could not be loaded."
                loading="Loading trees"
                rows={6}
                empty={
                  none && (
                    <Empty
                      title={emptyWords[shelf][0]}
                      action={
                        !plain && (
                          <Link className="btn" to="/trees" search={{}}>
                            Show all trees
                          </Link>
                        )
                      }
                    >
                      {emptyWords[shelf][1]}
                    </Empty>
                  )
                }
              >
                {trees.map((t) => (
                  <Row key={t.id} tree={t} writes={writes} />
                ))}
              </Listing>
            )}
          </section>
          <p className="sr-only" role="status">
            {searching && found ? `${found.searchTrees.edges.length} trees found${found.searchTrees.match === 'CORRECTED' ? ', with typing errors corrected' : ''}` : ''}
          </p>
          {data?.trees.pageInfo.hasNextPage && !searching && <p className="hint mt-3">The first 50 are shown. Search, or choose a category, for others.</p>}
        </div>
      </div>
      {starting && <StartDialog onClose={() => setStarting(false)} />}
    </div>
  );
}

/** A link of these is the present one when all of its address is. */
const here = { exact: true, includeSearch: true };

function CategoryList({ search, writes }: { search: TreesSearch; writes: boolean }) {
  const [{ data, error }, again] = useQuery({ query: Shelves });
  const failure = failureOf(error);
  const shelves = data?.treeCategories ?? [];
  const links = (
    <>
      <Link to="/trees" search={{}} activeOptions={here} aria-current={!search.category && !search.show ? 'page' : undefined}>
        All trees
      </Link>
      {shelves.map((c) => (
        <Link key={c.id} to="/trees" search={{ category: c.id }} activeOptions={here} aria-current={search.category === c.id ? 'page' : undefined}>
          {c.name}
        </Link>
      ))}
    </>
  );
  const own = writes && (
    <>
      <Link to="/trees" search={{ show: 'drafts' }} activeOptions={here} aria-current={search.show === 'drafts' ? 'page' : undefined}>
        Drafts
      </Link>
      <Link to="/trees" search={{ show: 'due' }} activeOptions={here} aria-current={search.show === 'due' ? 'page' : undefined}>
        Due for review
      </Link>
    </>
  );
  return (
    <>
      <nav className="cats beside" aria-label="Categories">
        {links}
        {failure && <FailureBanner failure={failure} title="The categories could not be loaded." retry={() => again({ requestPolicy: 'network-only' })} />}
        {own && <h2>Yours to keep right</h2>}
        {own}
      </nav>
      <nav className="chips" aria-label="Categories, in a row">
        {links}
        {own}
      </nav>
    </>
  );
}

/** The caller's walks that go on. */
function Strip() {
  const [{ data, error }, again] = useQuery({ query: RunningWalks });
  const failure = failureOf(error);
  const walks = data?.sessions.nodes ?? [];
  if (failure) return <FailureBanner failure={failure} title="Your walks in progress could not be loaded." retry={() => again({ requestPolicy: 'network-only' })} />;
  if (walks.length === 0) return null; // the button above is the way to the first one
  return (
    <section className="strip" aria-label="In progress">
      <div className="sheet walks">
        {walks.map((w) => {
          const stops = Math.min(w.step, 9);
          return (
            <Link className="walk" key={w.id} to="/sessions/$sessionId" params={{ sessionId: w.id }}>
              <span className="top">
                <b>{w.title}</b>
                <span className="text-note text-ink-3">{w.ticket}</span>
              </span>
              <span className="q">{w.currentNode?.title ?? (w.subject === w.title ? 'Without a tree' : w.subject)}</span>
              <svg className="path" aria-hidden="true">
                <line x1="0" y1="8" x2="100%" y2="8" />
                <line className="on" x1="4" y1="8" x2={4 + stops * 26} y2="8" />
                {Array.from({ length: stops }, (_, i) => (
                  <circle key={i} cx={4 + i * 26} cy="8" r="3" />
                ))}
                <circle className="end" cx={4 + stops * 26} cy="8" r="5.5" />
              </svg>
              <span className="foot">
                {[w.clientName, span(w.activeSeconds * 1000)].filter(Boolean).join(' · ')}
                <span className="resume">Resume →</span>
              </span>
            </Link>
          );
        })}
      </div>
      {data?.sessions.pageInfo.hasNextPage && (
        <p className="hint">
          <Link to="/sessions">All sessions in progress</Link>
        </p>
      )}
    </section>
  );
}

type Piece = { text: string; isMatch: boolean };

const Pieces = ({ of }: { of: readonly Piece[] }) => of.map((p, i) => (p.isMatch ? <mark key={i}>{p.text}</mark> : <span key={i}>{p.text}</span>));

/** The first paragraph of a description, without its markup; the row shows of it what there is room for. */
const line = (text: string): string => text.trim().split(/\n\s*\n/)[0]?.replaceAll(/[*_`#>]/g, '').replaceAll(/\s+/g, ' ').trim() ?? '';

function Row({ tree, writes, title, excerpt, where }: { tree: TreeListQuery['trees']['nodes'][number]; writes: boolean; title?: readonly Piece[]; excerpt?: readonly Piece[]; where?: string | undefined }) {
  const { start, starting } = useStart();
  return (
    <div className="tree-row">
      <Glyph graph={tree.graph} />
      <div className="tx min-w-0">
        <Link className="t" to="/trees/$treeId" params={{ treeId: tree.id }}>
          {title ? <Pieces of={title} /> : tree.title || 'Without a title'}
        </Link>{' '}
        {tree.status === 'DRAFT' && <span className="badge">Draft</span>}
        {excerpt && excerpt.length > 0 ? (
          <p>
            {where && <>{where}: </>}
            <Pieces of={excerpt} />
          </p>
        ) : (
          <p title={line(tree.description)}>{line(tree.description) || counted(tree.nodeCount, 'step', 'steps')}</p>
        )}
      </div>
      <span className="c">{tree.category?.name ?? ''}</span>
      <span className="c">
        <Time at={tree.updatedAt} />
      </span>
      {writes && tree.status === 'PUBLISHED' ? (
        <button type="button" className="go" disabled={starting} onClick={() => void start({ treeId: tree.id }).then((e) => e && toastWrong(failureOf(e)?.message ?? ''))} aria-label={`Start ${tree.title}`}>
          Start →
        </button>
      ) : (
        <Link className="go" to="/trees/$treeId" params={{ treeId: tree.id }} aria-label={`Open ${tree.title}`}>
          Open →
        </Link>
      )}
    </div>
  );
}
