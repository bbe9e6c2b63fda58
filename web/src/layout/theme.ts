// Light, dark or as the system has it. public/theme.js sets it before the first
// paint.
import { useState } from 'react';

export type Theme = 'system' | 'light' | 'dark';

const key = 'branchline.theme';

function read(): Theme {
  const set = document.documentElement.dataset.theme;
  return set === 'light' || set === 'dark' ? set : 'system';
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(read);
  return [
    theme,
    (next) => {
      setTheme(next);
      if (next === 'system') delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = next;
      try {
        if (next === 'system') localStorage.removeItem(key);
        else localStorage.setItem(key, next);
      } catch {
        // Storage is blocked: the choice holds until the page is left.
      }
    },
  ];
}
