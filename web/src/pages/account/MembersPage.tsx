import { ChevronDown, Copy, Ellipsis, UserPlus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { Button as AriaButton, Form, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from 'react-aria-components';
import { useMutation, useQuery } from 'urql';
import { failureOf, fieldErrors } from '../../api/errors';
import { usePerson } from '../../auth/store';
import { gql } from '../../gql';
import type { MembersQuery, Role } from '../../gql/graphql';
import { useTitle } from '../../layout/useTitle';
import { counted, messages } from '../../messages/en';
import { useDangerous } from '../../security/Reauthenticate';
import { Button } from '../../ui/Button';
import { copy } from '../../ui/copy';
import { Dialog } from '../../ui/Dialog';
import { Field } from '../../ui/Field';
import { exactTime, initials } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Empty, Listing } from '../../ui/Listing';
import { Menu, MenuItem } from '../../ui/Menu';
import { Time } from '../../ui/Time';
import { toast, toastWrong } from '../../ui/toast';

const Members = gql(`
  query Members {
    account {
      id
      members { id name email role lastLoginAt disabledAt }
      invitations { id email role expiresAt }
    }
  }
`);

const Invite = gql(`
  mutation Invite($input: InviteUserInput!) {
    inviteUser(input: $input) { invitation { id email } url }
  }
`);

const Withdraw = gql(`
  mutation Withdraw($input: WithdrawInvitationInput!) {
    withdrawInvitation(input: $input) { invitation { id } }
  }
`);

const SetRole = gql(`
  mutation SetRole($input: UpdateUserInput!) {
    updateUser(input: $input) { user { id role } }
  }
`);

const Disable = gql(`
  mutation Disable($input: DisableUserInput!) {
    disableUser(input: $input) { user { id disabledAt } revokedCount }
  }
`);

const Enable = gql(`
  mutation Enable($input: EnableUserInput!) {
    enableUser(input: $input) { user { id disabledAt } }
  }
`);

type Member = NonNullable<MembersQuery['account']['members']>[number];

const roleWords: Record<Role, string> = {
  VIEWER: 'reads published trees',
  ENGINEER: 'walks and writes trees',
  ADMIN: 'manages people, sees all sessions',
  OWNER: 'decides about the account and its security',
};

/** The people of the account, and who is invited. */
export default function MembersPage() {
  useTitle('Members');
  const person = usePerson();
  const [list, again] = useQuery({ query: Members, requestPolicy: 'cache-and-network' });
  const { data } = list;
  const [, withdraw] = useMutation(Withdraw);
  const [open, setOpen] = useState<{ what: 'invite' } | { what: 'role' | 'disable' | 'enable'; member: Member }>();
  const members = data?.account.members ?? [];
  const invitations = data?.account.invitations ?? [];
  const reload = () => again({ requestPolicy: 'network-only' });
  const close = () => {
    setOpen(undefined);
    reload();
  };
  return (
    <>
      <div className="page-head mb-0">
        <h1>Members</h1>
        <Button kind="primary" icon={<Icon of={UserPlus} />} onPress={() => setOpen({ what: 'invite' })}>
          Invite…
        </Button>
      </div>
      <section className="sheet" aria-label="Members">
        <div className="card-head">
          <h2>{counted(members.length, 'person', 'people')}</h2>
        </div>
        <Listing of={list} retry={reload} failed="The members could not be loaded." loading="Loading the members" rows={4}>
          <div className="rows">
            {members.map((m) => (
              <div className="member" key={m.id}>
                <span className="ava" aria-hidden="true" data-initials={initials(m.name)} />
                <span className="what">
                  <b>{m.name}</b>
                  {m.id === person.id && <span className="text-ink-3! inline!"> (you)</span>}
                  <span>
                    {m.email} · {m.disabledAt ? 'disabled' : m.lastLoginAt ? <>signed in <Time at={m.lastLoginAt} /></> : 'never signed in'}
                  </span>
                </span>
                <span className="role">
                  <span className={m.disabledAt ? 'badge amber' : 'badge'}>{m.disabledAt ? 'Disabled' : messages.roles[m.role]}</span>
                </span>
                {m.id !== person.id && (person.role === 'OWNER' || m.role !== 'OWNER') && (
                  <Menu
                    aria-label={`What to do about ${m.name}`}
                    trigger={
                      <Button kind="quiet" iconOnly icon={<Icon of={Ellipsis} />}>
                        {`What to do about ${m.name}`}
                      </Button>
                    }
                  >
                    <MenuItem onAction={() => setOpen({ what: 'role', member: m })}>Change the role…</MenuItem>
                    <MenuItem onAction={() => setOpen({ what: m.disabledAt ? 'enable' : 'disable', member: m })}>{m.disabledAt ? 'Enable…' : 'Disable…'}</MenuItem>
                  </Menu>
                )}
              </div>
            ))}
          </div>
        </Listing>
      </section>
      {data && (
        <section className="sheet" aria-label="Invitations">
          <div className="card-head">
            <h2>Invited</h2>
            <p>Links work once</p>
          </div>
          {invitations.length === 0 && (
            <Empty title="Nobody is invited now" action={<Button onPress={() => setOpen({ what: 'invite' })}>Invite a colleague…</Button>}>
              A link that is sent stands here until it is used or its week is over.
            </Empty>
          )}
          <div className="rows">
            {invitations.map((i) => (
              <div key={i.id}>
                <span className="what">
                  <b>{i.email}</b>
                  <span>
                    {messages.roles[i.role]}, until {exactTime(i.expiresAt)}
                  </span>
                </span>
                <Button
                  size="small"
                  onPress={() =>
                    void withdraw({ input: { invitationId: i.id } }).then(({ error: e }) => {
                      if (e) toastWrong(failureOf(e)?.message ?? '');
                      else toast('Invitation withdrawn');
                      reload();
                    })
                  }
                >
                  Withdraw
                </Button>
              </div>
            ))}
          </div>
        </section>
      )}
      {open?.what === 'invite' && <InviteDialog mayOwner={person.role === 'OWNER'} onClose={close} />}
      {open?.what === 'role' && <RoleDialog member={open.member} mayOwner={person.role === 'OWNER'} onClose={close} />}
      {open?.what === 'disable' && <DisableDialog member={open.member} onClose={close} />}
      {open?.what === 'enable' && <EnableDialog member={open.member} onClose={close} />}
    </>
  );
}

function RolePicker({ value, onChange, mayOwner }: { value: Role; onChange: (role: Role) => void; mayOwner: boolean }) {
  const roles = (['VIEWER', 'ENGINEER', 'ADMIN', 'OWNER'] as const).filter((r) => mayOwner || r !== 'OWNER');
  return (
    <Select className="field" value={value} onChange={(key) => onChange(key as Role)}>
      <Label>Role</Label>
      <AriaButton className="btn select-button">
        <SelectValue />
        <Icon of={ChevronDown} />
      </AriaButton>
      <Popover className="popover">
        <ListBox className="menu">
          {roles.map((r) => (
            <ListBoxItem key={r} id={r} className="menu-item" textValue={messages.roles[r]}>
              {messages.roles[r]}: {roleWords[r]}
            </ListBoxItem>
          ))}
        </ListBox>
      </Popover>
    </Select>
  );
}

function InviteDialog({ mayOwner, onClose }: { mayOwner: boolean; onClose: () => void }) {
  const [{ error }, invite] = useMutation(Invite);
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('ENGINEER');
  const [url, setUrl] = useState<string>();
  const { fields } = fieldErrors(error);
  const { busy, ask, run } = useDangerous(
    () => invite({ input: { email, role } }),
    (data) => setUrl(data.inviteUser.url),
  );
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    void run();
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      busy={busy}
      title={url ? `Send this link to ${email}` : 'Invite somebody'}
      footer={
        url ? (
          <>
            <Button onPress={onClose}>Done</Button>
            <Button kind="primary" autoFocus icon={<Icon of={Copy} />} onPress={() => void copy(url, 'Link copied')}>
              Copy the link
            </Button>
          </>
        ) : (
          <>
            <Button onPress={onClose} isDisabled={busy}>
              Cancel
            </Button>
            <Button kind="primary" isPending={busy} onPress={() => submit()}>
              Make the link
            </Button>
          </>
        )
      }
    >
      {url ? (
        <>
          <p>It is shown this once, works once, and holds for seven days. Whoever has it can accept.</p>
          <div className="cmd">
            <code>{url}</code>
          </div>
        </>
      ) : (
        <Form className="grid gap-1" onSubmit={submit} validationErrors={fields}>
          <Field label="E-mail" name="email" type="email" isRequired maxLength={254} value={email} onChange={setEmail} autoFocus autoComplete="off" />
          <RolePicker value={role} onChange={setRole} mayOwner={mayOwner} />
          {Object.keys(fields).length === 0 && ask}
          <button type="submit" hidden />
        </Form>
      )}
    </Dialog>
  );
}

