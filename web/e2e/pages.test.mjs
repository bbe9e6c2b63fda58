// The start page and the explorer, in a browser, as this program serves them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { launch, open, serve } from './browser.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser;
let server;
before(async () => {
  [browser, server] = await Promise.all([launch(), serve()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function accessibilityFaults(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }));
  return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
}

/** Keeps a picture where PICTURES names a folder, for a person to look at. */
async function picture(page, name) {
  if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/${name}.png` });
}

/** Waits until the explorer's editor shows this word of an operation. */
async function editorShows(page, word) {
  await page.locator('.graphiql-query-editor .view-lines', { hasText: word }).waitFor();
}

/** Runs the operation of the explorer's tab, once the editor shows this word of it. */
async function execute(page, word) {
  await editorShows(page, word);
  await page.getByRole('button', { name: /Execute query/ }).click();
}

const running = { serverInfo: { version: '1.2.3' } };

for (const colorScheme of ['light', 'dark']) {
  for (const [device, viewport] of Object.entries({ desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 }, narrow: { width: 320, height: 640 } })) {
    test(`the start page is clean: ${colorScheme}, ${device}`, async () => {
      const { page, wrong, close } = await open(browser, server.address, { root: running, colorScheme, viewport, reducedMotion: 'reduce' });
      await page.goto(server.address);
      await page.getByText('Version 1.2.3').waitFor();
      await page.evaluate(() => document.fonts.ready);
      await picture(page, `start-${device}-${colorScheme}`);
      assert.deepEqual(await accessibilityFaults(page), []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it scrolls sideways');
      assert.deepEqual(wrong, []);
      await close();
    });
  }
}

test('the start page says when the API does not answer', async () => {
  const { page, close } = await open(browser, server.address, { root: {} });
  await page.goto(server.address);
  await page.getByText('The API does not answer').waitFor();
  await close();
});

test('a chosen theme is there before the first paint, and stays', async () => {
  const { page, wrong, close } = await open(browser, server.address, { root: running, colorScheme: 'light' });
  await page.goto(server.address);
  await page.getByText('Dark', { exact: true }).click();
  await page.reload({ waitUntil: 'commit' });
  await page.locator('body').waitFor({ state: 'attached' });
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await page.getByText('Version 1.2.3').waitFor();
  assert.equal(await page.getByRole('radio', { name: 'Dark' }).isChecked(), true);
  assert.deepEqual(wrong, []);
  await close();
});

test('a number key takes the way', async () => {
  const { page, wrong, close } = await open(browser, server.address, { root: running });
  await page.goto(server.address);
  await page.getByText('Version 1.2.3').waitFor();
  await page.keyboard.press('1');
  await page.waitForURL('**/api/docs/');
  await page.locator('.graphiql-container').waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('where the explorer is off, the start page says so', async (t) => {
  const off = await serve({ explorer: false });
  t.after(() => off.stop());
  const { page, close } = await open(browser, off.address, { root: running, viewport: { width: 1440, height: 900 } });
  await page.goto(off.address);
  await page.getByText('are turned off on this server').waitFor();
  await picture(page, 'start-off');
  assert.equal(await page.getByRole('link').count(), 0);
  await page.keyboard.press('1');
  assert.equal(page.url(), `${off.address}/`);
  assert.deepEqual(await accessibilityFaults(page), []);
  await close();
});

test('the explorer signs in and asks as that person, and asks no other site', async () => {
  const root = {
    ...running,
    login: ({ input }) => {
      assert.equal(input.tokenDelivery, 'COOKIE');
      return {
        user: { name: 'Ann', role: 'OWNER' },
        account: { name: 'Acme' },
        accessToken: 'token-of-ann',
        accessTokenExpiresAt: new Date(Date.now() + 300_000).toISOString(),
      };
    },
    me: (_, headers) => (headers.authorization === 'Bearer token-of-ann' ? { name: 'Ann', role: 'OWNER' } : null),
    trees: { nodes: [], pageInfo: { hasNextPage: false, endCursor: null } },
  };
  const { page, wrong, asked, close } = await open(browser, server.address, { root, viewport: { width: 1440, height: 900 } });
  await page.goto(`${server.address}/api/docs/`);
  await page.getByText('Not signed in').waitFor();
  await page.locator('.graphiql-editor-tool').getByText('"tokenDelivery"').waitFor();
  await execute(page, 'accessTokenExpiresAt');
  await page.getByText('Signed in as Ann').waitFor();
  await page.getByRole('tab', { name: 'Trees' }).click();
  await execute(page, 'hasNextPage');
  await page.locator('.result-window').getByText('"me"').waitFor();
  await picture(page, 'explorer');
  assert.equal(asked.findLast(({ query }) => query.includes('query Trees')).authorization, 'Bearer token-of-ann');
  assert.ok(asked.some(({ query }) => query.includes('__schema')), 'the explorer did not ask for the schema');
  assert.deepEqual(wrong, []);
  await close();
});

for (const { name, ahead, life, renewed } of [
  { name: 'renews a token that is about to end by the server\'s clock', ahead: 3_600_000, life: 10_000, renewed: true },
  { name: 'keeps a token that is good by the server\'s clock', ahead: -3_600_000, life: 300_000, renewed: false },
]) {
  test(`the explorer ${name}`, async () => {
    let refreshes = 0;
    const root = {
      refresh: () => ({
        accessToken: `token-${++refreshes}`,
        accessTokenExpiresAt: new Date(Date.now() + ahead + life).toISOString(),
        loginSession: { user: { name: 'Bob' } },
      }),
    };
    const { page, wrong, asked, close } = await open(browser, server.address, { root, ahead });
    const introspected = page.waitForResponse((response) => response.request().postData()?.includes('__schema') ?? false);
    await page.goto(`${server.address}/api/docs/`);
    await introspected;
    const { authorization } = asked.find(({ query }) => query.includes('__schema'));
    assert.equal(authorization !== 'Bearer token-1', renewed, `asked with ${authorization}`);
    assert.deepEqual(wrong, []);
    await close();
  });
}

test('the explorer takes over the login session of the app, and subscribes as that person', async () => {
  const root = {
    ...running,
    refresh: ({ input }) => {
      assert.equal(input.passive, true);
      assert.match(input.attemptId, /^[A-Za-z0-9_-]{16,64}$/);
      return {
        accessToken: 'token-of-bob',
        accessTokenExpiresAt: new Date(Date.now() + 300_000).toISOString(),
        loginSession: { user: { name: 'Bob' } },
      };
    },
  };
  const { page, wrong, close } = await open(browser, server.address, { root });
  const initialised = new Promise((resolve) => {
    void page.routeWebSocket('**/graphql', (socket) => {
      socket.onMessage((text) => {
        const message = JSON.parse(text);
        if (message.type === 'connection_init') {
          resolve(message.payload);
          socket.send(JSON.stringify({ type: 'connection_ack' }));
        } else if (message.type === 'subscribe') {
          socket.send(JSON.stringify({ type: 'next', id: message.id, payload: { data: { sessionExpiry: { __typename: 'SessionState', level: 'NONE' } } } }));
        }
      });
    });
  });
  await page.goto(`${server.address}/api/docs/`);
  await page.getByText('Signed in as Bob').waitFor();
  await editorShows(page, 'accessToken'); // an editor that is not there yet would miss the change of tabs
  await page.getByRole('tab', { name: 'SessionExpiry' }).click();
  await execute(page, 'absoluteExpiresAt');
  assert.deepEqual(await initialised, { authorization: 'Bearer token-of-bob' });
  await page.locator('.result-window').getByText('"SessionState"').waitFor();
  assert.deepEqual(wrong, []);
  await close();
});
