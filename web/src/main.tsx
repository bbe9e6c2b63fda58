import './app.css';

import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { I18nProvider, RouterProvider as AriaRouter } from 'react-aria-components';
import { followLoginSession } from './auth/expiry';
import { start } from './auth/token';
import { router } from './router';

followLoginSession();
void start();
const element = document.getElementById('app');
if (element) {
  createRoot(element).render(
    <StrictMode>
      <I18nProvider locale="en-GB">
        <AriaRouter navigate={(href) => void router.navigate({ href })}>
          <RouterProvider router={router} />
        </AriaRouter>
      </I18nProvider>
    </StrictMode>,
  );
}
