// What holds on every route: no accessibility fault, no error, no breach of the
// policy, nothing sideways at 320 px, and not too much to load.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { account, ask, browser, clean, device, signIn, tree } from './app.mjs';

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

test('46, 47, 50: every way in is clean, in light and dark, at every size', async () => {
  const { page, wrong, close } = await device(chromium);
  for (const [name, [path, sign]] of Object.entries(doors)) {
    await page.goto(path);
    await page.getByText(sign).first().waitFor();
    await clean(page, name);
  }
  assert.deepEqual(wrong, []);
  await close();
});

test('46, 47, 50: every page is clean, in light and dark, at every size, and has the way to sign out in sight', async () => {
  const { page, wrong, close } = await device(chromium);
  await signIn(page, people.owner);
  for (const [name, [path, sign]] of Object.entries(routes)) {
    await page.goto(path);
    await page.getByText(sign).first().waitFor();
    const canLeave = async () => {
      await page.getByRole('button', { name: /Your account/ }).click();
      await page.getByRole('menuitem', { name: 'Sign out' }).waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('menuitem', { name: 'Sign out' }).waitFor({ state: 'detached' });
    };
    await clean(page, name, { at: (size) => name !== 'not found' && size !== 'phone' && canLeave() }); // that one is for anybody, and has no frame
  }
  await page.goto('/trees');
  await page.getByRole('button', { name: /Your account/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.waitForURL(/\/login/);
  assert.deepEqual(wrong, []);
  await close();
});

test('48: a chosen theme is there before the first paint, and stays', async () => {
  const { page, close } = await device(chromium, { colorScheme: 'light' });
  await signIn(page, people.owner, '/account');
  await page.getByText('Dark', { exact: true }).click();
  await page.reload({ waitUntil: 'commit' });
  await page.locator('body').waitFor({ state: 'attached' });
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await close();
});

test('48: in forced colours the question still has its answers and the focus its ring', async () => {
  const { page, wrong, close } = await device(chromium, { forcedColors: 'active' });
  await signIn(page, people.owner, routes.runner[0]);
  await page.getByText('Is the lamp plugged in?').waitFor();
  await page.keyboard.press('Tab');
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(ring, 'none');
  assert.deepEqual(wrong, []);
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
