// The scratchpad's text while somebody writes: what is in the field, what the server
// has, and how two windows that write at once become one text without losing a line.

export const longestPad = 20_000; // characters

export interface Pad {
  text: string; // in the field
  base: string; // what the server has, as far as is known here; the field's text began from it
  revision: number; // of base
  sending: string | undefined; // what is on its way to the server
  heard: { text: string; revision: number } | undefined; // news that came meanwhile
  problem: string | undefined; // why the last try did not save
}

export const isSaved = (pad: Pad): boolean => pad.text === pad.base;

export const newPad = (text: string, revision: number): Pad => ({ text, base: text, revision, sending: undefined, heard: undefined, problem: undefined });

/** Control characters would be refused, and nobody sees them to take them out. */
const clean = (text: string): string => text.replaceAll(/\r\n?/g, '\n').replaceAll(/[^\P{Cc}\t\n]/gu, '');

export const typed = (pad: Pad, text: string): Pad => ({ ...pad, text: clean(text), problem: undefined });

export const sent = (pad: Pad): Pad => ({ ...pad, sending: pad.text, problem: undefined });

/** What the server has now, from whatever answer or event. While something is on its way, it waits for that answer. */
export function told(pad: Pad, text: string, revision: number): Pad {
  if (revision <= pad.revision) return pad;
  if (pad.sending !== undefined) return { ...pad, heard: pad.heard && pad.heard.revision >= revision ? pad.heard : { text, revision } };
  return { ...pad, text: merge(pad.base, pad.text, text), base: text, revision };
}

/** The answer to what was sent: it was saved as this revision. */
export function saved(pad: Pad, revision: number): Pad {
  const base = pad.sending ?? pad.base;
  return listened({ ...pad, base, revision: Math.max(revision, pad.revision), sending: undefined });
}

/** The answer that somebody else was faster: theirs is merged in, and has to be saved. */
export const outrun = (pad: Pad, text: string, revision: number): Pad => listened(told({ ...pad, sending: undefined }, text, revision));

/** There was no answer, or one that refused. The text stays. */
export const failed = (pad: Pad, problem: string): Pad => listened({ ...pad, sending: undefined, problem });

const listened = (pad: Pad): Pad => (pad.heard ? told({ ...pad, heard: undefined }, pad.heard.text, pad.heard.revision) : pad);

/** What was not saved when the page was left goes on from what the server has now. */
export function restored(pad: Pad, kept: string): Pad {
  try {
    const { text, base } = JSON.parse(kept) as { text?: unknown; base?: unknown };
    if (typeof text === 'string' && typeof base === 'string') return { ...pad, text: merge(base, text, pad.base) };
  } catch {
    // Nothing was kept, or it is not this.
  }
  return pad;
}

/** What is kept on this device until it is saved; empty where it is. */
export const toKeep = (pad: Pad): string => (isSaved(pad) ? '' : JSON.stringify({ text: pad.text, base: pad.base }));

interface Change {
  from: number; // the lines of the base that it replaces: from this one
  to: number; // up to this one, which stays
  by: string[];
}

/** The one run of lines in which a text differs from the base. */
function changeOf(base: string[], text: string[]): Change {
  let from = 0;
  while (from < base.length && from < text.length && base[from] === text[from]) from++;
  let end = 0;
  while (end < base.length - from && end < text.length - from && base[base.length - 1 - end] === text[text.length - 1 - end]) end++;
  return { from, to: base.length - end, by: text.slice(from, text.length - end) };
}

/**
 * Makes one text of two that began from the same one. Lines that only one of them
 * changed are as that one has them; where both changed the same ones, theirs come
 * first and then mine, so that nothing anybody typed is lost.
 */
export function merge(base: string, mine: string, theirs: string): string {
  if (mine === base || mine === theirs) return theirs;
  if (theirs === base) return mine;
  const lines = base.split('\n');
  const a = changeOf(lines, mine.split('\n'));
  const b = changeOf(lines, theirs.split('\n'));
  const [first, second] = a.from < b.from || (a.from === b.from && a.to < b.to) ? [a, b] : [b, a];
  const samePlace = first.from === second.from && first.to === second.to;
  if (!samePlace && first.to <= second.from) {
    return [...lines.slice(0, first.from), ...first.by, ...lines.slice(first.to, second.from), ...second.by, ...lines.slice(second.to)].join('\n');
  }
  const from = first.from;
  const to = Math.max(a.to, b.to);
  const whole = (c: Change) => [...lines.slice(from, c.from), ...c.by, ...lines.slice(c.to, to)];
  const [ours, others] = [whole(a), whole(b)];
  // One of them often is the other one typed on.
  const both = others.join('\n').startsWith(ours.join('\n')) ? others : ours.join('\n').startsWith(others.join('\n')) ? ours : [...others, ...ours];
  return [...lines.slice(0, from), ...both, ...lines.slice(to)].join('\n');
}

/** Where the caret belongs after the field's text was merged: before or behind the same words. */
export function caretAfter(before: string, after: string, caret: number): number {
  if (after.startsWith(before.slice(0, caret))) return caret;
  return Math.max(0, after.length - (before.length - caret));
}
