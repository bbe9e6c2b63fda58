// How times, spans and numbers are written.
import { serverNow } from '../auth/clock';

const locale = 'en-GB'; // 24 hours, day before month; the words are English
const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const exact = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const figures = new Intl.NumberFormat('en', { useGrouping: true });

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export const clockTime = (at: string | number): string => clock.format(new Date(at));
export const exactTime = (at: string | number): string => exact.format(new Date(at));

/** "14:43" today, "yesterday", "3 days ago", "in 2 h" … by the server's clock. */
export function when(at: string | number): string {
  const time = new Date(at).getTime();
  const past = serverNow() - time;
  const size = Math.abs(past);
  const sign = past > 0 ? -1 : 1;
  if (size < minute) return 'just now';
  if (size < hour) return sign < 0 ? `${Math.floor(size / minute)} min ago` : `in ${Math.floor(size / minute)} min`;
  if (size < 12 * hour) return sign < 0 ? `${Math.round(size / hour)} h ago` : `in ${Math.round(size / hour)} h`;
  const days = Math.round((startOfDay(time) - startOfDay(serverNow())) / day);
  if (Math.abs(days) < 31) return relative.format(days, 'day');
  if (Math.abs(days) < 365) return relative.format(Math.round(days / 30.4), 'month');
  return relative.format(Math.round(days / 365), 'year');
}

function startOfDay(at: number): number {
  const date = new Date(at);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** "0:41", "11:12", "1:02:09": while something runs. */
export function running(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** "45 s", "19 min", "2 h 10 min", "3 days": in prose. */
export function span(ms: number): string {
  if (ms < minute) return `${Math.max(1, Math.round(ms / 1000))} s`;
  if (ms < hour) return `${Math.round(ms / minute)} min`;
  if (ms < day) return two(Math.floor(ms / hour), 'h', Math.floor((ms % hour) / minute), 'min');
  const days = Math.floor(ms / day);
  const hours = Math.floor((ms % day) / hour);
  return hours === 0 || days >= 30 ? `${days} ${days === 1 ? 'day' : 'days'}` : `${days} d ${hours} h`;
}

const two = (a: number, unitA: string, b: number, unitB: string): string => (b === 0 ? `${a} ${unitA}` : `${a} ${unitA} ${b} ${unitB}`);

/** Minutes as an owner sets them: "15 min", "1 hour", "3 days". */
export function minutes(n: number): string {
  if (n % (24 * 60) === 0) return `${n / (24 * 60)} ${n === 24 * 60 ? 'day' : 'days'}`;
  if (n % 60 === 0) return `${n / 60} ${n === 60 ? 'hour' : 'hours'}`;
  return `${n} min`;
}

/** 12 345, with a thin space. */
export const number = (n: number): string => figures.format(n).replaceAll(',', '\u2009');

export const percent = (share: number): string => `${Math.round(share * 100)}\u00a0%`;

/** The initials on a person's mark. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words[words.length - 1] : undefined].map((word) => (word ? [...word][0] : ''));
  return letters.join('').toUpperCase();
}
