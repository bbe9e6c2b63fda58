import { Check, CircleAlert, Clock, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Failure } from '../api/errors';
import { messages } from '../messages/en';
import { Icon } from './Icon';

const icons = { cyan: Info, amber: TriangleAlert, emerald: Check, red: CircleAlert, clock: Clock } as const;

export interface BannerProps {
  colour: 'cyan' | 'amber' | 'emerald' | 'red';
  icon?: keyof typeof icons;
  role?: 'status' | 'alert';
  children: ReactNode;
}

/** Something to know, inside a page. Its colour is never alone: an icon and words say the same. */
export const Banner = ({ colour, icon = colour, role, children }: BannerProps) => (
  <div className={`banner ${colour}`} role={role}>
    <Icon of={icons[icon]} />
    <div>{children}</div>
  </div>
);

/** What went wrong, with the number of the request for whoever helps, and a way on. */
export function FailureBanner({ failure, title, retry }: { failure: Failure | undefined; title?: string; retry?: () => void }) {
  if (!failure) return null;
  return (
    <Banner colour="red" role="alert">
      {title && <b>{title} </b>}
      {failure.message}{' '}
      {retry && (
        <button type="button" className="link" onClick={retry}>
          {messages.tryAgain}
        </button>
      )}
      {failure.requestId && <span className="request">{messages.request(failure.requestId)}</span>}
    </Banner>
  );
}
