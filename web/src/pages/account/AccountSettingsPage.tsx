import { Link } from '@tanstack/react-router';
import { ChevronRight, KeyRound, type LucideIcon, Shield, Users } from 'lucide-react';
import { Label, Radio, RadioGroup } from 'react-aria-components';
import { atLeast, usePerson } from '../../auth/store';
import { setKeysOn, useKeysOn } from '../../layout/keys';
import { useTheme } from '../../layout/theme';
import { useTitle } from '../../layout/useTitle';
import { messages } from '../../messages/en';
import { Check } from '../../ui/Check';
import { Icon } from '../../ui/Icon';

/** What can be set, one row each; how this browser looks and listens to keys. */
export default function AccountSettingsPage() {
  useTitle('Settings');
  const person = usePerson();
  const [theme, setTheme] = useTheme();
  const keys = useKeysOn();
  return (
    <>
      <h1>Settings</h1>
      <section className="sheet rows" aria-label="Account">
        {person.role === 'OWNER' && <Row to="/account/security" icon={Shield} title="Session security" text="How long a login lasts, who is signed in, and signing people out at once." />}
        {atLeast(person.role, 'ADMIN') && <Row to="/account/members" icon={Users} title="Members" text="People, roles and invitations." />}
        <Row to="/account/me" icon={KeyRound} title="Devices and password" text={`Signed in as ${person.email}, ${messages.roles[person.role].toLowerCase()}.`} />
      </section>
      <section className="sheet" aria-label="This browser">
        <div className="card-head">
          <h2>This browser</h2>
        </div>
        <div className="grid gap-4 p-4">
          <RadioGroup value={theme} onChange={(value) => setTheme(value as typeof theme)} className="field">
            <Label className="label">Theme</Label>
            <div className="seg justify-self-start">
              <Radio value="system">System</Radio>
              <Radio value="light">Light</Radio>
              <Radio value="dark">Dark</Radio>
            </div>
          </RadioGroup>
          <Check isSelected={keys} onChange={setKeysOn}>
            Single keys do something, such as 1 to 9 for answers
          </Check>
        </div>
      </section>
    </>
  );
}

function Row({ to, icon, title, text }: { to: '/account/security' | '/account/members' | '/account/me'; icon: LucideIcon; title: string; text: string }) {
  return (
    <Link to={to}>
      <Icon of={icon} size={20} />
      <span className="what">
        <b>{title}</b>
        <span>{text}</span>
      </span>
      <Icon of={ChevronRight} />
    </Link>
  );
}
