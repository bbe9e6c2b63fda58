// An author's Markdown, as elements: none of it becomes markup by itself.
import { lazy, Suspense } from 'react';

const AsWritten = ({ text }: { text: string }) => <p className="whitespace-pre-line">{text}</p>;

/** Without a connection a walk goes on, with the text as its author wrote it. */
const Full = lazy(() => import('./MarkdownFull').catch(() => ({ default: AsWritten })));

/** Whether a text has anything of Markdown in it. Most do not, and need no parser. */
const plain = (text: string): boolean => !/[*_`#>[\]|~<&\\]|^\s*(?:[-+]|\d+[.)])\s|\n\s*\n/m.test(text);

export const Markdown = ({ text, className }: { text: string; className?: string }) => (
  <div className={className}>
    {plain(text) ? (
      <p>{text}</p>
    ) : (
      <Suspense fallback={<AsWritten text={text} />}>
        <Full text={text} />
      </Suspense>
    )}
  </div>
);
