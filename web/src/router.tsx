// The pages, who may see them, and where they live. Pages are loaded when they are
// first asked for; login and the frame come with the app.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet, redirect, useRouterState } from '@tanstack/react-router';
import { type ComponentType, lazy, type ReactNode, Suspense } from 'react';
import { atLeast, getAuth, onAuth, useAuth } from './auth/store';
import { start } from './auth/token';
import { takeReturnTo } from './auth/leave';
import type { Role } from './gql/graphql';
import { part } from './load';
import { SignedOutPage } from './layout/SignedOutPage';
import { AwayPage } from './pages/AwayPage';
import { ErrorPage } from './pages/ErrorPage';
import { ForbiddenPage } from './pages/ForbiddenPage';
import { NotFoundPage } from './pages/NotFoundPage';
import { parseSessionsSearch } from './pages/sessions/search';
import type { AuditAddress } from './security/audit';
import type { TreesSearch } from './pages/trees/TreesPage';
import { parseSearch, type Search, stringifySearch } from './search';

declare module '@tanstack/react-router' {
  interface StaticDataRouteOption {
    fullWidth?: boolean; // the page uses the window's whole width, and so does the bar
  }
  interface Register {
    router: typeof router;
  }
}

/** Waits until it is known whether somebody is signed in. */
async function known(): Promise<void> {
  if (getAuth().state !== 'unknown') return;
  await new Promise<void>((resolve) => {
    const stop = onAuth(() => {
      stop();
      resolve();
    });
  });
}

/** What the login page's address says: why somebody comes, which limit it was, and where they want to go on. */
interface LoginSearch {
  reason?: 'session_expired' | 'revoked';
  limit?: 'idle' | 'absolute';
  to?: string;
}

/** The login page's address for who was on this path. */
function loginSearch(path: string): LoginSearch {
  const auth = getAuth();
  const how = auth.state === 'out' ? auth.signedOut : undefined;
  const why = how?.why;
  const limit = how?.why === 'expired' && how.reason ? ({ IDLE: 'idle', ABSOLUTE: 'absolute' } as const)[how.reason] : undefined;
  const to = takeReturnTo() ?? (why === 'left' ? undefined : path);
  return { ...(why === 'expired' && { reason: 'session_expired' as const }), ...(limit && { limit }), ...(to && to !== '/' && to !== '/trees' && { to }) };
}

const root = createRootRoute({ component: Outlet, notFoundComponent: () => <NotFoundPage />, errorComponent: ErrorPage });

const app = createRoute({
  getParentRoute: () => root,
  id: 'app',
  beforeLoad: async ({ location }) => {
    await known();
    const auth = getAuth();
    // Who was put out by others stays where they were and reads why.
    if (auth.state === 'out' && auth.signedOut?.why !== 'revoked') throw redirect({ to: '/login', search: loginSearch(location.href), replace: true });
  },
  component: AppRoute,
});

const Frame = lazy(part(() => import('./layout/Frame')));

function AppRoute() {
  const auth = useAuth();
  const path = useRouterState({ select: (s) => s.location.href });
  if (auth.state === 'in') {
    return (
      <Suspense>
        <Frame />
      </Suspense>
    );
  }
  if (auth.state === 'away') return <AwayPage retry={() => void start()} />;
  if (auth.state === 'out' && auth.signedOut?.why === 'revoked') return <SignedOutPage how={auth.signedOut} to={path} />;
  return null; // on the way to the login page
}

const guest = createRoute({
  getParentRoute: () => root,
  id: 'guest',
  beforeLoad: async ({ search }) => {
    await known();
    if (getAuth().state === 'in') {
      const { to } = search as { to?: string };
      throw redirect({ href: to?.startsWith('/') && !to.startsWith('//') ? to : '/trees', replace: true });
    }
  },
  component: Outlet,
});

