// What was typed and not sent, kept on this device: it outlives the end of a login
// session for 20 hours (WCAG 2.2.6), and goes when it is sent or somebody signs out
// on purpose.
import { useEffect, useState } from 'react';

const keptFor = 20 * 60 * 60 * 1000; // ms

function read(key: string): string {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? 'null') as { text?: unknown; at?: unknown } | null;
    if (!kept || typeof kept.text !== 'string' || typeof kept.at !== 'number') return '';
    if (Date.now() - kept.at <= keptFor) return kept.text;
    localStorage.removeItem(key);
  } catch {
    // Storage is blocked or holds something else: nothing is kept.
  }
  return '';
}

function write(key: string, text: string): void {
  try {
    if (text === '') localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify({ text, at: Date.now() }));
  } catch {
    // Storage is blocked or full: the text is on the page as long as that is open.
  }
}

const prefix = 'branchline.draft.';
const keyOf = (userId: string, about: string): string => `${prefix}${userId}.${about}`;

export const readDraft = (userId: string, about: string): string => read(keyOf(userId, about));
export const writeDraft = (userId: string, about: string, text: string): void => write(keyOf(userId, about), text);

/** What drafts of one person are about. */
export function draftsOf(userId: string): string[] {
  const own = keyOf(userId, '');
  try {
    return Object.keys(localStorage).flatMap((key) => (key.startsWith(own) ? [key.slice(own.length)] : []));
  } catch {
    return []; // storage is blocked
  }
}

/** A text that survives the page, of one person about one thing. */
export function useDraft(userId: string, about: string): [string, (text: string) => void] {
  const key = keyOf(userId, about);
  const [text, setText] = useState(() => read(key));
  useEffect(() => setText(read(key)), [key]);
  return [
    text,
    (next) => {
      setText(next);
      write(key, next);
    },
  ];
}
