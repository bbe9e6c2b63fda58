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
import { type Login, login as document, type LoginVariables } from './documents';

/** Signing in. Who was signed out by the clock or by others reads why, and comes back to where they were. */
export default function LoginPage() {
  const { reason, to } = useSearch({ from: '/guest/login' });
  const auth = useAuth();
  const how = auth.state === 'out' ? auth.signedOut : undefined;
  const [{ fetching, error }, login] = usePost<Login, LoginVariables>(document);
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const { fields, rest } = fieldErrors(error);

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
        <>
          New here? <Link to="/register">Create an account</Link>
        </>
      }
    >
      {reason === 'session_expired' && (
        <Banner colour="cyan" icon="clock" role="status">
          <b>You were signed out{how?.why === 'expired' ? ` at ${clockTime(here(new Date(how.at).toISOString()))}` : ''}</b>
          {how?.why === 'expired' && how.reason === 'ABSOLUTE' ? ', because this login had reached its longest time.' : how?.why === 'expired' && how.reason === 'IDLE' ? ' after a while without activity.' : '.'}{' '}
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
