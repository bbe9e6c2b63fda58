import { useRouter } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import type { SignedOut } from '../auth/store';
import { messages } from '../messages/en';
import { Brand } from '../ui/Brand';
import { clockTime } from '../ui/format';
import { here } from '../auth/clock';

const words = messages.signedOut;

/** What somebody sees whose login was ended by others: the work is gone from the screen, and nothing that they had entered is lost. */
export function SignedOutPage({ how, to }: { how: Extract<SignedOut, { why: 'revoked' }>; to: string }) {
  const router = useRouter();
  const button = useRef<HTMLAnchorElement>(null);
  const said = words[how.reason as keyof typeof words];
  const { title, text } = typeof said === 'object' ? said : words.other;
  useEffect(() => {
    document.title = `${title} – ${messages.product}`;
    button.current?.focus();
  }, [title]);
  return (
    <div className="put">
      <header className="bar">
        <span className="brand">
          <Brand />
          {messages.product}
        </span>
      </header>
      <main className="put-main">
        <div className="put-grid">
          <div className="buffer" aria-hidden="true" />
          <div>
            <div role="alert">
              <h1 className="display">{title}</h1>
              <p className="lead mt-2">
                {text(clockTime(here(new Date(how.at).toISOString())))} {words.kept}
              </p>
            </div>
            <p className="mt-6">
              <a
                ref={button}
                className="btn primary big"
                href={router.buildLocation({ to: '/login', search: { reason: 'revoked', to } }).href}
                onClick={(event) => {
                  event.preventDefault();
                  void router.navigate({ to: '/login', search: { reason: 'revoked', to } });
                }}
              >
                Sign in again
              </a>
            </p>
          </div>
          <div />
        </div>
      </main>
    </div>
  );
}
