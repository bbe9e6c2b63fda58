// The audit log, against the real server: what happened, narrowed, live, and as a file.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { account, ask, browser, clean, device, signIn, tree } from './app.mjs';

let chromium;
before(async () => {
  chromium = await browser();
});
after(() => chromium?.close());

const log = (page) => page.getByRole('region', { name: 'Entries' });
const rows = (page) => log(page).locator('.entry');
const said = (page, words) => rows(page).filter({ hasText: words });

/** Fails to sign in, which is written down at once. */
const failToSignIn = (person) =>
  ask('mutation($input: LoginInput!) { login(input: $input) { accessToken } }', { input: { email: person.email, password: 'not the password at all' } }).then(
    () => assert.fail('a wrong password signed somebody in'),
    (error) => assert.match(error.message, /INVALID_CREDENTIALS/),
  );

/** Writes as many lines into the log, each a change of its own. */
async function changePolicy(owner, times) {
  for (let i = 0; i < times; i++) await ask('mutation($input: UpdateSessionPolicyInput!) { updateSessionPolicy(input: $input) { endedCount } }', { input: { preset: 'CUSTOM', idleMinutes: 60 + i, absoluteMinutes: 1440 } }, owner.token);
}

/** An owner who looks at the log. */
async function owned(roles = [], address = '/account/security/log', options) {
  const people = await account(...roles);
  const d = await device(chromium, options);
  await signIn(d.page, people.owner, address);
  await log(d.page).getByText(/^\d+ entr(y|ies)$/).waitFor();
  return { ...people, ...d };
}

