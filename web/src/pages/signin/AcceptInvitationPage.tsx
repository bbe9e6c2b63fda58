import { Link } from '@tanstack/react-router';
import { type FormEvent, useEffect, useState } from 'react';
import { Form } from 'react-aria-components';
import { failureOf, fieldErrors } from '../../api/errors';
import { post, type Posted, usePost } from '../../api/post';
import { signedIn } from '../../auth/token';
import { Banner, FailureBanner } from '../../ui/Banner';
import { Button } from '../../ui/Button';
import { Field } from '../../ui/Field';
import { exactTime } from '../../ui/format';
import { Loading } from '../../ui/Loading';
import { DoorPage } from './DoorPage';
import { TokenDelivery } from './delivery';
import { type AcceptInvitation, type AcceptInvitationVariables, acceptInvitation, type Invitation, invitation as preview } from './documents';

const role = { OWNER: 'an owner', ADMIN: 'an admin', ENGINEER: 'an engineer', VIEWER: 'a viewer' };

/** Joins an account by an invitation. The secret is in the address's fragment, which browsers send to nobody. */
export default function AcceptInvitationPage() {
  const [token] = useState(() => new URLSearchParams(location.hash.slice(1)).get('token') ?? '');
  const [asked, setAsked] = useState<Posted<Invitation> | undefined>(() => (token ? undefined : {}));
  useEffect(() => {
    if (token) void post<Invitation>(preview, { token }).then(setAsked);
  }, [token]);
  const fetching = asked === undefined;
  const [{ fetching: sending, error: refused }, accept] = usePost<AcceptInvitation, AcceptInvitationVariables>(acceptInvitation);
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const { fields, rest } = fieldErrors(refused);
  const invitation = asked?.data?.invitation;
  const failure = failureOf(asked?.error);
  const over = !failure || failure.code === 'NOT_FOUND' || failure.code === 'CONFLICT';

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const { data: done } = await accept({ input: { token, name, password, tokenDelivery: TokenDelivery } });
    if (done) signedIn(done.acceptInvitation.accessToken, done.acceptInvitation.accessTokenExpiresAt, done.acceptInvitation.loginSession);
  };

  return (
    <DoorPage
      title="Accept the invitation"
      footer={
        <>
          You have a user already? <Link to="/login">Sign in</Link>
        </>
      }
    >
      <h1 className="display">{invitation ? `Join ${invitation.accountName}` : 'Accept the invitation'}</h1>
      {fetching && <Loading />}
      {failure && !over && <FailureBanner failure={failure} />}
      {!fetching && !invitation && over && (
        <Banner colour="amber" role="status">
          <b>This invitation does not hold any more.</b> It works once, for seven days. Ask whoever invited you for a new one.
        </Banner>
      )}
      {invitation && (
        <>
          <p className="lead">
            As {role[invitation.role]}, with the address <b>{invitation.email}</b>. The invitation holds until {exactTime(invitation.expiresAt)}.
          </p>
          {rest && <FailureBanner failure={rest} />}
          <Form onSubmit={(event) => void submit(event)} validationErrors={fields}>
            <input type="hidden" autoComplete="username" value={invitation.email} readOnly />
            <Field label="Your name" name="name" big isRequired maxLength={120} autoComplete="name" autoFocus value={name} onChange={setName} />
            <Field label="Password" name="password" type="password" big isRequired minLength={12} maxLength={256} autoComplete="new-password" value={password} onChange={setPassword} hint="12 characters or more. A few words are good." />
            <Button type="submit" kind="primary" size="big" isPending={sending}>
              Join
            </Button>
          </Form>
        </>
      )}
    </DoorPage>
  );
}
