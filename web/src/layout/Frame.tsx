import { useMemo } from 'react';
import { Provider } from 'urql';
import { newClient } from '../api/client';
import { useAuth } from '../auth/store';
import { Toasts } from '../ui/toast';
import AppLayout from './AppLayout';

/** Everything of somebody who is signed in. What they saw is gone with their login session. */
export default function Frame() {
  const auth = useAuth();
  const login = auth.state === 'in' ? auth.loginSessionId : '';
  const client = useMemo(() => ({ login, client: newClient() }), [login]).client;
  return (
    <Provider value={client}>
      <AppLayout />
      <Toasts />
    </Provider>
  );
}
