// The policy as an owner sets it: numbers with units, and what it means in words.
import type { PolicyFragment, SecurityPolicyQuery, SessionPolicyPreset, UpdateSessionPolicyInput } from '../gql/graphql';
import { minutes } from '../ui/format';

export type Policy = PolicyFragment;
export type Bounds = SecurityPolicyQuery['accountSecurity']['policyBounds'];
export type Unit = 'minutes' | 'hours' | 'days';

export const unitMinutes: Record<Unit, number> = { minutes: 1, hours: 60, days: 24 * 60 };

/** A span as it is typed. */
export interface Span {
  text: string;
  unit: Unit;
}

export interface Limits {
  preset: SessionPolicyPreset;
  idle: Span; // of a custom one
  absolute: Span;
}

export interface Draft extends Limits {
  admins: Limits | undefined;
  cap: string; // sessions per person; empty for any number
  atCap: Policy['atSessionLimit'];
  applyNow: boolean;
}

/** The largest unit in which minutes are a whole number. */
export function spanOf(n: number): Span {
  const unit: Unit = n % (24 * 60) === 0 ? 'days' : n % 60 === 0 ? 'hours' : 'minutes';
  return { text: String(n / unitMinutes[unit]), unit };
}

/** The minutes of a span, or undefined where it is no whole number. */
export function minutesOf({ text, unit }: Span): number | undefined {
  return /^\d{1,6}$/.test(text.trim()) ? Number(text) * unitMinutes[unit] : undefined;
}

export function draftOf(p: Policy): Draft {
  return {
    preset: p.preset,
    idle: spanOf(p.idleMinutes),
    absolute: spanOf(p.absoluteMinutes),
    admins: p.admins ? { preset: p.admins.preset, idle: spanOf(p.admins.idleMinutes), absolute: spanOf(p.admins.absoluteMinutes) } : undefined,
    cap: p.maxSessionsPerUser === null ? '' : String(p.maxSessionsPerUser),
    atCap: p.atSessionLimit,
    applyNow: false,
  };
}

/** The limits in minutes that a choice means; undefined where what was typed is no number. */
export function limitsOf(l: Limits, bounds: Bounds): { idle: number | undefined; absolute: number | undefined } {
  const preset = bounds.presets.find((p) => p.preset === l.preset);
  return l.preset !== 'CUSTOM' && preset ? { idle: preset.idleMinutes, absolute: preset.absoluteMinutes } : { idle: minutesOf(l.idle), absolute: minutesOf(l.absolute) };
}

/** What is wrong with custom limits, by field. */
export function limitProblems(l: Limits, bounds: Bounds): { idle?: string; absolute?: string } {
  if (l.preset !== 'CUSTOM') return {};
  const { idle, absolute } = limitsOf(l, bounds);
  const out: { idle?: string; absolute?: string } = {};
  const range = (n: number | undefined, low: number, high: number) => (n === undefined ? 'Write a whole number.' : n < low ? `At least ${minutes(low)}.` : n > high ? `At most ${minutes(high)}.` : undefined);
  const idleWrong = range(idle, bounds.minIdleMinutes, bounds.maxIdleMinutes);
  const absoluteWrong = range(absolute, bounds.minAbsoluteMinutes, bounds.maxAbsoluteMinutes);
  if (idleWrong) out.idle = idleWrong;
  if (absoluteWrong) out.absolute = absoluteWrong;
  else if (idle !== undefined && absolute !== undefined && idle > absolute) out.absolute = 'Not less than the time without activity.';
  return out;
}

/** What is wrong with the cap, or undefined. */
export function capProblem(cap: string, bounds: Bounds): string | undefined {
  if (cap.trim() === '') return undefined;
  const n = /^\d{1,6}$/.test(cap.trim()) ? Number(cap) : Number.NaN;
  return n >= 1 && n <= bounds.maxSessionsPerUser ? undefined : `A whole number from 1 to ${bounds.maxSessionsPerUser}, or nothing for no limit.`;
}

export const isValid = (d: Draft, bounds: Bounds): boolean =>
  Object.keys(limitProblems(d, bounds)).length === 0 && (!d.admins || Object.keys(limitProblems(d.admins, bounds)).length === 0) && capProblem(d.cap, bounds) === undefined;

/** What is sent of a draft that is valid. */
export function inputOf(d: Draft, bounds: Bounds): UpdateSessionPolicyInput {
  const limits = (l: Limits) => {
    const { idle, absolute } = limitsOf(l, bounds);
    return l.preset === 'CUSTOM' ? { preset: l.preset, idleMinutes: idle ?? null, absoluteMinutes: absolute ?? null } : { preset: l.preset };
  };
  return {
    ...limits(d),
    ...(d.admins && { admins: limits(d.admins) }),
    ...(d.cap.trim() !== '' && { maxSessionsPerUser: Number(d.cap) }),
    atSessionLimit: d.atCap,
    applyNow: d.applyNow,
  };
}

/** Whether a draft says the same as the policy in force. */
export function isChanged(d: Draft, p: Policy, bounds: Bounds): boolean {
  const same = draftOf(p);
  return d.applyNow || JSON.stringify(inputOf(d, bounds)) !== JSON.stringify(inputOf(same, bounds));
}

/** Where a span stands on a drawing from 15 minutes to 90 days, by its logarithm: 0 to 1. */
export function onScale(n: number): number {
  const low = Math.log(15);
  const high = Math.log(90 * 24 * 60);
  return Math.min(1, Math.max(0, (Math.log(Math.max(1, n)) - low) / (high - low)));
}

/** "1 h", "3 d": in drawings only. */
export function short(n: number): string {
  if (n % (24 * 60) === 0 && n > 24 * 60) return `${n / (24 * 60)} d`;
  if (n % 60 === 0) return `${n / 60} h`;
  return `${n} min`;
}
