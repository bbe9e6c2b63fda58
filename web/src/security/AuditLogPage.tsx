import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { ArrowUp, Building2, ChevronRight, Contact, Download, GitBranch, KeyRound, LifeBuoy, LogIn, type LucideIcon, ScrollText, TriangleAlert, Users } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { useConnection } from '../api/socket';
import { serverNow } from '../auth/clock';
import type { AuditAction, AuditLogFilter } from '../gql/graphql';
import { useTitle } from '../layout/useTitle';
import { auditWords, kindGroups, kindWords, remarkable } from '../messages/audit';
import { counted } from '../messages/en';
import { Banner, FailureBanner } from '../ui/Banner';
import { Button } from '../ui/Button';
import { number } from '../ui/format';
import { Icon } from '../ui/Icon';
import { Loading } from '../ui/Loading';
import { toast } from '../ui/toast';
import { type AuditSearch, byDay, dayWords, type Entry, factsOf, filterOf, isBackwards, searchOf, timeOfDay, wholeTime } from './audit';
import { NoFile, saveFile } from './auditFile';
import { AuditFilters } from './AuditFilters';
import { useAuditLog } from './useAuditLog';
import './audit.css';

const icons: Record<string, LucideIcon> = { 'Signing in': LogIn, Logins: KeyRound, People: Users, Account: Building2, Trees: GitBranch, 'Sessions and help': LifeBuoy, Clients: Contact };
const iconOf = new Map<AuditAction, LucideIcon>(kindGroups.flatMap((g) => g.kinds.map((kind) => [kind, icons[g.name] ?? ScrollText] as const)));

/** What happened in the account, newest first, as it happens. Owners only. */
export default function AuditLogPage() {
  useTitle(auditWords.title);
  const search = searchOf(useSearch({ from: '/app/account/security/log' }));
  const navigate = useNavigate();
  const key = JSON.stringify(search);
  // The span of "the last 7 days" stays where it was when it was chosen.
  const filter = useMemo(() => filterOf(JSON.parse(key) as AuditSearch, serverNow()), [key]);
  const change = (next: AuditSearch) =>
    void navigate({ to: '/account/security/log', search: Object.fromEntries(Object.entries(next).filter(([, v]) => v !== undefined && v !== '')), replace: true, resetScroll: false });
  return (
    <>
      <div>
        <h1 className="flex items-center gap-2">
          <Icon of={ScrollText} size={20} />
          {auditWords.title}
        </h1>
        <p className="mt-1 max-w-measure text-ink-2">{auditWords.lead}</p>
      </div>
      <AuditFilters search={search} onChange={change} />
      {isBackwards(search) ? <Banner colour="cyan">{auditWords.backwards}</Banner> : <Entries filter={filter} narrowed={key !== '{}'} onClear={() => change({})} onPerson={(person) => change({ ...search, person })} />}
    </>
  );
}

interface EntriesProps {
  filter: AuditLogFilter;
  narrowed: boolean; // the filter leaves something out
  onClear: () => void;
  onPerson: (id: string) => void;
}

function Entries({ filter, narrowed, onClear, onPerson }: EntriesProps) {
  const sheet = useRef<HTMLElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const end = useRef<HTMLParagraphElement>(null);
  const connection = useConnection();
  // Nothing moves under the pointer, the focus or the eye of whoever has read on.
  const reading = () => (list.current?.matches(':hover, :focus-within') ?? false) || (sheet.current?.getBoundingClientRect().top ?? 0) < 0;
  const { log, newest, failure, loadingMore, showMore, showWaiting, tryAgain } = useAuditLog(filter, reading);
  const waiting = log?.waiting.length ?? 0;
  const days = useMemo(() => byDay(log?.entries ?? []), [log?.entries]);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const goTo = useRef<'newest' | 'end'>(undefined);

  const toggle = (id: string) =>
    setOpen((was) => {
      const next = new Set(was);
      if (!next.delete(id)) next.add(id);
      return next;
    });

  // The button that was pressed may be gone: the focus goes to what it brought.
  useEffect(() => {
    if (loadingMore) return;
    if (goTo.current === 'newest') {
      sheet.current?.scrollIntoView({ block: 'start' });
      list.current?.querySelector<HTMLElement>('.entry button')?.focus({ preventScroll: true });
    } else if (goTo.current === 'end' && !log?.more) end.current?.focus();
    goTo.current = undefined;
  }, [log, loadingMore]);

  return (
    <section className="sheet log" aria-label="Entries" ref={sheet}>
      <div className="card-head">
        <h2 className="num">{log?.total === undefined ? 'Entries' : log.total === 1 ? '1 entry' : `${number(log.total)} entries`}</h2>
        <span className="sr-only" role="status">
          {waiting > 0 ? `${counted(waiting, 'new entry', 'new entries')}, not shown yet` : newest ? `New entry: ${newest.summary}` : ''}
        </span>
        {waiting > 0 && (
          <Button
            size="small"
            icon={<Icon of={ArrowUp} size={14} />}
            onPress={() => {
              goTo.current = 'newest';
              showWaiting();
            }}
          >
            Show {counted(waiting, 'new entry', 'new entries')}
          </Button>
        )}
        <span className={connection.state === 'lost' ? 'live lost' : 'live'}>{connection.state === 'lost' ? 'Reconnecting' : 'Live'}</span>
        <DownloadButton filter={filter} />
      </div>
      {failure && <FailureBanner failure={failure} title="The log could not be loaded." retry={tryAgain} />}
      {!log && !failure && <Loading rows={6} label="Loading the audit log" />}
      {log && (
        <div ref={list}>
          {days.map(({ day, entries }) => (
            <div key={day} role="group" aria-labelledby={`day-${day}`}>
              <h3 className="log-day" id={`day-${day}`}>
                {dayWords(day, serverNow())}
              </h3>
              <ol>
                {entries.map((e) => (
                  <Row key={e.id} entry={e} open={open.has(e.id)} onToggle={() => toggle(e.id)} onPerson={onPerson} />
                ))}
              </ol>
            </div>
          ))}
        </div>
      )}
      {log && log.entries.length === 0 && (
        <div className="empty">
          <Icon of={ScrollText} size={20} />
          <h2>Nothing here matches</h2>
          <p>{narrowed ? 'New entries that do come here by themselves. Others may be left out by what you chose.' : 'What happens from now on comes here by itself.'}</p>
          {narrowed && <Button onPress={onClear}>Show all entries</Button>}
        </div>
      )}
      {log && log.entries.length > 0 && (
        <div className="log-foot">
          {log.more ? (
            <Button
              isPending={loadingMore}
              onPress={() => {
                goTo.current = 'end';
                showMore();
              }}
            >
              Show earlier entries
            </Button>
          ) : (
            <p ref={end} tabIndex={-1}>
              {narrowed ? 'That is all of what you chose.' : 'That is the whole log.'}
            </p>
          )}
        </div>
      )}
    </section>
  );
}

