import { type ReactNode, useEffect } from 'react';
import { messages } from '../../messages/en';
import { Brand } from '../../ui/Brand';
import { Map } from './Map';
import './signin.css';

/** The frame of all pages for who is not signed in. */
export function DoorPage({ title, children, footer }: { title: string; children: ReactNode; footer?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} – ${messages.product}`;
  }, [title]);
  return (
    <div className="login">
      <main className="login-form">
        <span className="brand">
          <Brand />
          {messages.product}
        </span>
        <div className="middle">{children}</div>
        <footer className="hint">{footer}</footer>
      </main>
      <Map />
    </div>
  );
}