/** A page for who has a role at least; others read that it is not for them. */
function only(role: Role, who: string, load: () => Promise<{ default: ComponentType }>): { component: () => ReactNode } {
  const Page = lazy(part(load));
  return {
    component: () => {
      const auth = useAuth();
      if (auth.state !== 'in') return null;
      return atLeast(auth.person.role, role) ? (
        <Suspense>
          <Page />
        </Suspense>
      ) : (
        <ForbiddenPage who={who} />
      );
    },
  };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

const page = (load: () => Promise<{ default: ComponentType }>) => lazyRouteComponent(part(load));

const accountRoute = createRoute({ getParentRoute: () => app, path: '/account', component: page(() => import('./pages/account/AccountLayout')) });

const routes = root.addChildren([
  guest.addChildren([
    createRoute({
      getParentRoute: () => guest,
      path: '/login',
      validateSearch: (search: Record<string, unknown>): LoginSearch => ({
        ...(search.reason === 'session_expired' || search.reason === 'revoked' ? { reason: search.reason } : {}),
        ...(search.limit === 'idle' || search.limit === 'absolute' ? { limit: search.limit } : {}),
        ...(text(search.to) && { to: text(search.to) as string }),
      }),
      component: page(() => import('./pages/signin/LoginPage')),
    }),
    createRoute({ getParentRoute: () => guest, path: '/register', component: page(() => import('./pages/signin/RegisterPage')) }),
    createRoute({ getParentRoute: () => guest, path: '/forgotten-password', component: page(() => import('./pages/signin/ForgottenPasswordPage')) }),
    createRoute({ getParentRoute: () => guest, path: '/accept-invitation', component: page(() => import('./pages/signin/AcceptInvitationPage')) }),
  ]),
  app.addChildren([
    createRoute({
      getParentRoute: () => app,
      path: '/',
      beforeLoad: () => {
        throw redirect({ to: '/trees', replace: true });
      },
    }),
    createRoute({
      getParentRoute: () => app,
      path: '/trees',
      validateSearch: (search: Record<string, unknown>): TreesSearch => ({
        ...(text(search.q) && { q: text(search.q) as string }),
        ...(text(search.category) && { category: text(search.category) as string }),
        ...((search.show === 'drafts' || search.show === 'due') && { show: search.show }),
        ...((search.sort === 'title' || search.sort === 'changed' || search.sort === 'used') && { sort: search.sort }),
      }),
      component: page(() => import('./pages/trees/TreesPage')),
    }),
    createRoute({
      getParentRoute: () => app,
      path: '/start',
      staticData: { fullWidth: true },
      validateSearch: (search: Record<string, unknown>) => search as Search,
      ...only('ENGINEER', 'engineers, admins and owners', () => import('./pages/start/StartPage')),
    }),
    createRoute({ getParentRoute: () => app, path: '/trees/$treeId', component: page(() => import('./pages/trees/TreePage')) }),
    createRoute({
      getParentRoute: () => app,
      path: '/sessions',
      validateSearch: parseSessionsSearch,
      component: page(() => import('./pages/sessions/SessionsPage')),
    }),
    createRoute({
      getParentRoute: () => app,
      path: '/sessions/$sessionId',
      staticData: { fullWidth: true },
      component: page(() => import('./runner/RunnerPage')),
    }),
    accountRoute.addChildren([
      createRoute({ getParentRoute: () => accountRoute, path: '/', component: page(() => import('./pages/account/AccountSettingsPage')) }),
      createRoute({ getParentRoute: () => accountRoute, path: '/me', component: page(() => import('./pages/account/MePage')) }),
      createRoute({ getParentRoute: () => accountRoute, path: '/members', ...only('ADMIN', 'account admins and owners', () => import('./pages/account/MembersPage')) }),
      createRoute({ getParentRoute: () => accountRoute, path: '/security', ...only('OWNER', 'account owners', () => import('./security/AccountSecuritySettingsPage')) }),
      createRoute({
        getParentRoute: () => accountRoute,
        path: '/security/log',
        // The page itself, which knows all kinds, drops what means nothing.
        validateSearch: (search: Record<string, unknown>): AuditAddress =>
          Object.fromEntries((['kind', 'person', 'time', 'from', 'to'] as const).flatMap((name) => (text(search[name]) ? [[name, search[name]]] : []))),
        ...only('OWNER', 'account owners', () => import('./security/AuditLogPage')),
      }),
    ]),
  ]),
]);

export const router = createRouter({
  routeTree: routes,
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  parseSearch,
  stringifySearch,
  defaultErrorComponent: ErrorPage,
  defaultNotFoundComponent: () => <NotFoundPage />,
});

// Signing in or out, here or in another tab, changes which pages there are.
onAuth(() => void router.invalidate());
