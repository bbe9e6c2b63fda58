// The explorer, in a browser, as this program serves it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { account, device, signIn, tree } from './app.mjs';
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
  const before = await page.evaluate(() => localStorage.getItem('branchline.attempt'));
  await execute(page, 'accessTokenExpiresAt');
  await page.getByText('Signed in as Ann').waitFor();
  // The cookie has another token now, for which the next attempt has another id.
  await page.waitForFunction((id) => ![null, id].includes(localStorage.getItem('branchline.attempt')), before);
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
  let initialise;
  const initialised = new Promise((resolve) => {
    initialise = resolve;
  });
  await page.routeWebSocket('**/graphql', (socket) => {
    socket.onMessage((text) => {
      const message = JSON.parse(text);
      if (message.type === 'connection_init') {
        initialise(message.payload);
        socket.send(JSON.stringify({ type: 'connection_ack' }));
      } else if (message.type === 'subscribe') {
        socket.send(JSON.stringify({ type: 'next', id: message.id, payload: { data: { sessionExpiry: { __typename: 'SessionState', level: 'NONE' } } } }));
      }
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

test('whoever is signed in to the app asks as themselves, by the rules that the app keeps', async () => {
  const { owner } = await account();
  const lamp = await tree(owner);
  const { page, wrong, close } = await device(browser);
  await signIn(page, owner);
  const attempt = await page.evaluate(() => localStorage.getItem('branchline.attempt'));
  const refreshes = [];
  page.on('request', (request) => {
    const body = request.method() === 'POST' ? request.postDataJSON() : undefined;
    if (body?.query?.includes('mutation Refresh')) refreshes.push(body.variables.input);
  });
  await page.goto('/api/docs');
  await page.getByText('Signed in as Olivia Owner').waitFor();
  assert.deepEqual(refreshes, [{ attemptId: attempt, passive: true }]);
  await editorShows(page, 'accessToken');
  await page.getByRole('tab', { name: 'Trees' }).click();
  await execute(page, 'hasNextPage');
  await page.locator('.result-window').getByText(lamp.title).waitFor();
  await page.getByRole('link', { name: 'API reference' }).waitFor();
  // What it keeps is the app's too.
  await page.goto('/trees');
  await page.getByRole('button', { name: 'Your account, Olivia Owner' }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});
