// A dangerous action asks for the password again when the sign-in is old. It does so
// inside the dialog that confirms the action.
import type { CombinedError } from '@urql/core';
import { type ReactNode, useState } from 'react';
import { useMutation } from 'urql';
import { type Failure, failureOf } from '../api/errors';
import { gql } from '../gql';
import { FailureBanner } from '../ui/Banner';
import { Field } from '../ui/Field';

const Confirm = gql(`
  mutation ConfirmPassword($input: ReauthenticateInput!) {
    reauthenticate(input: $input) { authenticatedUntil }
  }
`);

export interface Dangerous {
  busy: boolean;
  /** The field for the password, where it is asked for, and what went wrong. */
  ask: ReactNode;
  /** Runs the action; where the server asks for the password first, it asks, and goes on when it is right. */
  run: () => Promise<boolean>;
}

/** Runs something dangerous, with the password in between where it is asked for. */
export function useDangerous<T>(act: () => Promise<{ data?: T | undefined; error?: CombinedError | undefined }>, onDone: (data: T) => void): Dangerous {
  const [, confirm] = useMutation(Confirm);
  const [asked, setAsked] = useState(false);
  const [password, setPassword] = useState('');
  const [wrong, setWrong] = useState<string>();
  const [failure, setFailure] = useState<Failure>();
  const [busy, setBusy] = useState(false);

  const run = async (): Promise<boolean> => {
    setBusy(true);
    setFailure(undefined);
    setWrong(undefined);
    try {
      if (asked) {
        const { error } = await confirm({ input: { password } });
        const problem = failureOf(error);
        if (problem) {
          if (problem.reason === 'INVALID_CREDENTIALS') setWrong(problem.message);
          else setFailure(problem);
          return false;
        }
      }
      const { data, error } = await act();
      const problem = failureOf(error);
      if (problem?.reason === 'REAUTHENTICATION_REQUIRED') {
        setAsked(true);
        return false;
      }
      if (problem || data === undefined) {
        setFailure(problem);
        return false;
      }
      onDone(data);
      return true;
    } finally {
      setBusy(false);
    }
  };

  const ask = (
    <>
      {failure && <FailureBanner failure={failure} />}
      {asked && (
        <Field
          label="Your password"
          hint="You signed in a while ago, so this asks once more."
          type="password"
          autoComplete="current-password"
          value={password}
          onChange={setPassword}
          isRequired
          autoFocus
          isInvalid={wrong !== undefined}
          errorMessage={wrong}
          onKeyDown={(event) => event.key === 'Enter' && void run()}
        />
      )}
    </>
  );
  return { busy, ask, run };
}
