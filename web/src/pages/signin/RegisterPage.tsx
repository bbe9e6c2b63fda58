import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { Form } from 'react-aria-components';
import { fieldErrors } from '../../api/errors';
import { usePost } from '../../api/post';
import { signedIn } from '../../auth/token';
import { FailureBanner } from '../../ui/Banner';
import { Button } from '../../ui/Button';
import { Field } from '../../ui/Field';
import { DoorPage } from './DoorPage';
import { TokenDelivery } from './delivery';
import { type Register, register as document, type RegisterVariables } from './documents';
import { useRegistrationOpen } from './registration';

/** Opens an account; who does is its first owner. */
export default function RegisterPage() {
  const [{ fetching, error }, register] = usePost<Register, RegisterVariables>(document);
  const [values, setValues] = useState({ accountName: '', name: '', email: '', password: '' });
  const { fields, rest } = fieldErrors(error);
  const open = useRegistrationOpen();
  const bind = (name: keyof typeof values) => ({ name, value: values[name], onChange: (value: string) => setValues((v) => ({ ...v, [name]: value })) });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const { data } = await register({ input: { ...values, tokenDelivery: TokenDelivery } });
    if (data) signedIn(data.register.accessToken, data.register.accessTokenExpiresAt, data.register.loginSession);
  };

  if (open === undefined) return <DoorPage title="Create an account">{null}</DoorPage>;
  if (!open) return <ClosedPage />;
  return (
    <DoorPage
      title="Create an account"
      footer={
        <>
          Your team has an account? <Link to="/login">Sign in</Link>
        </>
      }
    >
      <h1 className="display">Create an account</h1>
      <p className="lead">For your team. You are its owner and invite the others.</p>
      {rest && <FailureBanner failure={rest} />}
      <Form onSubmit={(event) => void submit(event)} validationErrors={fields}>
        <Field {...bind('accountName')} label="Team" big isRequired maxLength={120} autoComplete="organization" autoFocus />
        <Field {...bind('name')} label="Your name" big isRequired maxLength={120} autoComplete="name" />
        <Field {...bind('email')} label="E-mail" type="email" big isRequired maxLength={254} autoComplete="username" />
        <Field {...bind('password')} label="Password" type="password" big isRequired minLength={12} maxLength={256} autoComplete="new-password" hint="12 characters or more. A few words are good." />
        <Button type="submit" kind="primary" size="big" isPending={fetching}>
          Create the account
        </Button>
      </Form>
    </DoorPage>
  );
}

/** What to do where the operator opens accounts, and nobody else. */
const ClosedPage = () => (
  <DoorPage title="Accounts are not opened here">
    <h1 className="display">Accounts are not opened here</h1>
    <p className="lead">Whoever runs this server has closed that to strangers. If your team has an account, ask one of its owners or admins to invite you: they get a link for you, and with it you choose your password.</p>
    <p className="lead">For a team without an account, ask whoever runs this server.</p>
    <p>
      <Link className="btn primary big" to="/login">
        Sign in
      </Link>
    </p>
  </DoorPage>
);
