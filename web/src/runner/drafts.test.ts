import { act, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { useDraft } from './drafts';

const hours = 60 * 60 * 1000;

beforeEach(() => {
  localStorage.clear();
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const kept = (user = 'user_a', about = 'note.tses_x') => renderHook(() => useDraft(user, about)).result.current[0];

function write(text: string) {
  const { result, unmount } = renderHook(() => useDraft('user_a', 'note.tses_x'));
  act(() => result.current[1](text));
  unmount();
}

it('keeps what was typed for 20 hours, and no longer', () => {
  write('half a note');
  vi.advanceTimersByTime(20 * hours);
  expect(kept()).toBe('half a note');
  vi.advanceTimersByTime(1);
  expect(kept()).toBe('');
  expect(localStorage.length).toBe(0);
});

it('is one person\'s, about one thing', () => {
  write('half a note');
  expect(kept('user_b')).toBe('');
  expect(kept('user_a', 'note.tses_y')).toBe('');
});

it('goes when it is sent', () => {
  write('half a note');
  write('');
  expect(localStorage.length).toBe(0);
});

it.each(['null', '{}', 'x', '{"text":1,"at":2}'])('takes %s for nothing', (text) => {
  localStorage.setItem('branchline.draft.user_a.note.tses_x', text);
  expect(kept()).toBe('');
});
