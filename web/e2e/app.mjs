// What the tests of the app share: people with accounts of their own, browsers, and
// what must never happen on any page.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { launch } from './browser.mjs';

export const address = process.env.E2E_URL;
export const password = 'a lamp in every window';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const unique = () => randomBytes(4).toString('hex');

/** Asks the API, as a program does. */
export async function ask(query, variables, token) {
  const response = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const runbook = readFileSync(new URL('./tree.md', import.meta.url), 'utf8');

/** An account with an owner, and colleagues with these roles; each has a token for the API. */
export async function account(...roles) {
  const tag = unique();
  const email = `owner-${tag}@example.com`;
  const { register } = await ask(
    'mutation($input: RegisterInput!) { register(input: $input) { accessToken user { id name } } }',
    { input: { accountName: `Team ${tag}`, name: 'Olivia Owner', email, password } },
  );
  const owner = { email, name: 'Olivia Owner', token: register.accessToken, id: register.user.id };
  const people = { owner };
  for (const role of roles) {
    const name = { ENGINEER: 'Erin Engineer', ADMIN: 'Adam Admin', VIEWER: 'Victor Viewer' }[role];
    const address = `${role.toLowerCase()}-${tag}@example.com`;
    const { inviteUser } = await ask('mutation($input: InviteUserInput!) { inviteUser(input: $input) { token } }', { input: { email: address, role } }, owner.token);
    const { acceptInvitation } = await ask(
      'mutation($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { accessToken user { id } } }',
      { input: { token: inviteUser.token, name, password } },
    );
    people[role.toLowerCase()] = { email: address, name, token: acceptInvitation.accessToken, id: acceptInvitation.user.id };
    // The way in by the API is a login of its own: it is left, so that lists hold browsers alone.
    await ask('mutation { logout(input: {}) { revokedCount } }', {}, acceptInvitation.accessToken);
  }
  return people;
}

/** Publishes a small tree and returns it. */
export async function tree(owner, content = runbook) {
  const { importTree } = await ask('mutation($input: ImportTreeInput!) { importTree(input: $input) { tree { id title revision } problems { message severity } } }', { input: { format: 'MARKDOWN', content } }, owner.token);
  assert.ok(importTree.tree, JSON.stringify(importTree.problems));
  await ask('mutation($input: PublishTreeInput!) { publishTree(input: $input) { version } }', { input: { treeId: importTree.tree.id, expectedRevision: importTree.tree.revision, changeNote: '' } }, owner.token);
  return importTree.tree;
}

/** Starts the browser that a file's tests share. */
export const browser = launch;

/** A browser of its own, as another device is. It remembers what must not happen. */
export async function device(chromium, options = {}) {
  const context = await chromium.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', baseURL: address, ...options });
  const wrong = [];
  context.on('console', (message) => message.type() === 'error' && wrong.push(`console: ${message.text()}`));
  context.on('weberror', (error) => wrong.push(`error: ${error.error()}`));
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  return { context, wrong, page: await context.newPage(), close: () => context.close() };
}

/** Signs somebody in by the login page. */
export async function signInByForm(page, person, to = '/login') {
  await page.goto(to);
  await page.getByLabel('E-mail').fill(person.email);
  await page.getByLabel('Password').fill(person.password ?? password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('button', { name: `Your account, ${person.name}` }).waitFor();
}

/**
 * Signs somebody in and opens a page. The cookie is the one that the login page gets, and so
 * is what that page leaves in storage; it is not loaded, which would be half of all the time.
 */
export async function signIn(page, person, to = '/trees') {
  const context = page.context();
  const response = await context.request.post('/graphql', {
    data: { query: 'mutation($input: LoginInput!) { login(input: $input) { user { id } } }', variables: { input: { email: person.email, password: person.password ?? password, tokenDelivery: 'COOKIE' } } },
  });
  const { errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  const signedInAt = Date.now();
  await page.addInitScript((at) => {
    if (!sessionStorage.getItem('e2e')) localStorage.setItem('branchline.stored', String(at));
    sessionStorage.setItem('e2e', 'begun');
  }, signedInAt);
  await page.goto(to);
  await page.getByRole('button', { name: `Your account, ${person.name}` }).waitFor();
}

/** What axe finds wrong with the page, by the rules of WCAG 2.0 to 2.2, A and AA; or by these rules alone. */
export async function accessibilityFaults(page, rules) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
  const { violations } = await page.evaluate(
    (rules) =>
      globalThis.axe.run({
        runOnly: rules ?? ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
        preload: false, // there is no media, and no style sheet of others
        resultTypes: ['violations'], // of what is right it need not say where
      }),
    rules,
  );
  return violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} ${n.failureSummary}`).join(', ')}`);
}

const sizes = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 }, narrow: { width: 320, height: 640 } };
/** The rules that a colour scheme can break, and those that a width can. */
const byColour = ['color-contrast', 'link-in-text-block'];
const byWidth = ['color-contrast', 'target-size', 'scrollable-region-focusable', 'meta-viewport'];

/**
 * Looks at a page, once it is loaded, in both schemes and in three sizes: axe finds nothing, and
 * nothing is too wide. A page is drawn anew by its style sheets alone, so it is loaded once; what
 * neither scheme nor width can change is looked at once. `at` looks closer at each size.
 */
export async function clean(page, name, { except = () => false, at } = {}) {
  await page.evaluate(() => document.fonts.ready);
  await page.locator('.skel').first().waitFor({ state: 'detached' });
  const path = new URL(page.url()).pathname;
  for (const [size, colorScheme, only] of [['desk', 'light'], ['desk', 'dark', byColour], ['narrow', 'dark', byWidth], ['phone', 'light', byWidth]]) {
    await page.setViewportSize(sizes[size]);
    await page.emulateMedia({ colorScheme });
    await picture(page, `${name}-${size}-${colorScheme}`);
    assert.deepEqual((await accessibilityFaults(page, only)).filter((fault) => !except(fault)), [], `${path}, ${size}, ${colorScheme}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${path} is ${wide} px too wide at ${sizes[size].width}`);
    await at?.(size);
  }
  await page.setViewportSize(sizes.desk);
  await page.emulateMedia({ colorScheme: 'light' });
}

/** Keeps a picture where PICTURES names a folder, for a person to look at. */
export async function picture(page, name) {
  if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/${name}.png` });
}
