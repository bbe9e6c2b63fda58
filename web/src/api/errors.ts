// What went wrong, in words for people. The server's own words are for people
// already; this adds what only the client can know. Whatever somebody does where
// the server is not reached says so here, beside what they pressed.
import { messages } from '../messages/en';

/** What an answer says went wrong; no errors where the server was not reached. */
export interface AnswerError {
  graphQLErrors: readonly { message: string; extensions?: Record<string, unknown> }[];
}

export interface Failure {
  message: string;
  code: string | undefined; // the API's code; undefined where the server was not reached
  reason: string | undefined;
  field: string | undefined; // the input's field that it is about: "input.email"
  requestId: string | undefined;
  extensions: Record<string, unknown>;
}

/** Reads the first error of an answer. */
export function failureOf(error: AnswerError | undefined): Failure | undefined {
  if (!error) return undefined;
  const first = error.graphQLErrors[0];
  if (!first) {
    return { message: navigator.onLine ? messages.away : messages.offline, code: undefined, reason: undefined, field: undefined, requestId: undefined, extensions: {} };
  }
  const extensions = first.extensions ?? {};
  const text = (key: string) => (typeof extensions[key] === 'string' ? (extensions[key] as string) : undefined);
  return { message: first.message, code: text('code'), reason: text('reason'), field: text('field'), requestId: text('requestId') ?? text('errorId'), extensions };
}

/** Whether there is no such thing for this person: an id that names nothing, or that is none. */
export const isMissing = (failure: Failure | undefined): boolean => failure?.code === 'NOT_FOUND' || failure?.code === 'BAD_USER_INPUT';

/** What a form shows beside its fields: the errors by field, without "input.". */
export function fieldErrors(error: AnswerError | undefined): { fields: Record<string, string>; rest: Failure | undefined } {
  const fields: Record<string, string> = {};
  let rest: Failure | undefined;
  for (const one of error?.graphQLErrors ?? []) {
    const field = one.extensions?.field;
    if (typeof field === 'string') fields[field.replace(/^input\./, '')] ??= one.message;
    else rest ??= failureOf(error);
  }
  if (error && Object.keys(fields).length === 0) rest = failureOf(error);
  return { fields, rest };
}
