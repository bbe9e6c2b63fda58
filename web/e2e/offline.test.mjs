// A bad train connection: what is said, what is kept and sent later, and what cannot be done.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { account, ask, browser, device, password, picture, signIn, tree } from './app.mjs';
import { start } from './program.mjs';

let chromium;
before(async () => {
  chromium = await browser();
});
after(() => chromium?.close());

const question = (page, title) => page.getByRole('region', { name: 'This step' }).getByRole('heading', { name: title }).waitFor();
const startSession = async (person, input) => (await ask('mutation($input: StartSessionInput!) { startSession(input: $input) { session { id step } } }', { input }, person.token)).startSession.session;
const record = async (person, id) =>
  (await ask('query($id: ID!) { session(id: $id) { step scratchpad currentNode { title } currentNotes { text } steps(includeUndone: true) { title answer undone notes { text } } } }', { id }, person.token)).session;

const nothingWaits = (page) => page.waitForFunction(() => !Object.keys(localStorage).some((key) => key.endsWith('.unsent')));

/** A browser on a line that can be cut. One that is told to be offline keeps its open sockets, so the server's side is cut too. */
async function onALine(people, to) {
  const d = await device(chromium);
  const sockets = new Set();
  const asked = [];
  let up = true;
  await d.context.routeWebSocket('**/graphql', (socket) => {
    if (!up) return socket.close({ code: 1012 });
    sockets.add(socket);
    return socket.connectToServer();
  });
  d.page.on('request', (request) => asked.push(/(?:query|mutation) (\w+)/.exec(request.postData() ?? '')?.[1] ?? request.url()));
  await signIn(d.page, people.owner, to);
  await d.page.waitForFunction(() => document.querySelector('.live')?.textContent === 'Live');
  await d.page.waitForLoadState('networkidle'); // it knows where answers lead
  return {
    ...d,
    asked,
    banner: d.page.locator('.connection'),
    async cut() {
      up = false;
      await d.context.setOffline(true);
      for (const socket of sockets) await socket.close({ code: 1012 }).catch(() => {}); // it may be gone already
      sockets.clear();
    },
    async mend() {
      up = true;
      await d.context.setOffline(false);
    },
  };
}

test('33: offline is said, with since when, and goes by itself; what is on the page is asked for once then, and is true', async () => {
  const people = await account('ENGINEER');
  const { page, banner, asked, cut, mend, close } = await onALine(people, '/account/security');
  const list = page.getByRole('region', { name: 'Signed in now' });
  await list.getByText('Olivia Owner').waitFor();
  await cut();
  await banner.getByText('Offline.').waitFor();
  await banner.getByText(/Showing what was loaded until \d\d:\d\d\./).waitFor();
  await banner.getByText('Nothing else can be changed until then.').waitFor();
  await picture(page, 'offline-security');
  await list.getByText('Olivia Owner').waitFor(); // it stays
  const other = await device(chromium);
  await signIn(other.page, people.engineer);
  await ask('mutation($input: UpdateSessionPolicyInput!) { updateSessionPolicy(input: $input) { endedCount } }', { input: { preset: 'STRICT' } }, people.owner.token);
  asked.length = 0;
  await mend();
  await banner.waitFor({ state: 'detached' });
  await list.getByText('Erin Engineer').waitFor(); // what is pushed
  await page.getByRole('status').filter({ hasText: 'Everybody is signed out after 1 hour without activity' }).waitFor(); // and what is not
  await page.waitForLoadState('networkidle');
  for (const query of ['SecurityPolicy', 'AccountName']) assert.equal(asked.filter((a) => a === query).length, 1, `${query}: ${asked}`);
  await Promise.all([close(), other.close()]);
});