function RoleDialog({ member, mayOwner, onClose }: { member: Member; mayOwner: boolean; onClose: () => void }) {
  const [, setRoleOf] = useMutation(SetRole);
  const [role, setRole] = useState(member.role);
  const { busy, ask, run } = useDangerous(
    () => setRoleOf({ input: { userId: member.id, role } }),
    () => {
      toast(`${member.name} is ${messages.roles[role].toLowerCase()} now`);
      onClose();
    },
  );
  return (
    <Dialog
      isOpen
      onClose={onClose}
      busy={busy}
      title={`Change the role of ${member.name}`}
      footer={
        <>
          <Button onPress={onClose} isDisabled={busy}>
            Cancel
          </Button>
          <Button kind="primary" isPending={busy} isDisabled={role === member.role} onPress={() => void run()}>
            {role === member.role ? 'Choose another role' : `Make ${messages.roles[role].toLowerCase()}`}
          </Button>
        </>
      }
    >
      <p>It holds at once, wherever they are signed in.</p>
      <RolePicker value={role} onChange={setRole} mayOwner={mayOwner} />
      {ask}
    </Dialog>
  );
}

function DisableDialog({ member, onClose }: { member: Member; onClose: () => void }) {
  const [, disable] = useMutation(Disable);
  const { busy, ask, run } = useDangerous(
    () => disable({ input: { userId: member.id } }),
    (data) => {
      toast(`${member.name} is disabled; ${counted(data.disableUser.revokedCount, 'login', 'logins')} ended`);
      onClose();
    },
  );
  return (
    <Dialog
      isOpen
      alert
      onClose={onClose}
      busy={busy}
      title={`Disable ${member.name}?`}
      footer={
        <>
          <Button onPress={onClose} isDisabled={busy} autoFocus>
            Cancel
          </Button>
          <Button kind="danger-solid" isPending={busy} onPress={() => void run()}>
            Disable
          </Button>
        </>
      }
    >
      <p>They are signed out everywhere at once and cannot sign in. What they did stays, and you can enable them again.</p>
      {ask}
    </Dialog>
  );
}

function EnableDialog({ member, onClose }: { member: Member; onClose: () => void }) {
  const [, enable] = useMutation(Enable);
  const { busy, ask, run } = useDangerous(
    () => enable({ input: { userId: member.id } }),
    () => {
      toast(`${member.name} can sign in again`);
      onClose();
    },
  );
  return (
    <Dialog
      isOpen
      onClose={onClose}
      busy={busy}
      title={`Let ${member.name} sign in again?`}
      footer={
        <>
          <Button onPress={onClose} isDisabled={busy}>
            Cancel
          </Button>
          <Button kind="primary" isPending={busy} onPress={() => void run()}>
            Enable
          </Button>
        </>
      }
    >
      <p>With the role and the password that they had.</p>
      {ask}
    </Dialog>
  );
}
