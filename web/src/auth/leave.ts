// Ways out: signing out, and signing in anew before the end comes.
import { post } from '../api/post';
import { expectOwnEnd, presentToken, signedOut } from './token';

const logout = 'mutation Logout { logout(input: {}) { revokedCount } }';

/** Signs out on this device. Where the server cannot be asked, that is said and nothing changes. */
export async function leave(): Promise<{ away: boolean }> {
  expectOwnEnd(10_000);
  const { error } = await post(logout, {}, presentToken());
  // Whoever is not signed in any more has what they wanted.
  if (error && !error.graphQLErrors.some((e) => e.extensions?.code === 'UNAUTHENTICATED')) {
    expectOwnEnd(0);
    return { away: true };
  }
  forgetDrafts();
  signedOut({ why: 'left' });
  return { away: false };
}

/** Signs out and goes to the login page, to come back to the same place afterwards. */
export async function goToLogin(path: string): Promise<void> {
  expectOwnEnd(10_000);
  await post(logout, {}, presentToken());
  returnTo = path;
  signedOut({ why: 'left' });
}

let returnTo: string | undefined;

/** Where whoever signs in next wants to go, asked once. */
export function takeReturnTo(): string | undefined {
  const path = returnTo;
  returnTo = undefined;
  return path;
}

/** What was typed and not sent is kept on this device, but not after somebody signed out on purpose. */
function forgetDrafts(): void {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith('branchline.draft.')) localStorage.removeItem(key);
  } catch {
    // Storage is blocked: nothing was kept.
  }
}
