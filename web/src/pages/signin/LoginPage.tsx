import { Link, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { Form } from 'react-aria-components';
import { failureOf, fieldErrors } from '../../api/errors';
import { usePost } from '../../api/post';
import { here } from '../../auth/clock';
import { useAuth } from '../../auth/store';
import { signedIn } from '../../auth/token';
import { TokenDelivery } from './delivery';
import { Banner, FailureBanner } from '../../ui/Banner';
import { Button } from '../../ui/Button';
import { Field } from '../../ui/Field';
import { clockTime } from '../../ui/format';
import { DoorPage } from './DoorPage';
import { useRegistrationOpen } from './registration';
import { type Login, login as document, type LoginVariables } from './documents';

const limitOf: Record<string, 'IDLE' | 'ABSOLUTE'> = { idle: 'IDLE', absolute: 'ABSOLUTE' };

/** Signing in. Who was signed out by the clock or by others reads why, and comes back to where they were. */
export default function LoginPage() {
  const search = useSearch({ from: '/guest/login' });
  const { reason, to } = search;
  const auth = useAuth();
  const how = auth.state === 'out' ? auth.signedOut : undefined;
  const [{ fetching, error }, login] = usePost<Login, LoginVariables>(document);
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const { fields, rest } = fieldErrors(error);
  const registration = useRegistrationOpen();
  // The address knows it too, so that a reload says the same.
  const limit = how?.why === 'expired' && how.reason ? how.reason : reason === 'session_expired' ? limitOf[search.limit ?? ''] : undefined;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const { data } = await login({ input: { email, password, tokenDelivery: TokenDelivery } });
    if (data) signedIn(data.login.accessToken, data.login.accessTokenExpiresAt, data.login.loginSession);
    else setPassword('');
  };

  return (
    <DoorPage
      title="Sign in"
      footer={
        registration === undefined ? null : registration ? (
          <>
            New here? <Link to="/register">Create an account</Link>
          </>
        ) : (
          'New here? An owner or admin of your team’s account invites you.'
        )
      }
    >
      {reason === 'session_expired' && (
        <Banner colour="cyan" icon="clock" role="status">
          <b>You were signed out{how?.why === 'expired' ? ` at ${clockTime(here(new Date(how.at).toISOString()))}` : ''}</b>
          {limit === 'ABSOLUTE' ? ', because this login had reached its longest time.' : limit === 'IDLE' ? ' after a while without activity.' : '.'}{' '}
          Your walk and your notes are kept.
        </Banner>
      )}
      {reason === 'revoked' && (
        <Banner colour="amber" role="status">
          <b>This login was ended for you.</b> Sign in again to go on; nothing that you had entered is lost.
        </Banner>
      )}
      <h1 className="display">Sign in</h1>
      {rest && <FailureBanner failure={{ ...rest, requestId: rest.code === 'INTERNAL_SERVER_ERROR' ? failureOf(error)?.requestId : undefined }} />}
      <Form onSubmit={(event) => void submit(event)} validationErrors={fields}>
        <Field label="E-mail" name="email" type="email" big isRequired autoComplete="username" autoFocus={!email} value={email} onChange={setEmail} />
        <Field label="Password" name="password" type="password" big isRequired autoComplete="current-password" value={password} onChange={setPassword} />
        <Button type="submit" kind="primary" size="big" isPending={fetching}>
          Sign in
        </Button>
      </Form>
      <p className="hint">{to && to !== '/' ? 'You go back to where you were.' : <Link to="/forgotten-password">Forgotten your password?</Link>}</p>
    </DoorPage>
  );
}
