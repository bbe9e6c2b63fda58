// The audit log as its page has it: what is asked for, what is shown, and what came
// while somebody reads. All of it is pure.
import type { AuditAction, AuditLogFilter, LogEntryFragment } from '../gql/graphql';
import { detailParts, detailWords, kindWords, valueWords } from '../messages/audit';
import { exactTime, minutes } from '../ui/format';

export type Entry = LogEntryFragment;

/** The page's address as somebody wrote it. */
export type AuditAddress = { [name in 'kind' | 'person' | 'time' | 'from' | 'to']?: string };

/** What is asked for, as it stands in the page's address. */
export interface AuditSearch {
  kind?: string; // actions, parted by commas
  person?: string; // a user's id
  time?: Recent;
  from?: string; // a day as YYYY-MM-DD, where time is left out
  to?: string;
}

/** Spans that end now, and how many days they have. */
export const recent = { today: 1, '7d': 7, '30d': 30, '90d': 90 } as const;
export type Recent = keyof typeof recent;

const isAction = (text: string): text is AuditAction => Object.hasOwn(kindWords, text);
const isDay = (text: string | undefined): text is string => text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));

/** Takes from an address what means something. */
export function searchOf(raw: AuditAddress): AuditSearch {
  const kinds = raw.kind?.split(',').filter(isAction) ?? [];
  const time = raw.time && Object.hasOwn(recent, raw.time) ? (raw.time as Recent) : undefined;
  return {
    ...(kinds.length > 0 && { kind: [...new Set(kinds)].join(',') }),
    ...(raw.person && { person: raw.person }),
    ...(time && { time }),
    ...(!time && isDay(raw.from) && { from: raw.from }),
    ...(!time && isDay(raw.to) && { to: raw.to }),
  };
}

export const kindsOf = (search: AuditSearch): AuditAction[] => (search.kind?.split(',') ?? []).filter(isAction);

/** The beginning of a day where the reader is, so many days later. */
function dayAt(day: string, later = 0): string {
  const [y = 0, m = 1, d = 1] = day.split('-').map(Number);
  return new Date(y, m - 1, d + later).toISOString();
}

/** What the API is asked for. Days are those of where the reader is, and both are in. */
export function filterOf(search: AuditSearch, now: number): AuditLogFilter {
  const actions = kindsOf(search);
  const today = new Date(now);
  const from = search.time ? new Date(today.getFullYear(), today.getMonth(), today.getDate() + 1 - recent[search.time]).toISOString() : search.from && dayAt(search.from);
  return {
    ...(actions.length > 0 && { actions }),
    ...(search.person && { userId: search.person }),
    ...(from && { beginsAt: from }),
    ...(!search.time && search.to && { endsAt: dayAt(search.to, 1) }),
  };
}

/** Whether the days are in an order in which nothing can be found. */
export const isBackwards = (search: AuditSearch): boolean => search.from !== undefined && search.to !== undefined && search.from > search.to;

/** Whether the filter lets an entry through, as the API's does. */
export function passes(e: Entry, filter: AuditLogFilter): boolean {
  const at = Date.parse(e.happenedAt);
  return (
    (!filter.actions || filter.actions.includes(e.action)) &&
    (!filter.userId || e.actor?.id === filter.userId || e.subject?.id === filter.userId) &&
    (!filter.beginsAt || at >= Date.parse(filter.beginsAt)) &&
    (!filter.endsAt || at < Date.parse(filter.endsAt))
  );
}

/** The address of what is filtered as a file. */
export function fileOf(filter: AuditLogFilter): string {
  const query = new URLSearchParams();
  for (const action of filter.actions ?? []) query.append('action', action);
  if (filter.userId) query.set('user', String(filter.userId));
  if (filter.beginsAt) query.set('from', filter.beginsAt);
  if (filter.endsAt) query.set('to', filter.endsAt);
  const text = query.toString();
  return text === '' ? '/audit-log.csv' : `/audit-log.csv?${text}`;
}

/** The part of the log that is there. */
export interface Log {
  entries: readonly Entry[]; // those that are shown, the newest first
  waiting: readonly Entry[]; // new ones that are not shown yet, the newest first
  more: boolean; // whether there are earlier ones
  total: number | undefined; // how many the filter lets through; undefined until they are counted
}

/** So many entries are kept; the earliest are read again where somebody wants them. */
export const mostKept = 2000;

/** Moments have up to nine digits of a second, and those at their end are left out where they are 0. */
const place = (e: Entry): string => `${e.happenedAt.replace(/(?:\.(\d+))?Z$/, (_, digits: string | undefined) => `.${(digits ?? '').padEnd(9, '0')}`)} ${e.id}`;

function insert(list: readonly Entry[], e: Entry): Entry[] {
  const at = list.findIndex((other) => place(other) < place(e));
  return at < 0 ? [...list, e] : [...list.slice(0, at), e, ...list.slice(at)];
}

const has = (log: Log, e: Entry): boolean => log.entries.some((o) => o.id === e.id) || log.waiting.some((o) => o.id === e.id);

