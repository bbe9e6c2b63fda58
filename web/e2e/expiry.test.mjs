// How a login session ends, as the page shows it. The clock is the test's, and so is
// the socket: it pushes what the server would. Everything else is the real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { account, ask, browser, device, password, signIn, tree } from './app.mjs';

let chromium;
before(async () => {
  chromium = await browser();
});
after(() => chromium?.close());

const minute = 60_000;

/** What a page still asks for while its test closes it is nobody's concern. */
const gone = (error) => {
  if (!/closed|detached|destroyed|disposed/i.test(String(error))) throw error;
};

/** Lets time pass, in steps that leave the socket time to answer its pings. */
async function pass(page, ms) {
  for (let left = ms; left > 0; left -= 4000) {
    await page.clock.runFor(Math.min(4000, left));
    await page.evaluate(() => new Promise((resolve) => document.defaultView.queueMicrotask(resolve)));
    await page.evaluate(() => 0);
  }
}

/**
 * Somebody signed in, on a page whose socket this test holds. `push` sends an event of
 * sessionExpiry to all tabs; `refreshes` counts what asks for a token.
 */
async function watched({ idle = 30 * minute, absolute = 8 * 60 * minute, clock = true } = {}) {
  const { owner } = await account();
  const d = await device(chromium);
  const now = new Date();
  if (clock) await d.context.clock.install({ time: now });
  const subscriptions = new Set();
  const state = { idle: now.getTime() + idle, absolute: now.getTime() + absolute, level: 'NONE', refreshes: [], renewed: [], asked: [], requests: 0, sockets: 0 };
  const time = async (page) => (clock ? page.evaluate(() => Date.now()) : Date.now());
  const nearer = () => (state.idle <= state.absolute ? 'IDLE' : 'ABSOLUTE');
  const iso = (ms) => new Date(ms).toISOString();
  await d.context.routeWebSocket('**/graphql', (socket) => {
    state.sockets++;
    socket.onMessage((text) => {
      const message = JSON.parse(text);
      if (message.type === 'connection_init') socket.send(JSON.stringify({ type: 'connection_ack' }));
      if (message.type === 'ping') socket.send(JSON.stringify({ type: 'pong' }));
      if (message.type !== 'subscribe' || message.payload.operationName !== 'SessionExpiry') return;
      const send = (event) => socket.send(JSON.stringify({ type: 'next', id: message.id, payload: { data: { sessionExpiry: event } } }));
      const one = { send, close: (code) => socket.close({ code, reason: '' }), complete: () => socket.send(JSON.stringify({ type: 'complete', id: message.id })) };
      subscriptions.add(one);
      socket.onClose(() => subscriptions.delete(one));
      time(d.page).then((t) => send({ __typename: 'SessionState', serverTime: iso(t), loginSessionId: 'lses_x', idleExpiresAt: iso(state.idle), absoluteExpiresAt: iso(state.absolute), level: state.level, expiryReason: nearer() })).catch(gone);
    });
  });
  await d.context.route('**/graphql', (route) => {
    state.requests++;
    state.asked.push(`${route.request().frame().url()} ${route.request().postData()?.slice(0, 120)}`);
    const body = route.request().postDataJSON();
    if (body?.query?.includes('mutation Refresh')) {
      state.refreshes.push(body.variables.input);
      if (state.refused) return route.fulfill({ json: { data: null, errors: [{ message: 'Over.', extensions: { code: 'UNAUTHENTICATED', reason: state.refused } }] } });
    }
    // A token lives for five minutes by the clock that this test turns.
    if (body?.query?.includes('mutation Refresh') && clock) {
      return route.fetch().then(async (response) => {
        const json = await response.json();
        const t = await time(d.page);
        if (json.data?.refresh) {
          json.data.refresh.accessTokenExpiresAt = iso(t + 5 * minute);
          state.renewed.push(body.variables.input);
        }
        return route.fulfill({ response, json, headers: { ...response.headers(), date: new Date(t).toUTCString() } });
      }).catch(gone);
    }
    return route.continue().catch(gone);
  });
  const push = async (event) => {
    const serverTime = iso(await time(d.page));
    for (const s of subscriptions) s.send({ serverTime, ...event });
  };
  await signIn(d.page, owner);
  await settled(d.page);
  return {
    ...d,
    owner,
    state,
    push,
    subscriptions,
    warn: (reason, level, at) => push({ __typename: 'SessionExpiryWarning', level, expiryReason: reason, expiresAt: iso(at) }),
    extend: (at) => {
      state.idle = at;
      return push({ __typename: 'SessionExtended', idleExpiresAt: iso(at), absoluteExpiresAt: iso(state.absolute), level: 'NONE', expiryReason: 'IDLE' });
    },
  };
}

