import type { ReactNode } from 'react';

/** A key, as a hint for the eye: what can be pressed is said elsewhere to others. */
export const Kbd = ({ children }: { children: ReactNode }) => (
  <kbd className="kbd" aria-hidden="true">
    {children}
  </kbd>
);
