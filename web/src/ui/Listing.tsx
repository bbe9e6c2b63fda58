import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { type AnswerError, failureOf } from '../api/errors';
import { FailureBanner } from './Banner';
import { Icon } from './Icon';
import { Loading } from './Loading';

export interface ListingProps {
  /** What was asked, and what came: an urql result. */
  of: { data?: unknown; fetching: boolean; error?: AnswerError | undefined };
  retry: () => void;
  failed: string; // what did not work, as a sentence
  loading: string; // what is on its way, for those who listen
  rows?: number;
  /** What stands there where there is nothing; rows where that is left out. */
  empty?: ReactNode;
  children?: ReactNode;
}

/** What a list shows: why it cannot be shown, outlines of what is on its way, that there is nothing, or its rows. */
export function Listing({ of: { data, fetching, error }, retry, failed, loading, rows = 3, empty, children }: ListingProps) {
  const failure = failureOf(error);
  return (
    <>
      {failure && <FailureBanner failure={failure} title={failed} retry={retry} />}
      {fetching && !data && <Loading rows={rows} label={loading} />}
      {Boolean(data) && (empty || children)}
    </>
  );
}

/** That there is nothing in a list, and the one thing to do next. */
export const Empty = ({ icon, title, children, action }: { icon?: LucideIcon; title: string; children: ReactNode; action?: ReactNode }) => (
  <div className="empty">
    {icon && <Icon of={icon} size={20} />}
    <h2>{title}</h2>
    <p>{children}</p>
    {action}
  </div>
);