test('33: answers, going back, notes and the scratchpad are kept in a tunnel, and sent in order after it, each once', async () => {
  const people = await account();
  const lamp = await tree(people.owner);
  const walk = await startSession(people.owner, { treeId: lamp.id });
  const { page, banner, cut, mend, close } = await onALine(people, `/sessions/${walk.id}`);
  await question(page, 'Is the lamp plugged in?');
  const before = (await record(people.owner, walk.id)).step;
  await cut();
  await page.keyboard.press('n');
  await page.getByLabel('Note on this step').fill('in the tunnel');
  await page.keyboard.press('Control+Enter');
  await page.getByRole('group', { name: 'Notes on this step' }).getByText('in the tunnel').waitFor();
  await page.keyboard.press('1');
  await question(page, 'Change the bulb');
  await page.keyboard.press('Backspace');
  await question(page, 'Is the lamp plugged in?');
  await page.keyboard.press('2');
  await question(page, 'Plug it in');
  await page.keyboard.press('n');
  await page.getByLabel('Note on this step').fill('with the answer');
  await page.keyboard.press('Escape');
  await page.keyboard.press('2');
  await question(page, 'Change the bulb');
  await page.getByRole('textbox', { name: 'Scratchpad' }).fill('written offline');
  await page.getByText('5 changes wait for the connection.').waitFor();
  await banner.getByText('Steps and notes of a session are kept and sent when it is back.').waitFor();
  await page.getByRole('alert').getByText('You are offline, so nothing was sent.').waitFor(); // of the scratchpad, which is kept
  // What the server has to do at once says that it cannot.
  await page.getByRole('button', { name: 'Complete' }).first().click();
  await page.getByText('What you did before this has to be sent first.').waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0);
  await picture(page, 'offline-walk');
  assert.equal((await record(people.owner, walk.id)).step, before);
  await mend();
  await banner.waitFor({ state: 'detached' });
  await nothingWaits(page);
  await page.getByText(/Saved \d\d:\d\d/).waitFor();
  const now = await record(people.owner, walk.id);
  assert.equal(now.step, before + 5, 'something was done twice, or not at all');
  assert.equal(now.currentNode.title, 'Change the bulb');
  assert.equal(now.scratchpad, 'written offline');
  assert.deepEqual(
    now.steps.filter((s) => s.answer).map((s) => [s.title, s.answer, s.undone, s.notes.map((n) => n.text).join()]),
    [['Is the lamp plugged in?', 'Yes', true, 'in the tunnel'], ['Is the lamp plugged in?', 'No', false, ''], ['Plug it in', 'Still dark', false, 'with the answer']],
  );
  await question(page, 'Change the bulb');
  await close();
});

test('33: an answer whose own answer was lost is sent again after a reload, and done once', async () => {
  const people = await account();
  const lamp = await tree(people.owner);
  const walk = await startSession(people.owner, { treeId: lamp.id });
  const { page, context, close } = await onALine(people, `/sessions/${walk.id}`);
  await question(page, 'Is the lamp plugged in?');
  // The request arrives and what comes back does not, as where a train enters a tunnel.
  await context.route('**/graphql', async (route) => {
    if (!route.request().postData()?.includes('mutation Advance')) return route.continue();
    await route.fetch();
    return route.abort();
  });
  await page.keyboard.press('2');
  await page.getByText('1 change waits for the connection.').waitFor();
  await question(page, 'Plug it in');
  const { step } = await record(people.owner, walk.id);
  await context.unrouteAll({ behavior: 'wait' });
  await page.reload();
  await question(page, 'Plug it in');
  await nothingWaits(page);
  assert.equal((await record(people.owner, walk.id)).step, step);
  await close();
});