/** The page has asked for all that it shows, and its socket is there. */
async function settled(page) {
  await page.waitForFunction(() => document.querySelector('.live')?.textContent === 'Live');
  await page.getByText(/Load the \d+ sample trees/).waitFor();
}

const notice = (page) => page.getByRole('alertdialog', { name: /signed out at|login ends at/ });

test('1: the warning is pushed and not asked for: five idle minutes without a request', async () => {
  const w = await watched();
  await w.page.waitForLoadState('networkidle');
  const before = w.state.requests;
  await pass(w.page, 5 * minute);
  assert.equal(w.state.requests, before, w.state.asked.slice(before).join('\n'));
  await w.warn('IDLE', 'SOON', w.state.idle);
  await notice(w.page).waitFor();
  assert.match(await notice(w.page).getAttribute('aria-label'), /^You will be signed out at \d\d:\d\d$/);
  assert.match(await notice(w.page).locator('.time-left').textContent(), /^2[45]:\d\d left$/);
  await notice(w.page).getByRole('button', { name: 'Stay signed in' }).waitFor();
  assert.equal(await w.page.locator('.notice.cyan').count(), 0, 'it has the colour of the other end');
  assert.deepEqual(w.wrong, []);
  await w.close();
});

test('1: nothing is asked again and again: five idle minutes on every live page without a request', async () => {
  const { owner } = await account();
  const lamp = await tree(owner);
  const { startSession } = await ask('mutation($input: StartSessionInput!) { startSession(input: $input) { session { id } } }', { input: { treeId: lamp.id } }, owner.token);
  const d = await device(chromium);
  await d.context.clock.install({ time: new Date() });
  // The server and its socket are real; only the page's clock is not. What the page's
  // ping asks is answered before its time goes on, as it would be.
  const socket = { opened: 0, pings: 0, pongs: 0, subscriptions: 0 };
  await d.context.routeWebSocket('**/graphql', (page) => {
    socket.opened++;
    const server = page.connectToServer();
    page.onMessage((text) => {
      const { type } = JSON.parse(text);
      if (type === 'ping') socket.pings++;
      if (type === 'subscribe') socket.subscriptions++;
      server.send(text);
    });
    server.onMessage((text) => {
      if (JSON.parse(text).type === 'pong') socket.pongs++;
      page.send(text);
    });
  });
  await signIn(d.page, owner);
  const requests = [];
  d.page.on('request', (request) => requests.push(`${request.method()} ${request.url()} ${request.postData()?.slice(0, 120) ?? ''}`));
  for (const [path, sign, live] of [
    ['/trees', 'Desk lamp stays dark', 1],
    ['/sessions', 'Resume', 1],
    [`/sessions/${startSession.session.id}`, 'Is the lamp plugged in?', 2],
    ['/account/security', 'Signed in now', 2],
    ['/account/security/log', 'That is the whole log.', 2],
  ]) {
    Object.assign(socket, { opened: 0, subscriptions: 0 });
    await d.page.goto(path);
    await d.page.getByText(sign).first().waitFor();
    await d.page.waitForLoadState('networkidle');
    while (socket.subscriptions < live) await d.page.evaluate(() => 0);
    requests.length = 0;
    const { opened } = socket;
    for (let left = 5 * minute; left > 0; left -= 4000) {
      await d.page.clock.runFor(4000);
      while (socket.pongs < socket.pings) await d.page.evaluate(() => 0);
    }
    assert.deepEqual(requests, [], path);
    assert.equal(socket.opened, opened, `${path} opened another socket`);
    assert.ok(socket.pings > 0, 'no time passed');
  }
  assert.deepEqual(d.wrong, []);
  await d.close();
});

