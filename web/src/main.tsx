import './app.css';

import { RouterProvider } from '@tanstack/react-router';
import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { I18nProvider, RouterProvider as AriaRouter } from 'react-aria-components';
import { Provider } from 'urql';
import { forgetCache, graphql } from './api/client';
import { followLoginSession } from './auth/expiry';
import { getAuth, onAuth } from './auth/store';
import { start } from './auth/token';
import { router } from './router';
import { Toasts } from './ui/toast';

/** The client of whoever is signed in: what one person saw is gone with them. */
function useClient() {
  const [client, setClient] = useState(graphql);
  useEffect(() => {
    let who = currentLogin();
    return onAuth(() => {
      const now = currentLogin();
      if (now === who) return;
      who = now;
      setClient(forgetCache());
    });
  }, []);
  return client;
}

function currentLogin(): string | undefined {
  const auth = getAuth();
  return auth.state === 'in' ? auth.loginSessionId : undefined;
}

function App() {
  const client = useClient();
  return (
    <I18nProvider locale="en-GB">
      <AriaRouter navigate={(href) => void router.navigate({ href })}>
        <Provider value={client}>
          <RouterProvider router={router} />
          <Toasts />
        </Provider>
      </AriaRouter>
    </I18nProvider>
  );
}

followLoginSession();
void start();
const element = document.getElementById('app');
if (element) {
  createRoot(element).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
