// What holds on every route: no accessibility fault, no error, no breach of the
// policy, nothing sideways at 320 px, and not too much to load.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { accessibilityFaults, account, ask, browser, device, picture, signIn, tree } from './app.mjs';

let chromium;
let people;
let routes;
before(async () => {
  chromium = await browser();
  people = await account('ENGINEER');
  const lamp = await tree(people.owner);
  const start = async (subject) => (await ask('mutation($input: StartSessionInput!) { startSession(input: $input) { session { id step } } }', { input: { treeId: lamp.id, subject, ticket: 'INC-1', clientName: 'Lamps Ltd' } }, people.owner.token)).startSession.session;
  const running = await start('It is dark');
  const over = await start('It was dark');
  await ask('mutation($input: CompleteSessionInput!) { completeSession(input: $input) { session { id } } }', { input: { sessionId: over.id, expectedStep: over.step, outcome: 'RESOLVED', reason: 'It shines.' } }, people.owner.token);
  routes = {
    trees: ['/trees', 'Desk lamp stays dark'],
    search: ['/trees?q=bulb', 'Change the bulb'],
    tree: [`/trees/${lamp.id}`, 'Versions'],
    sessions: ['/sessions', 'It is dark'],
    start: ['/start?tree=lamp&ticket=INC-1', 'A walk for INC-1 goes on'],
    runner: [`/sessions/${running.id}`, 'Is the lamp plugged in?'],
    summary: [`/sessions/${over.id}`, 'Copy for ticket'],
    account: ['/account', 'This browser'],
    me: ['/account/me', 'My devices'],
    members: ['/account/members', 'Erin Engineer'],
    security: ['/account/security', 'Signed in now'],
    log: ['/account/security/log', 'Olivia Owner opened the account.'],
    'not found': ['/nowhere', 'There is no such page'],
  };
});
after(() => chromium?.close());

const doors = { login: ['/login', 'Forgotten your password?'], expired: ['/login?reason=session_expired', 'You were signed out'], register: ['/register', 'You are its owner'], forgotten: ['/forgotten-password', 'does not send mail'], invitation: ['/accept-invitation', 'does not hold any more'] };

const sizes = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 }, narrow: { width: 320, height: 640 } };

// Contrast hangs on the scheme, width on the size: each pair would be six runs of a minute.
for (const [colorScheme, size] of [['light', 'desk'], ['dark', 'desk'], ['light', 'phone'], ['dark', 'narrow']]) {
  test(`46, 47, 50: every route is clean: ${colorScheme}, ${size}`, async () => {
    const viewport = sizes[size];
    const { page, wrong, close } = await device(chromium, { colorScheme, viewport });
    const look = async (name, [path, sign]) => {
      await page.goto(path);
      await page.getByText(sign).first().waitFor();
      await page.evaluate(() => document.fonts.ready);
      await page.locator('.skel').first().waitFor({ state: 'detached' });
      await picture(page, `${name}-${size}-${colorScheme}`);
      assert.deepEqual(await accessibilityFaults(page), [], `${path}, ${size}, ${colorScheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${path} is ${wide} px too wide at ${viewport.width}`);
    };
    for (const [name, route] of Object.entries(doors)) await look(name, route);
    await signIn(page, people.owner);
    for (const [name, route] of Object.entries(routes)) await look(name, route);
    assert.deepEqual(wrong, []);
    await close();
  });
}