test('9: a tab that nobody looks at counts the minutes in its title, whichever page it shows', async () => {
  const w = await watched({ idle: 10 * minute });
  const title = (text) => w.page.waitForFunction((text) => document.title === text, text);
  const look = (hidden) =>
    w.page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  await pass(w.page, 5 * minute);
  await w.warn('IDLE', 'SOON', w.state.idle);
  await notice(w.page).waitFor();
  await title('Trees – Branchline'); // looked at, it says so itself
  await look(true);
  await title('(5 min left) Trees – Branchline');
  await pass(w.page, 3 * minute);
  await title('(2 min left) Trees – Branchline');
  await look(false);
  await title('Trees – Branchline');
  await w.page.getByRole('link', { name: 'Sessions' }).first().dispatchEvent('click');
  await title('Sessions – Branchline');
  await pass(w.page, 4000);
  await look(true);
  await title('(2 min left) Sessions – Branchline');
  await w.extend(w.state.idle + 25 * minute);
  await title('Sessions – Branchline');
  await w.close();
});

test('12: everybody reads after how long without activity they are signed out', async () => {
  const { owner, engineer } = await account('ENGINEER');
  await ask('mutation($input: UpdateSessionPolicyInput!) { updateSessionPolicy(input: $input) { endedCount } }', { input: { preset: 'CUSTOM', idleMinutes: 240, absoluteMinutes: 2880 } }, owner.token);
  for (const [person, paths] of [[engineer, ['/account', '/account/me']], [owner, ['/account', '/account/me', '/account/security']]]) {
    const { page, wrong, close } = await device(chromium);
    await signIn(page, person);
    for (const path of paths) {
      await page.goto(path);
      await page.getByText(/signed out after 4 hours without activity/).waitFor();
    }
    assert.deepEqual(wrong, []);
    await close();
  }
});

for (const [reason, words] of [['IDLE', 'after a while without activity.'], ['ABSOLUTE', ', because this login had reached its longest time.']]) {
  test(`12: the login page after an end says which limit it was: ${reason}`, async () => {
    const w = await watched();
    w.state.refused = `SESSION_EXPIRED_${reason}`;
    await w.push({ __typename: 'SessionExpired', expiryReason: reason });
    const said = w.page.getByRole('status').filter({ hasText: 'You were signed out' });
    await said.filter({ hasText: words }).waitFor();
    await said.filter({ hasText: 'Your walk and your notes are kept.' }).waitFor();
    await w.page.reload();
    await said.filter({ hasText: words }).waitFor();
    await w.close();
  });
}

