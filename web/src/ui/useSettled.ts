import { useEffect, useState } from 'react';

const pause = 200; // ms

/** What somebody types, once they pause: not every letter is worth a question to the server. */
export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pause);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
