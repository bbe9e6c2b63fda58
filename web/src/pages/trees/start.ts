import { useNavigate } from '@tanstack/react-router';
import { useRef } from 'react';
import { useMutation } from 'urql';
import type { AnswerError } from '../../api/errors';
import { random } from '../../auth/shared';
import type { StartSessionInput } from '../../gql/graphql';
import { StartWalk } from '../../runner/documents';

/** Starts a session and goes to it; `before` runs in between. What went wrong is returned. */
export function useStart(): {
  starting: boolean;
  error: AnswerError | undefined;
  start: (input: Omit<StartSessionInput, 'idempotencyKey'>, before?: (sessionId: string) => Promise<unknown>) => Promise<AnswerError | undefined>;
} {
  const [{ fetching, error }, run] = useMutation(StartWalk);
  const navigate = useNavigate();
  // A double click, and a try again after an answer that was lost, start one session.
  const tried = useRef<{ what: string; key: string }>(undefined);
  return {
    starting: fetching,
    error,
    start: async (input, before) => {
      const what = JSON.stringify(input);
      if (tried.current?.what !== what) tried.current = { what, key: random() };
      const { data, error: failed } = await run({ input: { ...input, idempotencyKey: tried.current.key } });
      if (!data) return failed;
      tried.current = undefined;
      const sessionId = data.startSession.session.id;
      await before?.(sessionId);
      await navigate({ to: '/sessions/$sessionId', params: { sessionId } });
      return undefined;
    },
  };
}