test('13: typing a long note is activity, once a minute; moving the pointer and coming back are none', async () => {
  const w = await watched();
  const lamp = await tree(w.owner);
  const { startSession } = await ask('mutation($input: StartSessionInput!) { startSession(input: $input) { session { id } } }', { input: { treeId: lamp.id } }, w.owner.token);
  // Who came here by a link has done nothing yet.
  await w.page.goto(`/sessions/${startSession.session.id}`);
  await w.page.getByRole('region', { name: 'This step' }).getByRole('heading', { name: 'Is the lamp plugged in?' }).waitFor();
  const active = () => w.state.refreshes.filter((r) => !r.passive).length;
  // One that a busy server did not answer is rightly tried again with the next key.
  const renewed = () => w.state.renewed.filter((r) => !r.passive).length;
  await pass(w.page, 5 * minute);
  for (let i = 0; i < 50; i++) await w.page.mouse.move(200 + i * 5, 300 + i * 3);
  await w.page.mouse.wheel(0, 200);
  // Nor is what the page does by itself: a socket that comes back asks for a token passively.
  const sockets = w.state.sockets;
  const passive = w.state.refreshes.length;
  for (const s of w.subscriptions) s.close(4403);
  for (let i = 0; i < 60 && w.state.sockets === sockets; i++) await pass(w.page, 1000);
  assert.ok(w.state.sockets > sockets, 'the socket did not come back');
  while (w.state.refreshes.length === passive) await w.page.evaluate(() => 0); // it comes back with a new token
  assert.equal(active(), 0, 'something that nobody did counted as activity');

  await w.page.keyboard.press('n');
  const note = w.page.getByLabel('Note on this step');
  await note.waitFor();
  while (renewed() < 1) await w.page.evaluate(() => 0); // the key that opened it was activity
  for (let second = 0; second < 150; second += 5) {
    await note.press('x');
    await pass(w.page, 5000);
  }
  await w.page.waitForFunction(() => document.querySelector('textarea')?.value.length === 30);
  assert.equal(renewed(), 3, `${renewed()} active refreshes in two and a half minutes of typing, and the one before`);
  // What is spoken into the field comes without keys.
  await pass(w.page, minute + 5000);
  await w.page.evaluate(() => document.querySelector('textarea').dispatchEvent(new InputEvent('input', { bubbles: true, data: 'spoken' })));
  while (renewed() < 4) await w.page.evaluate(() => 0);
  const before = active();
  await pass(w.page, 5 * minute);
  assert.equal(active(), before, 'something that nobody did counted as activity');
  assert.deepEqual(w.wrong, []);
  await w.close();
});

test('2, 4: "Stay signed in" asks once, and the notice goes with the new deadline; ten times over', async () => {
  const w = await watched();
  for (let i = 1; i <= 10; i++) {
    await pass(w.page, 10 * minute);
    const before = w.state.refreshes.length;
    await w.warn('IDLE', 'SOON', w.state.idle);
    await notice(w.page).getByRole('button', { name: 'Stay signed in' }).click();
    await w.page.waitForFunction(() => document.querySelector('.notice .spinner') === null);
    const active = w.state.refreshes.slice(before).filter((r) => !r.passive);
    assert.equal(active.length, 1, `time ${i}: ${JSON.stringify(w.state.refreshes.slice(before))}`);
    await w.extend(w.state.idle + 25 * minute);
    await notice(w.page).waitFor({ state: 'detached' });
  }
  assert.equal(new Set(w.state.refreshes.filter((r) => !r.passive).map((r) => r.attemptId)).size, 10, 'an attempt id was used for two tokens');
  assert.deepEqual(w.wrong, []);
  await w.close();
});

test('2: with the notice goes the focus back to where it was', async () => {
  const w = await watched();
  await w.page.goto('/account/me');
  const field = w.page.getByLabel('Present password');
  await w.page.waitForFunction(() => document.querySelector('.live')?.textContent === 'Live');
  for (const leave of ['Enter', 'Escape']) {
    await field.focus();
    await w.warn('IDLE', 'SOON', w.state.idle);
    await notice(w.page).waitFor();
    assert.equal(await field.evaluate((e) => e === document.activeElement), true, 'the notice took the focus');
    await notice(w.page).getByRole('button', { name: 'Stay signed in' }).focus();
    await w.page.keyboard.press(leave);
    if (leave === 'Enter') await w.extend(w.state.idle + 25 * minute);
    await notice(w.page).waitFor({ state: 'detached' });
    await w.page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'currentPassword');
  }
  await w.close();
});