test('33: where a colleague went on meanwhile, it is said what was not taken, and nothing typed is lost', async () => {
  const people = await account();
  const lamp = await tree(people.owner);
  const walk = await startSession(people.owner, { treeId: lamp.id });
  const { page, cut, mend, close } = await onALine(people, `/sessions/${walk.id}`);
  await question(page, 'Is the lamp plugged in?');
  await cut();
  await page.keyboard.press('n');
  await page.getByLabel('Note on this step').fill('behind the desk');
  await page.keyboard.press('Escape');
  await page.keyboard.press('2');
  await question(page, 'Plug it in');
  await page.keyboard.press('2');
  await question(page, 'Change the bulb');
  // On another device of the same walk.
  const { tree: graph } = await ask('query($id: ID!) { tree(id: $id) { graph { nodes { title ... on DecisionNode { options { optionId label } } } } } }', { id: lamp.id }, people.owner.token);
  const { optionId } = graph.graph.nodes.find((n) => n.title === 'Is the lamp plugged in?').options.find((o) => o.label === 'Yes');
  await ask('mutation($input: AdvanceSessionInput!) { advanceSession(input: $input) { session { id } } }', { input: { sessionId: walk.id, expectedStep: walk.step, optionId } }, people.owner.token);
  await mend();
  const alert = page.getByRole('alert').filter({ hasText: 'The session has moved on' });
  await alert.getByText('Not taken: “No” to “Is the lamp plugged in?”, “Still dark” to “Plug it in”.').waitFor();
  await alert.getByText('Your note is back in its field.').waitFor();
  assert.equal(await page.getByLabel('Note on this step').inputValue(), 'behind the desk');
  await question(page, 'Change the bulb'); // where the other device stands
  const { steps } = await record(people.owner, walk.id);
  assert.deepEqual(steps.filter((s) => s.answer).map((s) => [s.title, s.answer]), [['Is the lamp plugged in?', 'Yes']]);
  await picture(page, 'offline-not-taken');
  await close();
});

test('33: what waits is sent from another page too, and what of it is not taken is said there', async () => {
  const people = await account();
  const lamp = await tree(people.owner);
  const walk = await startSession(people.owner, { treeId: lamp.id });
  const { page, cut, mend, close } = await onALine(people, '/trees');
  await page.getByRole('region', { name: 'In progress' }).getByRole('link').click();
  await question(page, 'Is the lamp plugged in?');
  await page.waitForLoadState('networkidle');
  await cut();
  await page.keyboard.press('2');
  await question(page, 'Plug it in');
  await page.getByRole('link', { name: 'Trees' }).first().click();
  await page.getByRole('heading', { name: 'Trees', exact: true }).waitFor();
  await mend();
  await nothingWaits(page);
  assert.equal((await record(people.owner, walk.id)).currentNode.title, 'Plug it in');
  await page.getByRole('region', { name: 'In progress' }).getByRole('link').click();
  await question(page, 'Plug it in');
  await cut();
  await page.keyboard.press('n');
  await page.getByLabel('Note on this step').fill('half the truth');
  await page.keyboard.press('Escape');
  await page.keyboard.press('2');
  await question(page, 'Change the bulb');
  await page.getByRole('link', { name: 'Trees' }).first().click();
  await page.getByRole('heading', { name: 'Trees', exact: true }).waitFor();
  const { step } = await record(people.owner, walk.id);
  await ask('mutation($input: AbandonSessionInput!) { abandonSession(input: $input) { session { id } } }', { input: { sessionId: walk.id, expectedStep: step, reason: '' } }, people.owner.token);
  await mend();
  await page.getByText('Something you did in a session while the connection was lost was not taken.').waitFor();
  await page.getByRole('button', { name: 'Look at it' }).click();
  const alert = page.getByRole('alert').filter({ hasText: 'Not taken: “Still dark” to “Plug it in”.' });
  await alert.getByText('You had noted: “half the truth”').waitFor();
  await close();
});

