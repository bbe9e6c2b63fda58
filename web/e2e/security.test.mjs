// Account security, against the real server: the policy, who is signed in, and
// ending logins at once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { account, ask, browser, device, password, signIn } from './app.mjs';

let chromium;
before(async () => {
  chromium = await browser();
});
after(() => chromium?.close());

async function owned(...roles) {
  const people = await account(...roles);
  const d = await device(chromium);
  await signIn(d.page, people.owner, '/account/security');
  await d.page.getByRole('heading', { name: 'Signed in now' }).waitFor();
  return { ...people, ...d };
}

const list = (page) => page.getByRole('region', { name: 'Signed in now' });

test('14, 15, 24: a sign-in appears without a reload; who is signed out by an owner reads it at once and asks nothing more', async () => {
  const { page, engineer, wrong, close } = await owned('ENGINEER');
  const other = await device(chromium);
  const asked = [];
  await signIn(other.page, engineer);
  await list(page).getByText('Erin Engineer').waitFor();
  await list(page).getByRole('button', { name: 'Sign out Erin Engineer' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out Erin Engineer' }).click();
  await other.page.getByRole('heading', { name: 'An account owner signed you out' }).waitFor();
  other.page.on('request', (r) => asked.push(r.url()));
  other.page.on('websocket', (w) => asked.push(w.url()));
  await list(page).getByText('Erin Engineer').waitFor({ state: 'detached' });
  assert.deepEqual(asked, []);
  await other.page.getByRole('link', { name: 'Sign in again' }).click();
  await other.page.getByText('This login was ended for you.').waitFor();
  assert.deepEqual([...wrong, ...other.wrong], []);
  await Promise.all([close(), other.close()]);
});

test('16: who was offline when it happened reads the same afterwards', async () => {
  const { page, engineer, owner, close } = await owned('ENGINEER');
  const other = await device(chromium);
  await signIn(other.page, engineer);
  await list(page).getByText('Erin Engineer').waitFor();
  await other.context.setOffline(true); // its socket is gone with the line, so that nothing is pushed
  await other.page.locator('.live.lost').first().waitFor();
  await ask('mutation($input: RevokeSessionsInput!) { revokeSessions(input: $input) { revokedCount } }', { input: { scope: 'USER', userId: engineer.id } }, owner.token);
  await other.context.setOffline(false);
  await other.page.getByRole('heading', { name: /signed you out|You were signed out/ }).waitFor();
  await Promise.all([close(), other.close()]);
});

test('18, 19, 21, 22: the dialog names how many, Cancel comes first, Esc cancels, and its number is live', async () => {
  const { page, engineer, admin, close } = await owned('ENGINEER', 'ADMIN');
  assert.equal(await list(page).getByRole('button', { name: /other (person|people)/ }).count(), 0, 'the owner is alone, and there are others to sign out');
  const [a, b] = [await device(chromium), await device(chromium)];
  await signIn(a.page, engineer);
  await list(page).getByText('Erin Engineer').waitFor();
  const trigger = list(page).getByRole('button', { name: 'Sign out 1 other person…' });
  await trigger.click();
  const dialog = page.getByRole('alertdialog');
  await dialog.getByRole('heading', { name: 'Sign out 1 other person?' }).waitFor();
  await dialog.getByRole('button', { name: 'Sign out 1 person', exact: true }).waitFor();
  await dialog.getByRole('status').filter({ hasText: 'The logins of 1 person end at once' }).waitFor();
  assert.equal(await dialog.getByRole('button', { name: 'Cancel' }).evaluate((e) => e === document.activeElement), true);
  await signIn(b.page, admin);
  await dialog.getByRole('heading', { name: 'Sign out 2 other people?' }).waitFor();
  await dialog.getByRole('button', { name: 'Sign out 2 people', exact: true }).waitFor();
  await dialog.getByRole('status').filter({ hasText: 'The logins of 2 people end at once' }).waitFor(); // said to who listens
  await page.mouse.click(5, 5);
  assert.equal(await dialog.count(), 1, 'a click beside it closed it');
  await page.waitForFunction(() => document.activeElement?.closest('[role=alertdialog]')); // the focus comes back
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await list(page).getByRole('button', { name: 'Sign out 2 other people…' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.textContent ?? ''), 'Sign out 2 other people…');
  assert.match(await list(page).getByRole('button', { name: 'Sign out everyone, me too…' }).getAttribute('class'), /danger-tint/);
  await Promise.all([close(), a.close(), b.close()]);
});

test('17: "everyone, me too" says how many, and then there is the login page, without a banner, in all tabs', async () => {
  const { page, context, close } = await owned();
  const second = await context.newPage();
  await second.goto('/trees');
  await second.getByRole('button', { name: /Your account/ }).waitFor();
  await list(page).getByRole('button', { name: 'Sign out on all my devices…' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out everywhere' }).click();
  await page.getByText(/logins? ended/).waitFor();
  for (const p of [page, second]) {
    await p.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.doesNotMatch(p.url(), /reason=/);
  }
  await close();
});

test('25, 26: a row has devices, and one of them can be signed out; one\'s own only leaves', async () => {
  const { page, engineer, close } = await owned('ENGINEER');
  const other = await device(chromium);
  await signIn(other.page, engineer);
  await list(page).getByRole('button', { name: 'Devices of Erin Engineer' }).click();
  await list(page).getByText('connected now').nth(1).waitFor();
  await list(page).getByText(/ends in/).first().waitFor();
  await list(page).getByText('(you)').waitFor();
  const row = list(page).locator('.person');
  assert.match(await row.first().textContent(), /Olivia Owner \(you\)/, 'one\'s own row is not the first');
  const erin = row.filter({ hasText: 'Erin Engineer' });
  await erin.getByText(engineer.email).waitFor();
  const time = erin.locator('time');
  assert.match(await time.textContent(), /just now|min ago/);
  assert.match(await time.getAttribute('datetime'), /^\d{4}-\d\d-\d\dT/);
  assert.match(await time.getAttribute('title'), /\d{4}, \d\d:\d\d/);
  await list(page).locator('.device').filter({ hasText: /Chrome on Linux/ }).filter({ hasText: /127\.0\.0\.1|::1/ }).nth(1).waitFor();
  await row.first().getByRole('button', { name: 'Sign out on this device' }).waitFor();
  await list(page).getByRole('status').filter({ hasText: /^2 people, \d+ devices$/ }).waitFor(); // said to who listens
  await list(page).getByText(', this device').waitFor();
  await list(page).getByRole('button', { name: /Sign out Erin Engineer on/ }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out' }).click();
  await other.page.getByRole('heading', { name: 'An account owner signed you out' }).waitFor();
  await Promise.all([close(), other.close()]);
});

test('27: a row does not move under the pointer', async () => {
  const { page, engineer, admin, close } = await owned('ENGINEER', 'ADMIN');
  const [a, b] = [await device(chromium), await device(chromium)];
  await signIn(a.page, engineer);
  const row = list(page).getByRole('button', { name: 'Sign out Erin Engineer' });
  await row.hover();
  const before = await row.boundingBox();
  await signIn(b.page, admin);
  await list(page).getByText('Adam Admin').waitFor();
  assert.deepEqual(await row.boundingBox(), before);
  await Promise.all([close(), a.close(), b.close()]);
});

test('28, 57: custom limits are checked in words, saved, and confirmed; they hold at the next login', async () => {
  const { page, owner, wrong, close } = await owned();
  const card = page.getByRole('region', { name: 'How long a login lasts' });
  assert.equal(await card.getByLabel('Without activity', { exact: true }).isDisabled(), true);
  await card.getByText('Custom', { exact: true }).click();
  await card.getByLabel('Without activity', { exact: true }).fill('40');
  await card.getByText('At most 30 days.').waitFor();
  await card.getByRole('button', { name: 'Mend the limits to save' }).waitFor();
  await card.getByLabel('Without activity', { exact: true }).fill('2');
  await card.getByLabel('In any case', { exact: true }).fill('1');
  await card.getByText('Not less than the time without activity.').waitFor();
  const described = await card.getByLabel('In any case', { exact: true }).getAttribute('aria-describedby');
  assert.match(await page.locator(described.split(' ').map((id) => `#${CSS(id)}`).join(', ')).allTextContents().then((t) => t.join(' ')), /Not less than/);
  await card.getByLabel('In any case', { exact: true }).fill('5');
  await card.getByText('2 days').waitFor();
  await card.getByRole('button', { name: 'Save' }).click();
  await card.getByText('Policy saved. It applies at the next login.').waitFor();
  const { accountSecurity } = await ask('{ accountSecurity { policy { preset idleMinutes absoluteMinutes } } }', {}, owner.token);
  assert.deepEqual(accountSecurity.policy, { preset: 'CUSTOM', idleMinutes: 2 * 1440, absoluteMinutes: 5 * 1440 });
  assert.deepEqual(wrong, []);
  await close();
});

test('57: what is stricter for owners and admins, and how many devices, is folded away; a sentence says what happens to whom', async () => {
  const { page, owner, wrong, close } = await owned();
  const card = page.getByRole('region', { name: 'How long a login lasts' });
  const words = async (text) => card.getByRole('status').filter({ hasText: text }).waitFor();
  await words('Everybody is signed out after 3 days without activity, and after 14 days in any case. A change applies at the next login.');
  assert.equal(await card.getByText('Owners and admins have limits of their own').isVisible(), false);
  await card.getByRole('button', { name: /Stricter for owners and admins/ }).click();
  await card.getByText('Owners and admins have limits of their own').click();
  await words('; owners and admins after 1 hour and 1 day');
  await card.getByRole('button', { name: /Sessions per person/ }).click();
  await card.getByRole('textbox', { name: 'At most' }).fill('0');
  await card.getByText(/A whole number from 1 to/).waitFor();
  await card.getByRole('textbox', { name: 'At most' }).fill('3');
  await card.getByRole('button', { name: 'Save' }).click();
  await card.getByText('Policy saved. It applies at the next login.').waitFor();
  const { accountSecurity } = await ask('{ accountSecurity { policy { preset maxSessionsPerUser admins { preset } } } }', {}, owner.token);
  assert.deepEqual(accountSecurity.policy, { preset: 'STANDARD', maxSessionsPerUser: 3, admins: { preset: 'STRICT' } });
  assert.deepEqual(wrong, []);
  await close();
});

test('60: who is put out because they signed in on one device more reads that', async () => {
  const { owner, engineer } = await account('ENGINEER');
  await ask('mutation($input: UpdateSessionPolicyInput!) { updateSessionPolicy(input: $input) { endedCount } }', { input: { preset: 'STANDARD', maxSessionsPerUser: 1 } }, owner.token);
  const [first, second] = [await device(chromium), await device(chromium)];
  await signIn(first.page, engineer);
  await first.page.waitForFunction(() => document.querySelector('.live')?.textContent === 'Live');
  await signIn(second.page, engineer);
  await first.page.getByRole('heading', { name: 'You signed in on another device' }).waitFor();
  await first.page.getByText('Your account allows only so many devices at a time').waitFor();
  assert.deepEqual([...first.wrong, ...second.wrong], []);
  await Promise.all([first.close(), second.close()]);
});

test('55: where the sign-in is old, the password is asked for in the same dialog; a wrong one stays there', async () => {
  const { page, engineer, close } = await owned('ENGINEER');
  const other = await device(chromium);
  await signIn(other.page, engineer);
  let old = true;
  await page.route('**/graphql', (route) => {
    const { query } = route.request().postDataJSON();
    if (old && query.includes('revokeSessions')) {
      return route.fulfill({ json: { data: null, errors: [{ message: 'You signed in a while ago. Confirm your password and try again.', extensions: { code: 'FORBIDDEN', reason: 'REAUTHENTICATION_REQUIRED' } }] } });
    }
    return route.continue();
  });
  await list(page).getByRole('button', { name: 'Sign out Erin Engineer' }).click();
  const dialog = page.getByRole('alertdialog');
  await dialog.getByRole('button', { name: 'Sign out Erin Engineer' }).click();
  await dialog.getByLabel('Your password').fill('not the password at all');
  await dialog.getByRole('button', { name: 'Sign out Erin Engineer' }).click();
  await dialog.getByText('The password is wrong').waitFor();
  old = false;
  await dialog.getByLabel('Your password').fill(password);
  await dialog.getByRole('button', { name: 'Sign out Erin Engineer' }).click();
  await other.page.getByRole('heading', { name: 'An account owner signed you out' }).waitFor();
  await Promise.all([close(), other.close()]);
});

test('20: while it runs the dialog is busy; when it fails it stays, with the message inside', async () => {
  const { page, engineer, close } = await owned('ENGINEER');
  const other = await device(chromium);
  await signIn(other.page, engineer);
  let answer;
  const held = new Promise((resolve) => {
    answer = resolve;
  });
  await page.route('**/graphql', async (route) => {
    if (!route.request().postDataJSON().query.includes('revokeSessions')) return route.continue();
    await held;
    return route.fulfill({ json: { data: null, errors: [{ message: 'Internal error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }] } });
  });
  await list(page).getByRole('button', { name: 'Sign out Erin Engineer' }).click();
  const dialog = page.getByRole('alertdialog');
  await dialog.getByRole('button', { name: 'Sign out Erin Engineer' }).click();
  // While it runs neither button does anything, nor does Esc.
  await dialog.locator('.spinner').waitFor();
  assert.equal(await dialog.getByRole('button', { name: 'Cancel' }).isDisabled(), true);
  await page.keyboard.press('Escape');
  assert.equal(await dialog.count(), 1);
  answer();
  await dialog.getByText('Internal error.').waitFor();
  assert.equal(await dialog.getByRole('button', { name: 'Cancel' }).isDisabled(), false);
  await Promise.all([close(), other.close()]);
});

test('60: a changed role shows at once, without a reload', async () => {
  const { owner, engineer } = await account('ENGINEER');
  const { page, wrong, close } = await device(chromium);
  await signIn(page, engineer, '/account');
  await page.getByText('engineer.', { exact: false }).first().waitFor();
  assert.equal(await page.getByRole('link', { name: 'Members' }).count(), 0);
  await ask('mutation($input: UpdateUserInput!) { updateUser(input: $input) { user { role } } }', { input: { userId: engineer.id, role: 'ADMIN' } }, owner.token);
  await page.getByRole('link', { name: 'Members' }).first().waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

/** An id as a part of a selector. */
const CSS = (id) => id.replaceAll(/[^A-Za-z0-9_-]/g, (c) => `\\${c}`);