test('3: Esc puts the notice away and signs nobody out; the same deadline does not warn again, another one does', async () => {
  const w = await watched();
  await pass(w.page, 10 * minute);
  const before = w.state.refreshes.length;
  await w.warn('IDLE', 'SOON', w.state.idle);
  await notice(w.page).getByRole('button', { name: 'Stay signed in' }).focus();
  await w.page.keyboard.press('Escape');
  await notice(w.page).waitFor({ state: 'detached' });
  await w.warn('IDLE', 'NOW', w.state.idle);
  await w.page.clock.runFor(1000);
  assert.equal(await notice(w.page).count(), 0, 'the same deadline warned again');
  assert.equal(w.state.refreshes.length, before, 'putting it away counted as doing something');
  await w.warn('IDLE', 'SOON', w.state.idle + minute);
  await notice(w.page).waitFor();
  await w.close();
});

test('5, 6: the end in any case is cyan and cannot be put off; the nearer end decides', async () => {
  const w = await watched();
  await w.warn('IDLE', 'SOON', w.state.idle);
  await notice(w.page).waitFor();
  assert.equal(await w.page.locator('.notice.cyan').count(), 0);
  await w.warn('ABSOLUTE', 'SOON', w.state.idle - minute);
  await w.page.locator('.notice.cyan').waitFor();
  assert.equal(await notice(w.page).getByRole('button', { name: 'Stay signed in' }).count(), 0);
  await notice(w.page).getByText('What you did is saved; it cannot be extended.').waitFor();
  // The idle end is put off beyond the other one: the notice is about that now.
  await w.warn('IDLE', 'SOON', w.state.idle - 2 * minute);
  await w.page.locator('.notice.cyan').waitFor({ state: 'detached' });
  await notice(w.page).getByRole('button', { name: 'Stay signed in' }).waitFor();
  await w.push({ __typename: 'SessionExtended', idleExpiresAt: new Date(w.state.idle).toISOString(), absoluteExpiresAt: new Date(w.state.idle - minute).toISOString(), level: 'SOON', expiryReason: 'ABSOLUTE' });
  await w.page.locator('.notice.cyan').waitFor();
  // Whoever signs in now is back where they were.
  await w.page.getByRole('link', { name: 'Sessions' }).first().dispatchEvent('click');
  await w.page.getByRole('heading', { name: 'Sessions', exact: true }).waitFor();
  await notice(w.page).getByRole('button', { name: 'Sign in now' }).click();
  await w.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await w.page.getByLabel('E-mail').fill(w.owner.email);
  await w.page.getByLabel('Password').fill(password);
  await w.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await w.page.getByRole('heading', { name: 'Sessions', exact: true }).waitFor();
  await w.close();
});

test('5: an hour before the end in any case there is a quiet line, and no notice', async () => {
  const w = await watched({ absolute: 58 * minute });
  await w.warn('ABSOLUTE', 'NOTICE', w.state.absolute);
  await w.page.getByText(/Your login ends at .* in any case/).waitFor();
  assert.equal(await notice(w.page).count(), 0);
  await w.close();
});