test('33: every other change says beside what was pressed that it was not sent, keeps what was typed, and goes through later', async () => {
  const people = await account('ENGINEER');
  const lamp = await tree(people.owner);
  const { importTree } = await ask('mutation($input: ImportTreeInput!) { importTree(input: $input) { tree { id } } }', { input: { format: 'MARKDOWN', content: '# Draft\n\n## Is it a draft?\n\n- Yes → Resolved: It is\n- No → Resolved: It is not\n' } }, people.owner.token);
  await ask('mutation($input: InviteUserInput!) { inviteUser(input: $input) { token } }', { input: { email: `nora-${Date.now()}@example.com`, role: 'ENGINEER' } }, people.owner.token);
  const over = await startSession(people.owner, { treeId: lamp.id });
  await ask('mutation($input: CompleteSessionInput!) { completeSession(input: $input) { session { id } } }', { input: { sessionId: over.id, expectedStep: over.step, outcome: 'UNRESOLVED', reason: 'x' } }, people.owner.token);
  const running = await startSession(people.owner, { treeId: lamp.id, clientName: 'Lamps Ltd' });
  const { page, cut, mend, close } = await onALine(people, '/trees');
  const button = (name) => page.getByRole('button', { name, exact: true }).filter({ visible: true }).first();
  const dialog = page.getByRole('dialog').or(page.getByRole('alertdialog'));
  const within = (name) => dialog.getByRole('button', { name, exact: true });
  const menuItem = async (trigger, name) => {
    await button(trigger).click();
    await page.getByRole('menuitem', { name }).click();
  };
  const changes = {
    'start from the list': ['/trees', async () => {}, () => button('Start Desk lamp stays dark')],
    'start without a tree': ['/trees', async () => {
      await button('Start without a tree').click();
      await page.getByLabel('What is wrong?').fill('Scanner');
    }, () => within('Start')],
    'start from a tree': [`/trees/${lamp.id}`, () => button('Start…').click(), () => within('Start')],
    'start from a link': [`/start?tree=${lamp.id}`, async () => {}, () => page.getByRole('list', { name: 'Ways to go on' }).getByRole('button').first()],
    publish: [`/trees/${importTree.tree.id}`, async () => {}, () => button('Publish')],
    confirm: [`/trees/${lamp.id}`, async () => {}, () => button('Still right')],
    complete: [`/sessions/${running.id}`, async () => {
      await button('Complete').click();
      await dialog.getByLabel('Why, in a sentence').fill('By hand.');
    }, () => within('Complete')],
    'give up': [`/sessions/${running.id}`, () => menuItem('More', 'Give up…'), () => within('Give it up')],
    'own step': [`/sessions/${running.id}`, async () => {
      await page.keyboard.press('0');
      await dialog.getByLabel('What you asked or tried').fill('Shook it');
    }, () => within('Add the step')],
    details: [`/sessions/${running.id}`, () => menuItem('More', 'Ticket, client, subject…'), () => within('Save')],
    'make a client': [`/sessions/${running.id}`, async () => {}, () => button('Make it a client')],
    reopen: [`/sessions/${over.id}`, async () => {}, () => button('Reopen')],
    invite: ['/account/members', async () => {
      await button('Invite…').click();
      await dialog.getByLabel('E-mail').fill('sam@example.com');
    }, () => within('Make the link')],
    withdraw: ['/account/members', async () => {}, () => button('Withdraw')],
    role: ['/account/members', async () => {
      await menuItem('What to do about Erin Engineer', 'Change the role…');
      await dialog.getByRole('button', { name: /Role/ }).click();
      await page.getByRole('option', { name: /^Admin/ }).click();
    }, () => within('Make admin')],
    disable: ['/account/members', () => menuItem('What to do about Erin Engineer', 'Disable…'), () => within('Disable')],
    password: ['/account/me', async () => {
      await page.getByLabel('Present password').fill(password);
      await page.getByLabel('New password').fill('another lamp in every window');
    }, () => button('Change the password')],
    policy: ['/account/security', () => page.getByText('Strict', { exact: true }).first().click(), () => button('Save')],
    'sign everybody out': ['/account/security', () => button('Sign out on all my devices…').click(), () => within('Sign out everywhere')],
    'sign out': ['/account', () => button(`Your account, ${people.owner.name}`).click(), () => page.getByRole('menuitem', { name: 'Sign out' })],
  };
  for (const [what, [path, prepare, press]] of Object.entries(changes)) {
    await page.goto(path);
    await page.waitForFunction(() => document.querySelector('.live')?.textContent === 'Live');
    await page.waitForLoadState('networkidle');
    await prepare();
    await cut();
    await press().click();
    const words = what === 'sign out' ? 'You are still signed in' : 'You are offline, so nothing was sent. Try again when the connection is back.';
    await page.getByText(words).first().waitFor();
    await picture(page, `offline-${what.replaceAll(' ', '-')}`);
    await mend();
    await page.locator('.connection').waitFor({ state: 'detached' });
  }
  // Nothing came through meanwhile, and what is pressed again does.
  const { accountSecurity, sessions } = await ask('{ accountSecurity { policy { preset } } sessions(filter: { scope: TEAM }, first: 100) { nodes { id } } }', {}, people.owner.token);
  assert.equal(accountSecurity.policy.preset, 'STANDARD');
  assert.equal(sessions.nodes.length, 2);
  await page.goto('/account/security');
  await page.getByText('Strict', { exact: true }).first().click();
  await cut();
  await button('Save').click();
  await page.getByText('You are offline, so nothing was sent.').waitFor();
  await mend();
  await page.locator('.connection').waitFor({ state: 'detached' });
  await page.waitForLoadState('networkidle'); // what is on the page was read again, and is no reason to forget what was chosen
  await within('Save the policy').click();
  await page.getByText('Policy saved.').waitFor();
  const { accountSecurity: now } = await ask('{ accountSecurity { policy { preset } } }', {}, people.owner.token);
  assert.equal(now.policy.preset, 'STRICT');
  await close();
});

