import { useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { Provider } from 'urql';
import { newClient } from '../api/client';
import { onReturn } from '../api/socket';
import { useAuth } from '../auth/store';
import { words } from '../messages/walk';
import { sendUnsent } from '../runner/unsent';
import { Toasts, toastWrong } from '../ui/toast';
import AppLayout from './AppLayout';

/** Everything of somebody who is signed in. What they saw is gone with their login session. */
export default function Frame() {
  const auth = useAuth();
  const login = auth.state === 'in' ? auth.loginSessionId : '';
  const userId = auth.state === 'in' ? auth.person.id : undefined;
  const { client, askAgain } = useMemo(() => ({ login, ...newClient() }), [login]);
  const navigate = useNavigate();
  useEffect(() => onReturn(askAgain), [askAgain]);
  // What was done in walks and not answered is sent from whichever page.
  useEffect(() => {
    if (!userId) return;
    return sendUnsent(client, userId, (sessionId) => {
      if (location.pathname === `/sessions/${sessionId}`) return; // that page says so
      toastWrong(words.unsent.elsewhere, { label: words.unsent.look, run: () => void navigate({ to: '/sessions/$sessionId', params: { sessionId } }) });
    });
  }, [client, userId, navigate]);
  return (
    <Provider value={client}>
      <AppLayout />
      <Toasts />
    </Provider>
  );
}
