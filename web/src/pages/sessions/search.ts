// What the history shows, as its address says it.
import type { TreeOutcome, TreeSessionFilter, TreeSessionScope } from '../../gql/graphql';

/** How a session ended, or that it runs. */
export type Ending = TreeOutcome | 'IN_PROGRESS' | 'ABANDONED';

export interface SessionsSearch {
  who?: 'involved' | 'team';
  outcome?: Ending;
  tree?: string;
  client?: string; // its id
  ticket?: string; // the whole one
  from?: string; // days, as in 2026-11-28, of the reader's own time zone
  to?: string; // the last one that counts
}

export const longestTicket = 200; // characters

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const isEnding = (value: unknown): value is Ending => ['RESOLVED', 'ESCALATED', 'UNRESOLVED', 'IN_PROGRESS', 'ABANDONED'].includes(value as string);

/** The moment at which a day begins, or undefined where there is no such day. */
export function startOfDay(day: string | undefined, later = 0): Date | undefined {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day ?? '');
  if (!parts) return undefined;
  const [year, month, date] = parts.slice(1).map(Number) as [number, number, number];
  const start = new Date(year, month - 1, date);
  if (year < 1000 || start.getMonth() !== month - 1 || start.getDate() !== date) return undefined;
  return new Date(year, month - 1, date + later);
}

/** Reads an address. What makes no sense in it is left out. */
export function parseSessionsSearch(search: Record<string, unknown>): SessionsSearch {
  const found: SessionsSearch = {};
  if (search.who === 'involved' || search.who === 'team') found.who = search.who;
  if (isEnding(search.outcome)) found.outcome = search.outcome;
  const [tree, client, ticket, from, to] = [text(search.tree), text(search.client), text(search.ticket)?.trim().slice(0, longestTicket), text(search.from), text(search.to)];
  if (tree) found.tree = tree;
  if (client) found.client = client;
  if (ticket) found.ticket = ticket;
  if (from && startOfDay(from)) found.from = from;
  if (to && startOfDay(to)) found.to = to;
  return found;
}

/** Whether some sessions are left out. */
export const isNarrowed = (search: SessionsSearch): boolean => Object.keys(search).some((key) => key !== 'who');

export const scopeOf = (search: SessionsSearch): TreeSessionScope => (search.who === 'team' ? 'TEAM' : search.who === 'involved' ? 'INVOLVED' : 'MINE');

/** Whether the span of days ends before it begins. */
export const isBackward = (search: SessionsSearch): boolean => search.from !== undefined && search.to !== undefined && search.to < search.from;

/** What is asked of the server: those that run, or those that are over. */
export function filterOf(search: SessionsSearch, which: 'running' | 'over'): TreeSessionFilter {
  const { outcome, tree, client, ticket, from, to } = search;
  const filter: TreeSessionFilter = { scope: scopeOf(search) };
  if (which === 'running' || outcome === 'IN_PROGRESS') filter.status = ['IN_PROGRESS'];
  else if (outcome === 'ABANDONED') filter.status = ['ABANDONED'];
  else if (outcome) filter.outcome = [outcome];
  else filter.status = ['COMPLETED', 'ABANDONED'];
  if (tree) filter.treeId = tree;
  if (client) filter.clientId = client;
  if (ticket) filter.ticket = ticket;
  if (from) filter.beginsAt = startOfDay(from)?.toISOString() ?? null;
  if (to) filter.endsAt = startOfDay(to, 1)?.toISOString() ?? null;
  return filter;
}
