// One operation by POST, for the pages that come before anybody is signed in: they
// need no cache and no socket, and load without them.
import { useState } from 'react';
import type { AnswerError } from './errors';

export interface Posted<T> {
  data?: T;
  error?: AnswerError;
}

/** Sends an operation. What went wrong is in the answer; nothing is thrown. */
export async function post<T>(query: string, variables: object = {}, token?: string): Promise<Posted<T>> {
  try {
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data?: T | null; errors?: AnswerError['graphQLErrors'] };
    return errors?.length ? { error: { graphQLErrors: errors } } : data ? { data } : { error: { graphQLErrors: [] } };
  } catch {
    return { error: { graphQLErrors: [] } }; // the server was not reached
  }
}

/** An operation that a form sends, with what came of the last time. */
export function usePost<T, V extends object>(query: string): [{ fetching: boolean; error: AnswerError | undefined }, (variables: V) => Promise<Posted<T>>] {
  const [state, setState] = useState<{ fetching: boolean; error: AnswerError | undefined }>({ fetching: false, error: undefined });
  return [
    state,
    async (variables) => {
      setState({ fetching: true, error: undefined });
      const answer = await post<T>(query, variables);
      setState({ fetching: false, error: answer.error });
      return answer;
    },
  ];
}
