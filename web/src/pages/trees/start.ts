import { useNavigate } from '@tanstack/react-router';
import { useMutation } from 'urql';
import { failureOf } from '../../api/errors';
import { random } from '../../auth/shared';
import { StartWalk } from '../../runner/documents';
import { toastWrong } from '../../ui/toast';

/** Starts a session and goes to it. */
export function useStart(): { starting: boolean; start: (input: { treeId?: string; subject?: string; ticket?: string; clientName?: string }) => Promise<void> } {
  const [{ fetching }, run] = useMutation(StartWalk);
  const navigate = useNavigate();
  return {
    starting: fetching,
    start: async (input) => {
      const { data, error } = await run({ input: { ...input, idempotencyKey: random() } });
      if (data) await navigate({ to: '/sessions/$sessionId', params: { sessionId: data.startSession.session.id } });
      else toastWrong(failureOf(error)?.message ?? '');
    },
  };
}
