import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { History, ListTree, LogOut, Search, Settings, Shield, User, Users } from 'lucide-react';
import { lazy, Suspense, useEffect, useState } from 'react';
import { Button as AriaButton } from 'react-aria-components';
import { useConnection } from '../api/socket';
import { leave } from '../auth/leave';
import { atLeast, usePerson } from '../auth/store';
import { part } from '../load';
import { messages } from '../messages/en';
import { Brand } from '../ui/Brand';
import { Icon } from '../ui/Icon';
import { Kbd } from '../ui/Kbd';
import { Menu, MenuItem, MenuLine } from '../ui/Menu';
import { initials } from '../ui/format';
import { toastWrong } from '../ui/toast';
import { ConnectionBanner } from './ConnectionBanner';
import { PlanAheadLine, SessionExpiryToast } from './SessionExpiryToast';
import { isTyping } from './keys';

const loadMenu = part(() => import('./CommandMenu'));
const CommandMenu = lazy(loadMenu);

/** The pages of the bar. Those that nobody can use with a role are not shown to it. */
const places = [
  { to: '/trees', label: messages.nav.trees, icon: ListTree },
  { to: '/sessions', label: messages.nav.sessions, icon: History },
] as const;

const mac = /Mac|iPhone|iPad/.test(navigator.platform);

/** The frame around every page of somebody who is signed in. */
export default function AppLayout() {
  const person = usePerson();
  const connection = useConnection();
  const full = useRouterState({ select: (s) => s.matches.some((m) => m.staticData.fullWidth) });
  const [finding, setFinding] = useState(false);
  const find = () => void loadMenu().then(() => setFinding(true)).catch(() => toastWrong(messages.notLoaded));
  useEffect(() => {
    const open = (event: KeyboardEvent) => {
      const asked = (event.key === 'k' && (event.ctrlKey || event.metaKey)) || (event.key === '?' && event.ctrlKey);
      if (!asked || (isTyping(event) && event.key !== 'k')) return;
      event.preventDefault();
      find();
    };
    addEventListener('keydown', open);
    return () => removeEventListener('keydown', open);
  }, []);
  return (
    <div className={full ? 'full' : undefined}>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className="bar">
        <Link className="brand" to="/trees">
          <Brand />
          {messages.product}
        </Link>
        <nav aria-label="Main">
          {places.map(({ to, label }) => (
            <Link key={to} to={to} activeProps={{ 'aria-current': 'page' }}>
              {label}
            </Link>
          ))}
        </nav>
        <AriaButton className="input find" onPress={find}>
          <Icon of={Search} size={14} />
          <span>Find a tree or a page</span>
          <Kbd>{mac ? '⌘ K' : 'Ctrl K'}</Kbd>
        </AriaButton>
        <span className={connection.state === 'lost' ? 'live lost' : 'live'} title={connection.state === 'lost' ? 'The connection is lost' : 'Live updates are arriving'}>
          {connection.state === 'lost' ? 'Reconnecting' : 'Live'}
        </span>
        <AccountMenu name={person.name} owner={person.role === 'OWNER'} admin={atLeast(person.role, 'ADMIN')} />
        <SessionExpiryToast />
      </header>
      <PlanAheadLine />
      <ConnectionBanner />
      <main id="main" tabIndex={-1}>
        <Outlet />
      </main>
      <nav className="tabs" aria-label="Main, below">
        {places.map(({ to, label, icon }) => (
          <Link key={to} to={to} activeProps={{ 'aria-current': 'page' }}>
            <Icon of={icon} size={20} />
            {label}
          </Link>
        ))}
        <Link to="/account" activeProps={{ 'aria-current': 'page' }}>
          <Icon of={User} size={20} />
          {messages.nav.account}
        </Link>
      </nav>
      {finding && (
        <Suspense>
          <CommandMenu onClose={() => setFinding(false)} />
        </Suspense>
      )}
    </div>
  );
}

function AccountMenu({ name, owner, admin }: { name: string; owner: boolean; admin: boolean }) {
  const navigate = useNavigate();
  const go = (to: string) => void navigate({ to });
  return (
    <Menu
      aria-label="Your account"
      trigger={
        <AriaButton className="me" aria-label={`Your account, ${name}`}>
          <span className="ava" aria-hidden="true" data-initials={initials(name)} />
        </AriaButton>
      }
    >
      <MenuItem onAction={() => go('/account')} textValue="Settings">
        <Icon of={Settings} />
        Settings
      </MenuItem>
      <MenuItem onAction={() => go('/account/me')} textValue="My devices and password">
        <Icon of={User} />
        My devices and password
      </MenuItem>
      {admin && (
        <MenuItem onAction={() => go('/account/members')} textValue="Members">
          <Icon of={Users} />
          Members
        </MenuItem>
      )}
      {owner && (
        <MenuItem onAction={() => go('/account/security')} textValue="Session security">
          <Icon of={Shield} />
          Session security
        </MenuItem>
      )}
      <MenuLine />
      <MenuItem
        textValue="Sign out"
        onAction={() =>
          void leave().then(({ away }) => {
            if (away) toastWrong('You are still signed in: the server did not answer. Try again when the connection is back.');
          })
        }
      >
        <Icon of={LogOut} />
        Sign out
      </MenuItem>
    </Menu>
  );
}