/** Downloads what is filtered, whether it is shown already or not. */
function DownloadButton({ filter }: { filter: AuditLogFilter }) {
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string>();
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  useEffect(() => setWrong(undefined), [filter]);
  const save = async () => {
    const abort = new AbortController();
    stop.current = abort;
    setBusy(true);
    setWrong(undefined);
    try {
      await saveFile(filter, abort.signal);
      toast(auditWords.saved);
    } catch (error) {
      if (!abort.signal.aborted) setWrong(error instanceof NoFile ? error.message : auditWords.brokeOff);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button size="small" icon={<Icon of={Download} size={14} />} isPending={busy} onPress={() => void save()}>
        Download CSV
      </Button>
      {wrong && (
        <div className="log-wrong">
          <Banner colour="red" role="alert">
            <b>There is no file.</b> {wrong}
          </Banner>
        </div>
      )}
    </>
  );
}

function Row({ entry: e, open, onToggle, onPerson }: { entry: Entry; open: boolean; onToggle: () => void; onPerson: (id: string) => void }) {
  const id = `entry-${e.id}`;
  const odd = remarkable.has(e.action);
  const where = [e.device, e.ip].filter(Boolean).join(' · ');
  return (
    <li className={odd ? 'entry odd' : 'entry'}>
      <div className="entry-line">
        <button type="button" className="fold-button" aria-expanded={open} aria-controls={id} aria-labelledby={`${id}-kind ${id}-words`} onClick={onToggle}>
          <Icon of={ChevronRight} />
        </button>
        <time dateTime={e.happenedAt} title={wholeTime(e.happenedAt)}>
          {timeOfDay(e.happenedAt)}
        </time>
        <span className="kind" id={`${id}-kind`}>
          <Icon of={odd ? TriangleAlert : (iconOf.get(e.action) ?? ScrollText)} />
          {kindWords[e.action] ?? e.action}
        </span>
        <span className="said" id={`${id}-words`}>
          {e.summary}
        </span>
        <span className="where">{where}</span>
      </div>
      <div id={id} hidden={!open}>
        {open && <Details entry={e} onPerson={onPerson} />}
      </div>
    </li>
  );
}

function Details({ entry: e, onPerson }: { entry: Entry; onPerson: (id: string) => void }) {
  return (
    <dl className="entry-more">
      <Fact label="When">
        <time dateTime={e.happenedAt}>{wholeTime(e.happenedAt)}</time>
      </Fact>
      <Fact label="Who">{e.actor ? <Person of={e.actor} onPerson={onPerson} /> : e.ip ? auditWords.nobody : auditWords.aRule}</Fact>
      {e.subject && (
        <Fact label="Whom">
          <Person of={e.subject} onPerson={onPerson} />
        </Fact>
      )}
      {e.ip && (
        <Fact label="Address">
          <span className="mono">{e.ip}</span>
        </Fact>
      )}
      {e.device && <Fact label="Device">{e.device}</Fact>}
      {e.loginSessionId && (
        <Fact label="Login">
          <span className="mono">{e.loginSessionId}</span>
        </Fact>
      )}
      {factsOf(e.details).map(({ label, text, before, link }) => (
        <Fact key={label} label={label}>
          {before !== undefined && (before === text ? 'still ' : `${before} → `)}
          {link?.to === 'tree' ? (
            <Link to="/trees/$treeId" params={{ treeId: link.id }} className="mono">
              {text}
            </Link>
          ) : link ? (
            <Link to="/sessions/$sessionId" params={{ sessionId: link.id }} className="mono">
              {text}
            </Link>
          ) : (
            text
          )}
        </Fact>
      ))}
      <Fact label="Entry">
        <span className="mono">{e.id}</span>
      </Fact>
    </dl>
  );
}

const Fact = ({ label, children }: { label: string; children: ReactNode }) => (
  <div>
    <dt>{label}</dt>
    <dd>{children}</dd>
  </div>
);

const Person = ({ of: p, onPerson }: { of: { id: string; name: string; email: string }; onPerson: (id: string) => void }) => (
  <>
    {p.name}, {p.email}{' '}
    <button type="button" className="link" onClick={() => onPerson(p.id)} aria-label={`Only theirs: ${p.name}`}>
      Only theirs
    </button>
  </>
);
