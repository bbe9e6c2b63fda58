import { useEffect, useState } from 'react';
import { exactTime, when } from './format';

/** How long ago something was, in words that stay true; the exact time on hover. */
export function Time({ at }: { at: string }) {
  const [, again] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => again((n) => n + 1), 30_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <time dateTime={at} title={exactTime(at)}>
      {when(at)}
    </time>
  );
}