test('33: a page that was not opened before says that it cannot be now, and opens when the connection is back', async () => {
  const people = await account();
  const { page, cut, mend, close } = await onALine(people, '/trees');
  await page.getByRole('link', { name: 'Trees' }).first().waitFor();
  await cut();
  await page.getByRole('link', { name: 'Sessions' }).first().dispatchEvent('click');
  await page.getByRole('alert').getByText('This part of the app was not loaded before').waitFor();
  await mend();
  await page.getByRole('heading', { name: 'Sessions', exact: true }).waitFor();
  await close();
});

test('33, 34: while the server is stopped a walk goes on, everything else says so, and all is true again when it is back', async () => {
  const server = await start();
  try {
    const login = await fetch(`${server.address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'mutation($input: RegisterInput!) { register(input: $input) { accessToken } }', variables: { input: { accountName: 'Tunnel', name: 'Olivia Owner', email: 'olivia@example.com', password } } }),
    });
    const { data } = await login.json();
    const here = async (query, variables) => {
      const response = await fetch(`${server.address}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${data.register.accessToken}` }, body: JSON.stringify({ query, variables }) });
      return (await response.json()).data;
    };
    const { startSession } = await here('mutation { startSession(input: { subject: "The lamp is dark" }) { session { id step } } }');
    const d = await device(chromium, { baseURL: server.address });
    const { page } = d;
    await signIn(page, { email: 'olivia@example.com', name: 'Olivia Owner' }, `/sessions/${startSession.session.id}`);
    await question(page, 'The lamp is dark');
    await page.waitForFunction(() => document.querySelector('.live')?.textContent === 'Live');
    await server.halt();
    await page.locator('.connection', { hasText: 'Reconnecting' }).waitFor();
    assert.equal(await page.locator('.toast').count(), 0);
    await page.keyboard.press('n');
    await page.getByLabel('Note on this step').fill('while it was away');
    await page.keyboard.press('Control+Enter');
    await page.getByText('1 change waits for the connection.').waitFor();
    await page.getByRole('button', { name: 'Change', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('dialog').getByText('The server did not answer.').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await server.begin();
    await page.locator('.connection').waitFor({ state: 'detached', timeout: 60_000 });
    await nothingWaits(page);
    assert.equal(await page.locator('.toast').count(), 0, 'a toast for what the banner says');
    const { session } = await here('query($id: ID!) { session(id: $id) { step currentNotes { text } } }', { id: startSession.session.id });
    assert.deepEqual([session.step, session.currentNotes.map((n) => n.text)], [startSession.session.step + 1, ['while it was away']]);
    await d.close();
  } finally {
    await server.stop();
  }
});
