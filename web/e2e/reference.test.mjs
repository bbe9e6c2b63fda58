// The reference of the API, in a browser, as this program serves it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { account, clean, device, picture, signIn } from './app.mjs';
import { launch, open, serve } from './browser.mjs';

let browser;
let server;
before(async () => {
  server = await serve();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const look = (options) => open(browser, server.address, { viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', ...options });
const onScreen = (page, id) =>
  page.waitForFunction((id) => {
    const box = document.getElementById(id)?.getBoundingClientRect();
    return box && box.top >= 0 && box.top < innerHeight;
  }, id);

test('every part of the schema has an address, and a link to it leads there', async () => {
  const { page, wrong, asked, close } = await look();
  await page.goto(`${server.address}/api/reference#AuditAction.SIGNED_IN`);
  await onScreen(page, 'AuditAction.SIGNED_IN');
  assert.equal(await page.evaluate(() => document.querySelector(':target')?.id), 'AuditAction.SIGNED_IN');
  await page.locator('.ref-nav a[aria-current]', { hasText: /^AuditAction$/ }).waitFor();
  await page.goto(`${server.address}/api/reference#Subscription.auditLog`);
  const article = page.locator('[id="Subscription.auditLog"]');
  await article.getByText('Owners', { exact: true }).waitFor();
  await article.getByText('A cursor of an entry; only what is new if left out.').waitFor();
  await article.getByRole('link', { name: 'AuditEntry' }).click();
  await page.waitForURL(/#AuditEntry$/);
  await onScreen(page, 'AuditEntry');
  assert.deepEqual(asked, [], 'the page asked the API');
  assert.deepEqual(wrong, []);
  await close();
});

test('it is searched by keyboard while typing, and the focus goes to what was found', async () => {
  const { page, wrong, close } = await look();
  await page.goto(`${server.address}/api/reference`);
  const field = page.getByRole('combobox', { name: 'Find in the reference' });
  await page.keyboard.press('/');
  await page.waitForFunction(() => document.activeElement?.id === 'find-input');
  await page.keyboard.type('auditlog');
  const options = page.getByRole('option');
  await options.first().waitFor();
  assert.match(await options.first().textContent(), /^auditLog subscription$/);
  assert.equal(await field.getAttribute('aria-activedescendant'), await options.first().getAttribute('id'));
  await page.getByRole('status').filter({ hasText: /^\d+ results$/ }).waitFor({ state: 'attached' });
  await page.keyboard.press('ArrowDown');
  assert.match(await page.locator('[aria-selected="true"]').textContent(), /^auditLog field of AccountSecurity$/);
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp'); // round the end
  assert.equal(await options.last().getAttribute('aria-selected'), 'true');
  await page.keyboard.press('ArrowDown');
  await picture(page, 'reference-find');
  await page.keyboard.press('Enter');
  await page.waitForURL(/#Subscription\.auditLog$/);
  await onScreen(page, 'Subscription.auditLog');
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('href')), '#Subscription.auditLog');
  assert.equal(await options.count(), 0);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('zzzz');
  await page.getByText('Nothing has these words.').waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await field.inputValue(), '');
  await field.fill('signed_in');
  await page.keyboard.press('Escape');
  assert.equal(await options.count(), 0);
  assert.equal(await field.inputValue(), 'signed_in');
  await page.keyboard.press('ArrowDown');
  await options.first().click();
  await page.waitForURL(/#AuditAction\.SIGNED_IN$/);
  assert.deepEqual(wrong, []);
  await close();
});

test('46, 47, 50: the reference is clean, in light and dark, at every size', async () => {
  const { page, wrong, close } = await look();
  await page.goto(`${server.address}/api/reference`);
  await page.getByRole('heading', { name: 'API reference' }).waitFor();
  await clean(page, 'reference', {
    at: async (size) => {
      await page.getByRole('combobox').fill('tree');
      await page.getByRole('option').first().waitFor();
      await picture(page, `reference-found-${size}`);
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, 'too wide with what was found');
      await page.getByRole('combobox').fill('');
    },
  });
  assert.deepEqual(wrong, []);
  await close();
});

test('it is read without a script', async () => {
  const { page, close } = await look({ javaScriptEnabled: false });
  await page.goto(`${server.address}/api/reference#Query.trees`);
  await page.locator('[id="Query.trees"]').getByText('Trees of the account.').waitFor();
  assert.equal(await page.getByRole('combobox').count(), 0, 'there is a field that finds nothing');
  await close();
});

test('it is there where the explorer is, and where people look for it', async () => {
  const off = await serve({ explorer: false });
  try {
    assert.equal((await fetch(`${off.address}/api/reference`)).status, 404);
  } finally {
    await off.stop();
  }
  const { page, wrong, close } = await look();
  await page.goto(`${server.address}/api/redoc`);
  assert.equal(new URL(page.url()).pathname, '/api/reference');
  await page.getByRole('link', { name: 'Explorer', exact: true }).click();
  await page.getByRole('link', { name: 'API reference' }).click();
  await page.getByRole('heading', { name: 'API reference' }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('the app leads to it, from the menu that finds pages and from the settings', async () => {
  const { owner } = await account();
  const { page, wrong, close } = await device(browser);
  await signIn(page, owner);
  await page.keyboard.press('Control+k');
  await page.getByPlaceholder('Find a tree or a page').fill('api ref');
  await page.locator('.menu-item[data-focused]', { hasText: 'API reference' }).waitFor(); // what Enter would choose
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/api\/reference$/);
  await page.getByRole('link', { name: 'Branchline' }).click();
  await page.goto('/account');
  await page.getByRole('link', { name: /API reference/ }).click();
  await page.getByRole('heading', { name: 'API reference' }).waitFor();
  // A server that does not describe its API shows no way to where it would.
  await page.route('**/graphql', (route) =>
    route.request().postDataJSON().query.includes('Described') ? route.fulfill({ json: { data: { serverInfo: { __typename: 'ServerInfo', explorerOpen: false } } } }) : route.continue(),
  );
  await page.goto('/account');
  await page.getByRole('heading', { name: 'Settings' }).waitFor();
  await page.waitForLoadState('networkidle');
  assert.equal(await page.getByRole('link', { name: /API/ }).count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});