/** A page of earlier entries came, or the first one. */
export function withPage(log: Log | undefined, nodes: readonly Entry[], more: boolean): Log {
  const before = log ?? { entries: [], waiting: [], more, total: undefined };
  return { ...before, entries: [...before.entries, ...nodes.filter((e) => !has(before, e))], more };
}

/**
 * An entry was pushed. One that came before, as after a lost connection, or that the
 * filter leaves out changes nothing. While somebody reads, it waits.
 */
export function withEntry(log: Log, e: Entry, filter: AuditLogFilter, reading: boolean): Log {
  const earliest = log.entries.at(-1);
  if (has(log, e) || !passes(e, filter)) return log;
  if (log.more && earliest && place(e) < place(earliest)) return log; // it comes with its page
  const total = log.total === undefined ? undefined : log.total + 1;
  if (reading) return { ...log, waiting: insert(log.waiting, e).slice(0, mostKept), total };
  return trimmed({ ...log, entries: insert(log.entries, e), total });
}

/** What waited is shown. Where some of it was given up, what was there before has to be read again. */
export function withWaiting(log: Log): Log {
  const entries = log.waiting.length < mostKept ? log.waiting.reduceRight(insert, [...log.entries]) : log.waiting;
  return trimmed({ ...log, entries, waiting: [], more: log.more || entries === log.waiting });
}

const trimmed = (log: Log): Log => (log.entries.length <= mostKept ? log : { ...log, entries: log.entries.slice(0, mostKept), more: true });

/** The entries by the day on which they happened where the reader is. */
export function byDay(entries: readonly Entry[]): { day: string; entries: Entry[] }[] {
  const days: { day: string; entries: Entry[] }[] = [];
  for (const e of entries) {
    const at = new Date(e.happenedAt);
    const day = `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')}`;
    const last = days.at(-1);
    if (last?.day === day) last.entries.push(e);
    else days.push({ day, entries: [e] });
  }
  return days;
}

const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'long' });
const dayAndMonth = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long' });

/** "Today, Saturday 28 November". */
export function dayWords(day: string, now: number): string {
  const [y = 0, m = 1, d = 1] = day.split('-').map(Number);
  const date = new Date(y, m - 1, d);
  const today = new Date(now);
  const ago = Math.round((new Date(today.getFullYear(), today.getMonth(), today.getDate()).getTime() - date.getTime()) / 86_400_000);
  const words = `${weekday.format(date)} ${dayAndMonth.format(date)}${date.getFullYear() === today.getFullYear() ? '' : ` ${date.getFullYear()}`}`;
  return ago === 0 ? `Today, ${words}` : ago === 1 ? `Yesterday, ${words}` : words;
}

const seconds = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const whole = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' });

/** "14:43:07", beside the day. */
export const timeOfDay = (at: string): string => seconds.format(new Date(at));

/** "Sat, 28 Nov 2026, 14:43:07 UTC". */
export const wholeTime = (at: string): string => whole.format(new Date(at));

/** A name like maxSessionsPerUser, where it has no words of its own. */
const spelled = (name: string): string => {
  const text = name.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
};

/** A detail in words: what it is, and its value; where it changed, what it was before. */
export interface Fact {
  label: string;
  text: string;
  before?: string;
  link?: { to: 'tree' | 'session'; id: string };
}

/** The details in words. What is told before and after a change is one fact. */
export function factsOf(details: readonly { name: string; value: string }[]): Fact[] {
  const side = (d: { name: string }) => /^(old|new)(?:\.|$)/.exec(d.name)?.[1];
  const rest = (d: { name: string }) => d.name.replace(/^(old|new)\.?/, '');
  const facts = details.filter((d) => !side(d)).map(({ name, value }): Fact => {
    const link = name === 'tree' && value.startsWith('tree_') ? ('tree' as const) : name === 'session' && value.startsWith('tses_') ? ('session' as const) : undefined;
    return { label: labelOf(name), text: valueText(name, value), ...(link && { link: { to: link, id: value } }) };
  });
  const changed = details.filter(side);
  for (const name of new Set(changed.map(rest))) {
    const value = (which: string) => {
      const found = changed.find((d) => side(d) === which && rest(d) === name)?.value;
      return found === undefined ? '–' : valueText(name, found);
    };
    facts.push({ label: name === '' ? 'Change' : labelOf(name), text: value('new'), before: value('old') });
  }
  return facts;
}

function labelOf(name: string): string {
  const parts = name.split('.');
  const last = parts.pop() ?? name;
  return [detailWords[last] ?? spelled(last), ...parts.map((p) => detailParts[p] ?? spelled(p).toLowerCase())].join(', ');
}

function valueText(path: string, value: string): string {
  const name = path.split('.').at(-1) ?? path;
  if (name.endsWith('Minutes') && /^\d+$/.test(value)) return minutes(Number(value));
  if (name === 'actions') return value.split(', ').map((a) => (isAction(a) ? kindWords[a] : a)).join(', ');
  if (/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(value)) return exactTime(value);
  // What people typed, such as a title, stays as it is.
  return freeText.has(name) ? value : (valueWords[value] ?? value);
}

const freeText = new Set(['title', 'client', 'merged', 'ticket', 'email']);
