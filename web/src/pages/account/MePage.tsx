import { type FormEvent, useState } from 'react';
import { Form } from 'react-aria-components';
import { useMutation, useQuery } from 'urql';
import { failureOf, fieldErrors } from '../../api/errors';
import { leave } from '../../auth/leave';
import { usePerson } from '../../auth/store';
import { tokenReplaced } from '../../auth/token';
import { gql } from '../../gql';
import { useTitle } from '../../layout/useTitle';
import { counted } from '../../messages/en';
import { FailureBanner } from '../../ui/Banner';
import { Button } from '../../ui/Button';
import { DeviceIcon } from '../../ui/DeviceIcon';
import { Dialog } from '../../ui/Dialog';
import { Field } from '../../ui/Field';
import { exactTime } from '../../ui/format';
import { Listing } from '../../ui/Listing';
import { Time } from '../../ui/Time';
import { toast, toastWrong } from '../../ui/toast';
import { OwnLimits } from './OwnLimits';

const MyDevices = gql(`
  query MyDevices {
    me {
      id
      currentLoginSession { id }
      loginSessions { id device ip signedInAt lastActiveAt idleExpiresAt absoluteExpiresAt }
    }
  }
`);

const EndOne = gql(`
  mutation EndOne($input: RevokeSessionInput!) {
    revokeSession(input: $input) { revokedCount }
  }
`);

const EndOthers = gql(`
  mutation EndOthers {
    revokeMyOtherSessions { revokedCount }
  }
`);

const ChangePassword = gql(`
  mutation ChangePassword($input: ChangePasswordInput!) {
    changePassword(input: $input) { revokedCount accessToken accessTokenExpiresAt }
  }
`);

/** One's own devices and password. */
export default function MePage() {
  useTitle('Devices and password');
  const person = usePerson();
  const [list, again] = useQuery({ query: MyDevices, requestPolicy: 'cache-and-network' });
  const { data } = list;
  const [, endOne] = useMutation(EndOne);
  const [{ fetching: ending }, endOthers] = useMutation(EndOthers);
  const [asking, setAsking] = useState(false);
  const own = data?.me?.currentLoginSession?.id;
  const devices = data?.me?.loginSessions ?? [];
  const others = devices.filter((d) => d.id !== own).length;
  const reload = () => again({ requestPolicy: 'network-only' });

  const end = async (id: string) => {
    if (id === own) {
      await leave();
      return;
    }
    const { error: e } = await endOne({ input: { sessionId: id } });
    if (e) toastWrong(failureOf(e)?.message ?? '');
    else toast('Signed out there');
    reload();
  };

  return (
    <>
      <div>
        <h1>Devices and password</h1>
        <OwnLimits />
      </div>
      <section className="sheet" aria-label="My devices">
        <div className="card-head">
          <h2>My devices</h2>
          <p>{devices.length > 0 && counted(devices.length, 'device', 'devices')}</p>
        </div>
        <Listing of={list} retry={reload} failed="Your devices could not be loaded." loading="Loading your devices">
          <div className="rows">
            {devices.map((d) => (
              <div key={d.id}>
                <DeviceIcon device={d.device} size={20} />
                <span className="what">
                  <b>{d.device}</b>
                  {d.id === own && ', this device'}
                  <span>
                    {d.ip} · signed in <Time at={d.signedInAt} /> · active <Time at={d.lastActiveAt} /> · ends {exactTime(d.absoluteExpiresAt)} at the latest
                  </span>
                </span>
                <Button size="small" onPress={() => void end(d.id)} aria-label={d.id === own ? 'Sign out on this device' : `Sign out on ${d.device}, ${d.ip}`}>
                  Sign out
                </Button>
              </div>
            ))}
          </div>
        </Listing>
        {others > 0 && (
          <div className="due">
            <span className="flex-1">Ends logins at once, on every other device of yours.</span>
            <Button kind="danger" onPress={() => setAsking(true)}>
              Sign out {counted(others, 'other device', 'other devices')}…
            </Button>
          </div>
        )}
      </section>
      <PasswordCard email={person.email} onDone={reload} />
      {asking && (
        <Dialog
          isOpen
          alert
          busy={ending}
          onClose={() => setAsking(false)}
          title={`Sign out ${counted(others, 'other device', 'other devices')}?`}
          footer={
            <>
              <Button autoFocus isDisabled={ending} onPress={() => setAsking(false)}>
                Cancel
              </Button>
              <Button
                kind="danger-solid"
                isPending={ending}
                onPress={() =>
                  void endOthers({}).then(({ data: done, error: e }) => {
                    if (e) toastWrong(failureOf(e)?.message ?? '');
                    else toast(`Signed out on ${counted(done?.revokeMyOtherSessions.revokedCount ?? 0, 'device', 'devices')}`);
                    setAsking(false);
                    reload();
                  })
                }
              >
                Sign out {counted(others, 'device', 'devices')}
              </Button>
            </>
          }
        >
          <p>You stay signed in here. What was entered there and saved is kept.</p>
        </Dialog>
      )}
    </>
  );
}

function PasswordCard({ email, onDone }: { email: string; onDone: () => void }) {
  const [{ fetching, error }, change] = useMutation(ChangePassword);
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const { fields, rest } = fieldErrors(error);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const { data } = await change({ input: { currentPassword: current, newPassword: next } });
    if (!data) return;
    tokenReplaced(data.changePassword.accessToken, data.changePassword.accessTokenExpiresAt);
    setCurrent('');
    setNext('');
    const ended = data.changePassword.revokedCount;
    toast(ended > 0 ? `Password changed; ${counted(ended, 'other device is', 'other devices are')} signed out` : 'Password changed');
    onDone();
  };
  return (
    <section className="sheet" aria-label="Password">
      <div className="card-head">
        <h2>Password</h2>
        <p>A change signs out your other devices</p>
      </div>
      <Form className="form" onSubmit={(event) => void submit(event)} validationErrors={fields}>
        {rest && <FailureBanner failure={rest} />}
        <input type="text" hidden autoComplete="username" value={email} readOnly />
        <Field label="Present password" name="currentPassword" type="password" autoComplete="current-password" isRequired value={current} onChange={setCurrent} />
        <Field label="New password" name="newPassword" type="password" autoComplete="new-password" isRequired minLength={12} maxLength={256} value={next} onChange={setNext} hint="12 characters or more. A few words are good." />
        <div>
          <Button type="submit" isPending={fetching}>
            Change the password
          </Button>
        </div>
      </Form>
    </section>
  );
}