test('the log is reached from the security page, and has everything that happened, newest first, by day', async () => {
  const { page, engineer, wrong, close } = await owned(['ENGINEER']);
  await page.goto('/account/security');
  await page.getByRole('link', { name: 'audit log', exact: true }).click();
  await page.getByRole('heading', { name: 'Audit log' }).waitFor();
  await said(page, 'Olivia Owner opened the account.').waitFor();
  const kinds = await rows(page).locator('.kind').allTextContents();
  assert.deepEqual(kinds, ['Signed in', 'Signed out', 'Signed in', 'Invitation accepted', 'Invited', 'Signed in', 'Account opened']);
  await log(page).getByText('7 entries').waitFor();
  await log(page).getByRole('group', { name: /^Today, / }).waitFor();
  await said(page, `invited ${engineer.email} as ENGINEER`).waitFor();
  await log(page).getByText('That is the whole log.').waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('a line has its exact time, and opens to what else is known, by keyboard', async () => {
  const { page, owner, wrong, close } = await owned();
  await ask(
    'mutation($input: UpdateSessionPolicyInput!) { updateSessionPolicy(input: $input) { endedCount } }',
    { input: { preset: 'CUSTOM', idleMinutes: 60, absoluteMinutes: 1440 } },
    owner.token,
  );
  const line = said(page, 'changed how long login sessions last');
  await line.waitFor();
  const time = line.locator('time').first();
  assert.match(await time.getAttribute('datetime'), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.match(await time.getAttribute('title'), /\d{1,2} \w+ \d{4}.*\d\d:\d\d:\d\d/);
  assert.match(await time.textContent(), /^\d\d:\d\d:\d\d$/);
  const fold = line.getByRole('button', { name: /^Policy changed Olivia Owner changed/ });
  await fold.focus();
  await page.keyboard.press('Enter');
  assert.equal(await fold.getAttribute('aria-expanded'), 'true');
  const fact = (name) => line.locator('dl > div', { has: page.locator(`dt:text-is("${name}")`) }).locator('dd').textContent();
  assert.equal(await fact('Without activity'), '3 days → 1 hour');
  assert.equal(await fact('In any case'), '14 days → 1 day');
  assert.equal(await fact('Limits'), 'Standard → Custom');
  assert.equal(await fact('Held at once'), 'no');
  assert.match(await fact('Address'), /^(127\.0\.0\.1|::1)$/);
  assert.match(await fact('Who'), new RegExp(`^Olivia Owner, ${owner.email}`));
  await page.keyboard.press('Space');
  assert.equal(await fold.getAttribute('aria-expanded'), 'false');
  // A sign-in in this browser says with which.
  const signedIn = said(page, 'Olivia Owner signed in.').first();
  await signedIn.getByText(/Chrome on Linux/).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('what is chosen is in the address, survives a reload, and is all that comes', async () => {
  const { page, owner, engineer, wrong, close } = await owned(['ENGINEER']);
  await failToSignIn(engineer);
  await said(page, 'A sign-in as Erin Engineer failed').waitFor();
  await page.getByRole('button', { name: /Kind/ }).click();
  await page.getByRole('searchbox', { name: 'Find a kind' }).fill('failed');
  await page.getByRole('option', { name: /Sign-in failed/ }).click();
  await page.getByRole('searchbox', { name: 'Find a kind' }).fill('');
  await page.getByRole('option', { name: /Signed out/ }).click();
  await page.keyboard.press('Escape');
  await page.waitForURL(/kind=SIGN_IN_FAILED%2CSIGNED_OUT|kind=SIGN_IN_FAILED,SIGNED_OUT/);
  await log(page).getByText('2 entries').waitFor();
  await page.getByRole('button', { name: /Person/ }).click();
  await page.getByRole('option', { name: /Olivia Owner/ }).click();
  await page.waitForURL(new RegExp(`person=${owner.id}`));
  await log(page).getByText('Nothing here matches').waitFor();
  // Somebody else's failure is left out, one's own comes.
  await failToSignIn(engineer);
  await failToSignIn(owner);
  await said(page, 'A sign-in as Olivia Owner failed').waitFor();
  assert.equal(await rows(page).count(), 1);
  await page.reload();
  await said(page, 'A sign-in as Olivia Owner failed').waitFor();
  assert.equal(await rows(page).count(), 1);
  await page.getByRole('button', { name: /When/ }).click();
  await page.getByRole('option', { name: 'The last 7 days' }).click();
  await page.waitForURL(/time=7d/);
  await said(page, 'A sign-in as Olivia Owner failed').waitFor();
  await page.getByRole('button', { name: /When/ }).click();
  await page.getByRole('option', { name: 'From one day to another' }).click();
  await page.getByLabel('Last day').fill('2020-01-31');
  await page.waitForURL(/to=2020-01-31/);
  await log(page).getByText('Nothing here matches').waitFor();
  await page.getByLabel('First day').fill('2020-02-01');
  await page.getByText('The last day is before the first one.').first().waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await said(page, 'Olivia Owner opened the account.').waitFor();
  assert.equal(new URL(page.url()).search, '');
  assert.deepEqual(wrong, []);
  await close();
});

test('an address that means nothing shows everything, and a person of others nothing', async () => {
  const { page, wrong, close } = await owned([], '/account/security/log?kind=NONSENSE&time=never&from=yesterday');
  await said(page, 'Olivia Owner opened the account.').waitFor();
  const stranger = (await account()).owner;
  await page.goto(`/account/security/log?person=${stranger.id}`);
  await log(page).getByText('Nothing here matches').waitFor();
  await page.goto('/account/security/log?person=tree_nonsense');
  await page.getByText('The log could not be loaded.').waitFor();
  assert.deepEqual(wrong.filter((w) => !/400/.test(w)), []);
  await close();
});

test('earlier entries come page by page, and the focus does not get lost', async () => {
  const { page, owner, wrong, close } = await owned();
  await changePolicy(owner, 110);
  await page.goto('/account/security/log?kind=SESSION_POLICY_CHANGED');
  await log(page).getByText('110 entries').waitFor();
  assert.equal(await rows(page).count(), 50);
  const more = log(page).getByRole('button', { name: 'Show earlier entries' });
  await more.focus();
  await page.keyboard.press('Enter');
  await rows(page).nth(99).waitFor();
  assert.equal(await more.evaluate((e) => e === document.activeElement), true, 'the focus left the button');
  await page.keyboard.press('Enter');
  await rows(page).nth(109).waitFor();
  await log(page).getByText('That is all of what you chose.').waitFor();
  assert.equal(await rows(page).count(), 110);
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'That is all of what you chose.');
  assert.deepEqual(wrong, []);
  await close();
});

test('new entries come by themselves at the top, are counted, and said', async () => {
  const { page, engineer, wrong, close } = await owned(['ENGINEER']);
  await page.mouse.move(5, 5);
  await log(page).getByText('7 entries').waitFor();
  await failToSignIn(engineer);
  await said(page, 'A sign-in as Erin Engineer failed').waitFor();
  assert.match(await rows(page).first().textContent(), /Sign-in failed/);
  await log(page).getByText('8 entries').waitFor();
  await log(page).getByRole('status').filter({ hasText: 'New entry: A sign-in as Erin Engineer failed' }).waitFor({ state: 'attached' });
  assert.deepEqual(wrong, []);
  await close();
});

test('27: while somebody reads, new entries wait and nothing moves; then they are shown, with the focus on the first', async () => {
  const { page, engineer, wrong, close } = await owned(['ENGINEER']);
  const line = said(page, 'Olivia Owner opened the account.');
  await line.hover();
  const before = await line.boundingBox();
  await failToSignIn(engineer);
  await failToSignIn(engineer);
  const show = log(page).getByRole('button', { name: 'Show 2 new entries' });
  await show.waitFor();
  await log(page).getByRole('status').filter({ hasText: '2 new entries, not shown yet' }).waitFor({ state: 'attached' });
  assert.deepEqual(await line.boundingBox(), before, 'a line moved under the pointer');
  assert.equal(await said(page, 'failed').count(), 0);
  await show.click();
  await said(page, 'failed').nth(1).waitFor();
  assert.match(await page.evaluate(() => document.activeElement?.closest('.entry')?.textContent ?? ''), /Sign-in failed/);
  // The same with the focus in the list, and nothing takes it away.
  await page.mouse.move(5, 5);
  await failToSignIn(engineer);
  await log(page).getByRole('button', { name: 'Show 1 new entry' }).waitFor();
  assert.match(await page.evaluate(() => document.activeElement?.closest('.entry')?.textContent ?? ''), /Sign-in failed/);
  assert.deepEqual(wrong, []);
  await close();
});

test('27: who has scrolled on is left where they are', async () => {
  const { page, owner, engineer, wrong, close } = await owned(['ENGINEER'], undefined, { viewport: { width: 900, height: 400 } });
  await changePolicy(owner, 20);
  await page.reload();
  await log(page).getByText('27 entries').waitFor();
  await page.mouse.move(1, 1);
  await page.evaluate(() => scrollTo(0, 600));
  const at = await page.evaluate(() => scrollY);
  await failToSignIn(engineer);
  const show = log(page).getByRole('button', { name: 'Show 1 new entry' });
  await show.waitFor();
  assert.equal(await page.evaluate(() => scrollY), at);
  assert.ok((await show.boundingBox()).y >= 0, 'the button is out of sight');
  await show.click();
  await said(page, 'failed').waitFor();
  assert.ok((await rows(page).first().boundingBox()).y >= 0, 'the newest entry is out of sight');
  assert.deepEqual(wrong, []);
  await close();
});

test('34: what happened while the connection was lost comes when it is back, once', async () => {
  const people = await account('ENGINEER');
  const { page, context, close } = await device(chromium);
  let sockets = [];
  let refuse = false;
  await context.routeWebSocket('**/graphql', (socket) => {
    if (refuse) return socket.close({ code: 1012 });
    socket.connectToServer();
    sockets.push(socket);
  });
  await signIn(page, people.owner, '/account/security/log');
  await log(page).getByText('7 entries').waitFor();
  await log(page).getByText('Live', { exact: true }).waitFor();
  refuse = true;
  for (const socket of sockets) await socket.close({ code: 1012 }).catch(() => {});
  sockets = [];
  await log(page).getByText('Reconnecting').waitFor();
  await failToSignIn(people.engineer);
  refuse = false;
  await said(page, 'A sign-in as Erin Engineer failed').waitFor();
  await failToSignIn(people.engineer);
  await said(page, 'A sign-in as Erin Engineer failed').nth(1).waitFor();
  assert.equal(await said(page, 'A sign-in as Erin Engineer failed').count(), 2);
  await close();
});

test('the file has what is chosen and no more, and is itself in the log', async () => {
  const { page, engineer, wrong, close } = await owned(['ENGINEER'], '/account/security/log?kind=SIGN_IN_FAILED');
  await failToSignIn(engineer);
  await said(page, 'failed').waitFor();
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download CSV' }).click();
  const file = await download;
  assert.match(file.suggestedFilename(), /^audit-log-\d{4}-\d\d-\d\d\.csv$/);
  const text = readFileSync(await file.path(), 'utf8').trimEnd().split('\r\n');
  assert.equal(text.length, 2);
  assert.match(text[0], /^id,at,action,summary,/);
  assert.match(text[1], /,SIGN_IN_FAILED,A sign-in as Erin Engineer failed: the password was wrong\.,/);
  await page.getByText('Audit log downloaded').waitFor();
  assert.equal(await rows(page).count(), 1, 'the export is none of what is chosen');
  await page.goto('/account/security/log');
  const exported = said(page, 'exported a part of the audit log');
  await exported.locator('.fold-button').click();
  assert.match(await exported.locator('dl').textContent(), /KindsSign-in failed/);
  assert.deepEqual(wrong, []);
  await close();
});

test('a file that cannot be had says why; a token that was replaced is renewed', async () => {
  const { page, wrong, close } = await owned();
  let answer;
  await page.route('**/audit-log.csv*', (route) => answer(route));
  const press = () => page.getByRole('button', { name: 'Download CSV' }).click();
  answer = (route) => route.fulfill({ status: 500, json: { errors: [{ message: 'Internal error. Try again; if it stays, tell the operator the id 7f3a.', extensions: { code: 'INTERNAL_SERVER_ERROR', errorId: '7f3a' } }] } });
  await press();
  await page.getByRole('alert').getByText('tell the operator the id 7f3a').waitFor();
  answer = (route) => route.abort('connectionreset');
  await press();
  await page.getByRole('alert').getByText('The download broke off, so nothing was saved.').waitFor();
  const tokens = [];
  answer = (route) => {
    tokens.push(route.request().headers().authorization);
    return tokens.length === 1 ? route.fulfill({ status: 401, json: { errors: [{ message: 'Sign in again.', extensions: { code: 'UNAUTHENTICATED', reason: 'STALE_TOKEN' } }] } }) : route.continue();
  };
  const download = page.waitForEvent('download');
  await press();
  await download;
  assert.equal(tokens.length, 2);
  assert.ok(tokens.every((t) => /^Bearer .{20,}/.test(t)));
  assert.equal(await page.getByText('There is no file.').count(), 0, 'the old error is still there');
  assert.deepEqual(wrong.filter((w) => !/status of (500|401)|ERR_CONNECTION_RESET/.test(w)), []);
  await close();
});

test('23: who is no owner reads that the log is for owners, and sees no way to it', async () => {
  const { admin } = await account('ADMIN');
  const { page, wrong, close } = await device(chromium);
  await signIn(page, admin, '/account/security/log');
  await page.getByRole('heading', { name: 'Only account owners' }).waitFor();
  await page.goto('/account');
  await page.getByRole('heading', { name: 'Settings' }).waitFor();
  assert.equal(await page.getByRole('link', { name: /Audit log/ }).count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

test('a name in the log narrows it to that person, and a tree leads to the tree', async () => {
  const { page, owner, wrong, close } = await owned();
  const lamp = await tree(owner);
  const line = said(page, `published version 1 of “${lamp.title}”`);
  await line.locator('.fold-button').click();
  await line.getByRole('button', { name: 'Only theirs: Olivia Owner' }).click();
  await page.waitForURL(new RegExp(`person=${owner.id}`));
  await page.getByRole('link', { name: lamp.id }).click();
  await page.waitForURL(new RegExp(`/trees/${lamp.id}`));
  assert.deepEqual(wrong, []);
  await close();
});

test('46, 47: opened lines and the lists to choose from are clean, in light and dark, at every size', async () => {
  const { page, owner, engineer, wrong, close } = await owned(['ENGINEER']);
  await failToSignIn(engineer);
  await tree(owner);
  await ask('mutation($input: UpdateSessionPolicyInput!) { updateSessionPolicy(input: $input) { endedCount } }', { input: { preset: 'CUSTOM', idleMinutes: 60, absoluteMinutes: 1440, admins: { preset: 'STRICT' } } }, owner.token);
  await page.reload();
  await said(page, 'A sign-in as Erin Engineer failed').locator('.fold-button').click();
  await said(page, 'changed how long').locator('.fold-button').click();
  await clean(page, 'log-open');
  await page.getByRole('button', { name: /Kind/ }).click();
  await page.getByRole('option', { name: /Signed in/ }).click();
  // The list is scrolled by the arrow keys, with the focus in its search field: axe cannot know.
  await clean(page, 'log-kinds', { except: (fault) => fault.startsWith('scrollable-region-focusable') });
  assert.deepEqual(wrong, []);
  await close();
});
