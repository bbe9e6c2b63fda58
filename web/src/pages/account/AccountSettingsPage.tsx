import { Link } from '@tanstack/react-router';
import { BookOpen, ChevronRight, KeyRound, type LucideIcon, ScrollText, Shield, SquareTerminal, Users } from 'lucide-react';
import { Label, Radio, RadioGroup } from 'react-aria-components';
import { atLeast, usePerson } from '../../auth/store';
import { useDescribed } from '../../layout/described';
import { setKeysOn, useKeysOn } from '../../layout/keys';
import { useTheme } from '../../layout/theme';
import { useTitle } from '../../layout/useTitle';
import { messages } from '../../messages/en';
import { Check } from '../../ui/Check';
import { Icon } from '../../ui/Icon';
import { OwnLimits } from './OwnLimits';

/** What can be set, one row each; how this browser looks and listens to keys. */
export default function AccountSettingsPage() {
  useTitle('Settings');
  const person = usePerson();
  const [theme, setTheme] = useTheme();
  const keys = useKeysOn();
  const described = useDescribed();
  return (
    <>
      <div>
        <h1>Settings</h1>
        <OwnLimits />
      </div>
      <section className="sheet rows" aria-label="Account">
        {person.role === 'OWNER' && <Row to="/account/security" icon={Shield} title="Session security" text="How long a login lasts, who is signed in, and signing people out at once." />}
        {person.role === 'OWNER' && <Row to="/account/security/log" icon={ScrollText} title="Audit log" text="Who signed in, and who changed what, as it happens and as a file." />}
        {atLeast(person.role, 'ADMIN') && <Row to="/account/members" icon={Users} title="Members" text="People, roles and invitations." />}
        <Row to="/account/me" icon={KeyRound} title="Devices and password" text={`Signed in as ${person.email}, ${messages.roles[person.role].toLowerCase()}.`} />
      </section>
      {described.length > 0 && (
        <section className="sheet rows" aria-label="For programs">
          <a href="/api/reference">
            <Icon of={BookOpen} size={20} />
            <span className="what">
              <b>API reference</b>
              <span>Everything that programs can ask for: queries, changes, live events and their types.</span>
            </span>
            <Icon of={ChevronRight} />
          </a>
          <a href="/api/docs">
            <Icon of={SquareTerminal} size={20} />
            <span className="what">
              <b>API explorer</b>
              <span>Ask as yourself, and see what comes back.</span>
            </span>
            <Icon of={ChevronRight} />
          </a>
        </section>
      )}
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

function Row({ to, icon, title, text }: { to: '/account/security' | '/account/security/log' | '/account/members' | '/account/me'; icon: LucideIcon; title: string; text: string }) {
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