test('7, 8: the notice moves nothing, is said once, and then at two minutes, one, and twenty seconds', async () => {
  const w = await watched({ idle: 10 * minute });
  const top = await w.page.getByRole('heading', { level: 1 }).boundingBox();
  await pass(w.page, 5 * minute);
  await w.warn('IDLE', 'SOON', w.state.idle);
  await notice(w.page).waitFor();
  assert.deepEqual(await w.page.getByRole('heading', { level: 1 }).boundingBox(), top);
  assert.equal(await notice(w.page).getAttribute('aria-modal'), null);
  // Whoever wants less motion sees none, and who sees no colours an icon and words.
  assert.equal(await notice(w.page).evaluate((e) => getComputedStyle(e).animationDuration), '0s');
  await w.page.emulateMedia({ reducedMotion: 'no-preference' });
  assert.notEqual(await notice(w.page).evaluate((e) => getComputedStyle(e).animationDuration), '0s', 'the rule is not what stops it');
  await w.page.emulateMedia({ reducedMotion: 'reduce' });
  await notice(w.page).locator('svg').first().waitFor();
  const parts = () => w.page.locator('.notice').evaluate((e) => [...e.querySelectorAll('.time-left, button, svg')].map((p) => [p.getBoundingClientRect().x, p.getBoundingClientRect().width]));
  const placed = await parts();
  // Everything that is said aloud from now on.
  await w.page.evaluate(() => {
    const status = document.querySelector('.notice [role=status]');
    window.said = [];
    new MutationObserver(() => window.said.push(status.textContent)).observe(status, { childList: true, characterData: true, subtree: true });
  });
  await pass(w.page, 3 * minute);
  await w.page.locator('.notice [role=status]', { hasText: '2 min' }).waitFor({ state: 'attached' });
  assert.deepEqual(await parts(), placed, 'the time that runs moves what is beside it');
  await pass(w.page, minute);
  await w.page.locator('.notice [role=status]', { hasText: '1 min' }).waitFor({ state: 'attached' });
  await pass(w.page, 44_000);
  await w.page.locator('.notice [role=status]', { hasText: '20 s' }).waitFor({ state: 'attached' });
  assert.deepEqual(await w.page.evaluate(() => window.said), ['2 min until you are signed out', '1 min until you are signed out', '20 s until you are signed out']);
  await w.close();
});

test('10, 11, 30: at the end every tab goes to the login page and says why; after signing in one is back at the same step, with the note', async () => {
  const w = await watched();
  const lamp = await tree(w.owner);
  const { startSession } = await ask('mutation($input: StartSessionInput!) { startSession(input: $input) { session { id } } }', { input: { treeId: lamp.id } }, w.owner.token);
  const second = await w.context.newPage();
  const question = second.getByRole('region', { name: 'This step' }).getByRole('heading', { name: 'Is the lamp plugged in?' });
  await second.goto(`/sessions/${startSession.session.id}`);
  await question.waitFor();
  await second.keyboard.press('n');
  await second.getByLabel('Note on this step').fill('half a note');
  w.state.refused = 'SESSION_EXPIRED_IDLE';
  await w.push({ __typename: 'SessionExpired', expiryReason: 'IDLE' });
  await w.page.getByRole('status').getByText(/You were signed out at/).waitFor();
  await second.getByRole('status').getByText(/You were signed out at/).waitFor();
  assert.match(second.url(), /reason=session_expired/);
  await second.getByRole('status').getByText('Your walk and your notes are kept.').waitFor();
  w.state.refused = undefined;
  await second.getByLabel('E-mail').fill(w.owner.email);
  await second.getByLabel('Password').fill(password);
  await second.getByRole('button', { name: 'Sign in', exact: true }).click();
  await question.waitFor();
  assert.equal(await second.getByLabel('Note on this step').inputValue(), 'half a note');
  await w.page.getByRole('button', { name: /Your account/ }).waitFor();
  await w.close();
});

test('31: after sleep past the deadline the first thing seen is the login page', async () => {
  const w = await watched({ idle: 20 * minute });
  w.state.refused = 'SESSION_EXPIRED_IDLE';
  await w.page.clock.fastForward(25 * minute);
  await w.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await w.page.getByText(/You were signed out at/).waitFor();
  assert.equal(await w.page.getByRole('heading', { name: 'Trees' }).count(), 0);
  await w.close();
});

test('31: where the server knows better than the clock, everything goes on', async () => {
  const w = await watched({ idle: 20 * minute });
  w.state.idle += 60 * minute; // extended while nobody told this page
  await w.page.clock.fastForward(25 * minute);
  await w.page.getByRole('button', { name: /Your account/ }).waitFor();
  await w.close();
});