for (const size of ['desk', 'narrow']) {
  test(`every page has the way to sign out in sight: ${size}`, async () => {
    const { page, wrong, close } = await device(chromium, { viewport: sizes[size] });
    await signIn(page, people.owner);
    const { 'not found': _, ...pages } = routes; // that one is for anybody, and has no frame
    for (const [path, sign] of Object.values(pages)) {
      await page.goto(path);
      await page.getByText(sign).first().waitFor();
      await page.getByRole('button', { name: /Your account/ }).click();
      await page.getByRole('menuitem', { name: 'Sign out' }).waitFor();
      await page.keyboard.press('Escape');
    }
    await page.getByRole('button', { name: /Your account/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.waitForURL(/\/login/);
    assert.deepEqual(wrong, []);
    await close();
  });
}

test('48: a chosen theme is there before the first paint, and stays', async () => {
  const { page, close } = await device(chromium, { colorScheme: 'light' });
  await signIn(page, people.owner);
  await page.goto('/account');
  await page.getByText('Dark', { exact: true }).click();
  await page.reload({ waitUntil: 'commit' });
  await page.locator('body').waitFor({ state: 'attached' });
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await close();
});

test('48: in forced colours the question still has its answers and the focus its ring', async () => {
  const { page, wrong, close } = await device(chromium, { forcedColors: 'active' });
  await signIn(page, people.owner);
  await page.goto(routes.runner[0]);
  await page.getByText('Is the lamp plugged in?').waitFor();
  await page.keyboard.press('Tab');
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(ring, 'none');
  assert.deepEqual(wrong, []);
  await close();
});

test('49: what cannot be loaded says so, with a way to try again', async () => {
  const { page, close } = await device(chromium);
  await signIn(page, people.owner);
  let broken = true;
  await page.route('**/graphql', (route) =>
    broken && route.request().postDataJSON().variables.filter?.status?.includes('COMPLETED')
      ? route.fulfill({ json: { data: null, errors: [{ message: 'Internal error.', extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: '7f3a-91c2' } }] } })
      : route.continue(),
  );
  await page.goto('/sessions');
  await page.getByText('Request 7f3a-91c2').first().waitFor();
  broken = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('It was dark').first().waitFor();
  await close();
});

test('33: offline is said, with since when, and goes by itself; what is live is true again then', async () => {
  const { page, context, close } = await device(chromium);
  // A browser that is told to be offline keeps its open sockets: the server's side is cut.
  let away = false;
  const sockets = new Set();
  await context.routeWebSocket('**/graphql', (socket) => {
    if (away) return socket.close({ code: 1012 });
    sockets.add(socket);
    return socket.connectToServer();
  });
  await signIn(page, people.owner);
  await page.goto('/account/security');
  const list = page.getByRole('region', { name: 'Signed in now' });
  await list.getByText('Olivia Owner').waitFor();
  away = true;
  await context.setOffline(true);
  for (const socket of sockets) await socket.close({ code: 1012 }).catch(() => {}); // it may be gone already
  await page.locator('.connection').getByText('Offline.').waitFor();
  await page.getByText(/Showing what was loaded until \d\d:\d\d/).waitFor();
  await list.getByText('Olivia Owner').waitFor(); // it stays
  const other = await device(chromium);
  await signIn(other.page, people.engineer);
  away = false;
  await context.setOffline(false);
  await page.locator('.connection').waitFor({ state: 'detached' });
  await list.getByText('Erin Engineer').waitFor();
  await Promise.all([close(), other.close()]);
});

test('49: outlines of what is on its way wait for a fifth of a second', async () => {
  const { page, close } = await device(chromium);
  await signIn(page, people.owner);
  await page.route('**/graphql', (route) => (route.request().postDataJSON().query.includes('SecurityPolicy') ? undefined : route.continue()));
  await page.goto('/account/security');
  const outlines = page.getByRole('status', { name: 'Loading the policy' });
  await outlines.waitFor();
  const delay = await outlines.evaluate((e) => {
    const { animationDelay, animationFillMode } = getComputedStyle(e);
    return [animationDelay, animationFillMode];
  });
  assert.deepEqual(delay, ['0.2s', 'both']);
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await close();
});

test('the first route loads at most 140 KB of scripts, as they travel', () => {
  const dist = fileURLToPath(new URL('../dist/', import.meta.url));
  const manifest = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, 'utf8'));
  const files = new Set();
  const collect = (key) => {
    const chunk = manifest[key];
    if (!chunk || files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const name of chunk.imports ?? []) collect(name);
  };
  collect('index.html');
  collect('src/pages/signin/LoginPage.tsx');
  const size = [...files].reduce((sum, file) => {
    try {
      return sum + readFileSync(`${dist}${file}.gz`).length;
    } catch {
      return sum + readFileSync(`${dist}${file}`).length; // too small to be packed
    }
  }, 0);
  console.log(`# the first route: ${(size / 1024).toFixed(1)} KB of scripts in ${files.size} files`);
  assert.ok(size <= 140 * 1024, `${size} bytes`);
});
