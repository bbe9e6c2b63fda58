// When a single key means something, and when it is part of what somebody types
// (WCAG 2.1.4: single keys can be turned off).
import { useSyncExternalStore } from 'react';

const offKey = 'branchline.keysOff';
const listeners = new Set<() => void>();

const read = (): boolean => {
  try {
    return localStorage.getItem(offKey) === null;
  } catch {
    return true;
  }
};

/** Whether single keys do something. */
export const keysOn = (): boolean => read();

export const useKeysOn = (): boolean =>
  useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, read);

export function setKeysOn(on: boolean): void {
  try {
    if (on) localStorage.removeItem(offKey);
    else localStorage.setItem(offKey, '1');
  } catch {
    // Storage is blocked: the choice cannot be kept.
  }
  for (const listener of listeners) listener();
}

/** Whether the key goes into a field, a menu or a dialog. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  return target instanceof Element && target.closest('input, textarea, select, [contenteditable], [role=dialog], [role=alertdialog], [role=menu], [role=listbox]') !== null;
}

/** Whether a single key should do what it stands for. */
export const isShortcut = (event: KeyboardEvent): boolean => keysOn() && !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented && !isTyping(event);