test('32: a clock that is ten minutes wrong changes no deadline', async () => {
  for (const wrongBy of [-10 * minute, 10 * minute]) {
    const w = await watched({ clock: false });
    const real = Date.now();
    await w.context.addInitScript((ms) => {
      const now = Date.now;
      Date.now = () => now() + ms;
    }, wrongBy);
    await w.page.reload();
    await w.page.getByRole('button', { name: /Your account/ }).waitFor();
    await w.push({ __typename: 'SessionExpiryWarning', level: 'SOON', expiryReason: 'IDLE', expiresAt: new Date(real + 4 * minute).toISOString(), serverTime: new Date().toISOString() });
    const left = await notice(w.page).locator('.time-left').textContent();
    assert.match(left, /^[34]:\d\d left$/, `wrong by ${wrongBy / minute} min: ${left}`);
    await w.close();
  }
});

test('34: a restart of the server is said only after two seconds, and goes by itself', async () => {
  const w = await watched();
  let refuse = true;
  await w.context.routeWebSocket('**/graphql', (socket) => {
    if (refuse) socket.close({ code: 1012 });
    else {
      socket.onMessage((text) => {
        const { type } = JSON.parse(text);
        if (type === 'connection_init') socket.send(JSON.stringify({ type: 'connection_ack' }));
      });
    }
  });
  for (const s of w.subscriptions) s.close(1012);
  await w.page.waitForFunction(() => document.querySelector('.live')?.textContent === 'Reconnecting');
  assert.equal(await w.page.locator('.connection').count(), 0, 'it was said at once');
  await w.page.clock.runFor(2500);
  await w.page.locator('.connection', { hasText: 'Reconnecting' }).waitFor();
  refuse = false;
  for (let i = 0; i < 60 && (await w.page.locator('.connection').count()) > 0; i++) await w.page.clock.runFor(1000);
  assert.equal(await w.page.locator('.connection').count(), 0, 'it did not come back');
  await w.close();
});

test('29: two tabs whose token ran out ask for one', async () => {
  const w = await watched();
  const second = await w.context.newPage();
  await second.goto('/trees');
  await settled(second);
  const before = w.state.refreshes.length;
  // The token lives for five minutes; nobody does anything meanwhile. The clock is both tabs'.
  await w.page.clock.fastForward(6 * minute);
  await Promise.all([w.page, second].map((p) => p.getByRole('link', { name: 'Sessions' }).first().dispatchEvent('click')));
  await Promise.all([w.page, second].map((p) => p.getByRole('heading', { name: 'Sessions', exact: true }).waitFor()));
  await Promise.all([w.page, second].map((p) => p.getByText('No sessions here yet').waitFor()));
  assert.equal(w.state.refreshes.length - before, 1, w.state.asked.join('\n'));
  await w.close();
});

test('30: what is put away or extended in one tab is so in all', async () => {
  const w = await watched();
  const second = await w.context.newPage();
  await second.goto('/trees');
  await settled(second);
  await w.warn('IDLE', 'SOON', w.state.idle);
  for (const p of [w.page, second]) await notice(p).waitFor();
  await notice(second).getByRole('button', { name: 'Dismiss' }).click();
  for (const p of [w.page, second]) await notice(p).waitFor({ state: 'detached' });
  await w.warn('IDLE', 'SOON', w.state.idle + minute);
  for (const p of [w.page, second]) await notice(p).waitFor();
  await w.extend(w.state.idle + 25 * minute);
  for (const p of [w.page, second]) await notice(p).waitFor({ state: 'detached' });
  await w.close();
});

test('30: who signs out in one tab is out in all, without a banner', async () => {
  const w = await watched();
  const second = await w.context.newPage();
  await second.goto('/trees');
  await second.getByRole('button', { name: /Your account/ }).waitFor();
  await w.page.getByRole('button', { name: /Your account/ }).click();
  await w.page.getByRole('menuitem', { name: 'Sign out' }).click();
  for (const p of [w.page, second]) {
    await p.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.doesNotMatch(p.url(), /reason=/);
  }
  await w.close();
});
