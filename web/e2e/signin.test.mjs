// Coming in: registering, signing in, invitations, and who may see what.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessibilityFaults, account, ask, browser, device, password, picture, signIn } from './app.mjs';
import { start } from './program.mjs';

let chromium;
before(async () => {
  chromium = await browser();
});
after(() => chromium?.close());

test('an account is opened, and its owner begins at the fork', async () => {
  const { page, wrong, close } = await device(chromium);
  await page.goto('/register');
  await page.getByLabel('Team').fill('Northwind Service');
  await page.getByLabel('Your name').fill('Ada Byron');
  await page.getByLabel('E-mail').fill(`ada-${Date.now()}@example.com`);
  await page.getByLabel('Password').fill('short');
  await page.getByRole('button', { name: 'Create the account' }).click();
  assert.match(page.url(), /register/, 'a short password was taken');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Create the account' }).click();
  await page.getByRole('heading', { name: 'Where do you want to begin?' }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('where the operator has closed registration, no page leads to it, and its page says what to do', async () => {
  const closed = await start({ BRANCHLINE_REGISTRATION: 'closed' });
  try {
    const { page, wrong, close } = await device(chromium, { baseURL: closed.address });
    await page.goto('/login');
    await page.getByText('An owner or admin of your team’s account invites you.').waitFor();
    assert.equal(await page.getByRole('link', { name: /account/i }).count(), 0);
    await page.goto('/register');
    await page.getByRole('heading', { name: 'Accounts are not opened here' }).waitFor();
    await page.getByText('ask one of its owners or admins to invite you').waitFor();
    assert.equal(await page.getByRole('textbox').count(), 0, 'there is a form that does nothing');
    assert.deepEqual(await accessibilityFaults(page), []);
    await picture(page, 'registration-closed');
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.deepEqual(wrong, []);
    await close();
  } finally {
    await closed.stop();
  }
});

test('where registration is open, the login page leads to it; where nobody knows, the form is there', async () => {
  const { page, close } = await device(chromium);
  await page.goto('/login');
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.getByLabel('Team').waitFor();
  await page.route('**/graphql', (route) => (route.request().postDataJSON().query.includes('RegistrationOpen') ? route.abort() : route.continue()));
  await page.goto('/register');
  await page.getByLabel('Team').waitFor();
  await close();
});

test('a wrong password says so beside the form, and the e-mail address stays', async () => {
  const { owner } = await account();
  const { page, close } = await device(chromium);
  await page.goto('/login');
  await page.getByLabel('E-mail').fill(owner.email);
  await page.getByLabel('Password').fill('not the password at all');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('alert').getByText('The e-mail address or the password is wrong').waitFor();
  assert.equal(await page.getByLabel('E-mail').inputValue(), owner.email);
  assert.equal(await page.getByLabel('Password').inputValue(), '');
  await close();
});

test('passwords are masked wherever they are asked for, and can be pasted', async () => {
  const { owner } = await account();
  const { page, wrong, close } = await device(chromium, { permissions: ['clipboard-read', 'clipboard-write'] });
  const check = async (path, ...labels) => {
    await page.goto(path);
    for (const label of labels) {
      const field = page.getByLabel(label, { exact: true });
      await field.waitFor();
      assert.equal(await field.getAttribute('type'), 'password', `${path}: ${label}`);
      await page.evaluate((text) => navigator.clipboard.writeText(text), password);
      await field.focus();
      await page.keyboard.press('ControlOrMeta+v');
      assert.equal(await field.inputValue(), password, `${path}: ${label}`);
    }
  };
  await check('/login', 'Password');
  await check('/register', 'Password');
  await signIn(page, owner);
  await check('/account/me', 'Present password', 'New password');
  assert.deepEqual(wrong, []);
  await close();
});

test('who is not signed in comes to the page they asked for, after signing in', async () => {
  const { owner } = await account();
  const { page, wrong, close } = await device(chromium);
  await page.goto('/account/me');
  await page.waitForURL(/\/login/);
  await signInHere(page, owner);
  await page.getByRole('heading', { name: 'Devices and password' }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('another site is no place to come back to', async () => {
  const { owner } = await account();
  const { page, close } = await device(chromium);
  await page.goto('/login?to=%2F%2Fevil.example%2Fx');
  await signInHere(page, owner);
  await page.getByRole('button', { name: /Your account/ }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/trees');
  await close();
});

test('an invitation is accepted once, and its secret is in no request to the server but the one that needs it', async () => {
  const { owner } = await account();
  const { inviteUser } = await ask('mutation($input: InviteUserInput!) { inviteUser(input: $input) { url token } }', { input: { email: `new-${Date.now()}@example.com`, role: 'ENGINEER' } }, owner.token);
  const { page, wrong, close } = await device(chromium);
  const addresses = [];
  page.on('request', (request) => addresses.push(request.url()));
  await page.goto(inviteUser.url);
  await page.getByRole('heading', { name: /^Join Team/ }).waitFor();
  await page.getByLabel('Your name').fill('Nora New');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Join' }).click();
  await page.getByRole('button', { name: 'Your account, Nora New' }).waitFor();
  assert.ok(addresses.every((url) => !new URL(url).search.includes(inviteUser.token) && !new URL(url).pathname.includes(inviteUser.token)));
  assert.deepEqual(wrong, []);
  const again = await device(chromium);
  await again.page.goto(inviteUser.url);
  await again.page.getByText('does not hold any more').waitFor();
  await again.close();
  await close();
});

test('23: who is no owner reads that a page is for owners, and sees no way to it', async () => {
  const { engineer } = await account('ENGINEER');
  const { page, wrong, close } = await device(chromium);
  await signIn(page, engineer, '/account/security');
  await page.getByRole('heading', { name: 'Only account owners' }).waitFor();
  await page.goto('/account');
  await page.getByRole('heading', { name: 'Settings' }).waitFor();
  assert.equal(await page.getByRole('link', { name: /Session security/ }).count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

test('a page that is not there says so', async () => {
  const { owner } = await account();
  const { page, close } = await device(chromium);
  await signIn(page, owner);
  await page.goto('/nothing/here');
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  await close();
});

test('the password is changed here, and the other devices are signed out', async () => {
  const { owner } = await account();
  const [here, there] = [await device(chromium), await device(chromium)];
  await signIn(here.page, owner);
  await signIn(there.page, owner);
  await here.page.goto('/account/me');
  await here.page.getByLabel('Present password').fill(password);
  await here.page.getByLabel('New password').fill('another lamp in another window');
  await here.page.getByRole('button', { name: 'Change the password' }).click();
  await here.page.getByText(/Password changed/).waitFor();
  await there.page.getByRole('heading', { name: 'Your password was changed' }).waitFor();
  await here.page.goto('/trees');
  await here.page.getByRole('button', { name: /Your account/ }).waitFor();
  assert.deepEqual([...here.wrong, ...there.wrong], []);
  await Promise.all([here.close(), there.close()]);
});

async function signInHere(page, person) {
  await page.getByLabel('E-mail').fill(person.email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}
