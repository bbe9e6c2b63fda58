import { useEffect } from 'react';
import { messages } from '../messages/en';

/** Names the page, for the tab and for those who listen. */
export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title ? `${title} – ${messages.product}` : messages.product;
  }, [title]);
}
