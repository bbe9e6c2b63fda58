// Every list of the app in the states that are not its rows: on its way, not to be had,
// and empty, with the one thing to do next.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessibilityFaults, account, ask, browser, device, picture, signIn, tree } from './app.mjs';

let chromium;
let people;
let lamp;
let walk;
before(async () => {
  chromium = await browser();
  people = await account('ENGINEER');
  lamp = await tree(people.owner);
  walk = (await ask('mutation($input: StartSessionInput!) { startSession(input: $input) { session { id step } } }', { input: { treeId: lamp.id, subject: 'It is dark', ticket: 'INC-1', clientName: 'Lamps Ltd', createClient: true } }, people.owner.token)).startSession.session;
});
after(() => chromium?.close());

/**
 * Where each list is, the operation that reads it, what its outlines are called, what is said
 * where it cannot be had, and what stands there once it can.
 */
const lists = () => ({
  trees: ['/trees', 'TreeList', 'Loading trees', 'The trees could not be loaded.', 'Desk lamp stays dark'],
  'found trees': ['/trees?q=bulb', 'TreeSearch', 'Searching trees', 'The trees could not be searched.', 'Change the bulb'],
  categories: ['/trees', 'Shelves', undefined, 'The categories could not be loaded.', undefined],
  'walks in progress': ['/trees', 'RunningWalks', undefined, 'Your walks in progress could not be loaded.', 'Resume →'],
  'a tree and its versions': [`/trees/${lamp.id}`, 'OneTree', 'Loading the tree', 'The tree could not be shown.', 'Versions'],
  'walks of a tree': [`/trees/${lamp.id}`, 'RecentWalks', 'Loading the latest walks', 'The walks could not be loaded.', 'INC-1'],
  'how walks end': [`/trees/${lamp.id}`, 'TreeFigures', undefined, 'How its walks end could not be loaded.', '1 walk, none completed yet.'],
  sessions: ['/sessions?outcome=IN_PROGRESS', 'SessionList', 'Loading sessions', 'The sessions could not be loaded.', 'It is dark'],
  'a session': [`/sessions/${walk.id}`, 'Walk', 'Loading the session', 'The session could not be shown.', 'Is the lamp plugged in?'],
  'trees to start': ['/start', 'MostUsed', 'Searching trees', 'The trees could not be searched.', 'The trees that are used most.'],
  'a start link': ['/start?ticket=INC-1', 'ReadStartLink', 'Reading the link', 'The link could not be read.', 'A walk for INC-1 goes on'],
  'seen before': ['/start?client=Lamps+Ltd', 'SeenBefore', 'Looking for what was seen before', 'What was seen before could not be read.', 'Seen before'],
  members: ['/account/members', 'Members', 'Loading the members', 'The members could not be loaded.', 'Erin Engineer'],
  devices: ['/account/me', 'MyDevices', 'Loading your devices', 'Your devices could not be loaded.', ', this device'],
  policy: ['/account/security', 'SecurityPolicy', 'Loading the policy', 'The policy could not be loaded.', 'Custom'],
  'who is signed in': ['/account/security', 'WatchSignedIn', 'Loading who is signed in', 'The list could not be loaded.', '(you)'],
  'the audit log': ['/account/security/log', 'LogPage', 'Loading the audit log', 'The log could not be loaded.', 'Olivia Owner opened the account.'],
});

const internal = [{ message: 'Internal error.', extensions: { code: 'INTERNAL_SERVER_ERROR', errorId: '7f3a-91c2' } }];

test('49: a list that is on its way shows outlines, late; one that cannot be had says so, with the request’s id, and is asked for again', async () => {
  const { page, context, wrong, close } = await device(chromium);
  // What is asked for under this name is held, then broken, and then answered.
  let name;
  let broken;
  const held = new Set();
  const release = () => {
    broken = true;
    for (const fail of held) fail();
    held.clear();
  };
  await context.route('**/graphql', (route) => {
    if (!new RegExp(`(query|mutation) ${name}\\b`).test(route.request().postDataJSON()?.query ?? '')) return route.continue();
    const fail = () => route.fulfill({ json: { data: null, errors: internal } });
    return broken === undefined ? held.add(fail) : broken ? fail() : route.continue();
  });
  await context.routeWebSocket('**/graphql', (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const { type, id, payload } = JSON.parse(text);
      if (type !== 'subscribe' || payload.operationName !== name || broken === false) return server.send(text);
      const fail = () => socket.send(JSON.stringify({ id, type: 'error', payload: internal }));
      if (broken) fail();
      else held.add(fail);
    });
  });
  await signIn(page, people.owner);
  for (const [what, [path, operation, loading, failed, rows]] of Object.entries(lists())) {
    [name, broken] = [operation, undefined];
    await page.goto(path);
    if (loading) {
      const outlines = page.getByRole('status', { name: loading }).first();
      await outlines.waitFor();
      const style = await outlines.evaluate((e) => [getComputedStyle(e).animationDelay, getComputedStyle(e).animationFillMode, e.querySelectorAll('.skel').length > 0]);
      assert.deepEqual(style, ['0.2s', 'both', true], what);
    }
    while (held.size === 0) await page.evaluate(() => 0);
    release();
    const alert = page.getByRole('alert').filter({ hasText: failed }).filter({ visible: true }).first();
    await alert.getByText('Request 7f3a-91c2').waitFor();
    if (loading) assert.equal(await page.getByRole('status', { name: loading }).count(), 0, `${what}: outlines stand beside the error`);
    await picture(page, `list-failed-${what.replaceAll(' ', '-')}`);
    broken = false;
    await alert.getByRole('button', { name: 'Try again' }).click();
    await alert.waitFor({ state: 'detached' });
    if (rows) await page.getByText(rows).filter({ visible: true }).first().waitFor();
  }
  assert.deepEqual(wrong, []);
  await close();
});

test('49: lists to choose from say that they look, that there is nothing, and why there cannot be anything', async () => {
  const { owner } = await account();
  const { page, wrong, close } = await device(chromium);
  let broken = false;
  await page.route('**/graphql', (route) =>
    broken && /query (FindTrees|ClientsLike|TreeTitles|ClientNames)\b/.test(route.request().postDataJSON().query) ? route.fulfill({ json: { data: null, errors: internal } }) : route.continue(),
  );
  await signIn(page, owner, '/sessions');
  for (const [field, button, none] of [['Tree', 'Show trees', 'No tree is called that.'], ['Client', 'Show clients', 'No client is called that.']]) {
    await page.getByRole('combobox', { name: field }).fill('zzyx');
    await page.getByText(none).waitFor();
    await page.keyboard.press('Escape');
    broken = true;
    await page.getByRole('combobox', { name: field }).fill('qqblix');
    await page.getByText('Internal error.').waitFor();
    broken = false;
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: button }).waitFor();
  }
  await page.keyboard.press('Control+k');
  const menu = page.getByRole('dialog', { name: 'Find a tree or a page' });
  await menu.getByPlaceholder('Find a tree or a page').fill('zzyx');
  await menu.getByText('Nothing has these words. Try fewer or other ones.').waitFor();
  broken = true;
  await menu.getByPlaceholder('Find a tree or a page').fill('qqblix');
  await menu.getByRole('alert').getByText('The trees could not be searched.').waitFor();
  await menu.getByText('Request 7f3a-91c2').waitFor();
  await menu.getByRole('button', { name: 'Try again' }).waitFor();
  await page.keyboard.press('Escape');
  const openClients = async () => {
    await page.goto('/trees');
    await page.getByRole('button', { name: /Take a call now/ }).click();
    await page.getByRole('dialog').getByRole('combobox', { name: /Client/ }).focus();
    await page.keyboard.press('ArrowDown');
  };
  await openClients();
  await page.getByText('Internal error.').waitFor();
  broken = false;
  await openClients();
  await page.getByText('No clients yet. Type a name to make the first one.').waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('49: where there is nothing yet, it says what belongs there, and leads to the one next thing', async () => {
  const { owner } = await account();
  const { page, wrong, close } = await device(chromium);
  /** A page says this, and its next thing is this, which leads to that. */
  const says = async (path, text, action, leads) => {
    await page.goto(path);
    await page.getByText(text).filter({ visible: true }).first().waitFor();
    assert.deepEqual(await accessibilityFaults(page), [], path);
    if (!action) return;
    await page.locator('.empty, .answers').getByText(action).first().click();
    await leads();
  };
  const at = (path) => () => page.waitForURL((url) => url.pathname + url.search === path);
  const dialog = (name) => () => page.getByRole('dialog', { name }).waitFor();
  await signIn(page, owner);
  await says('/trees', 'This account has no trees yet.', 'Paste a runbook', dialog('Paste a runbook'));
  await says('/trees?show=drafts', 'You have no drafts', 'Show all trees', at('/trees'));
  await says('/trees?show=due', 'Nothing is due for review', 'Show all trees', at('/trees'));
  await says('/sessions', 'No sessions here yet', 'Choose a tree', at('/trees'));
  await says('/sessions?ticket=INC-9', 'No session matches', 'Show all sessions', at('/sessions'));
  await says('/account/members', 'Nobody is invited now', 'Invite a colleague…', dialog(/Invite/));
  await says('/account/security/log?kind=CLIENT_DELETED', 'Nothing here matches', 'Show all entries', at('/account/security/log'));
  await says('/start', 'Say for whom it is or what is wrong, and what was seen before stands here.', 'Start without a tree', () => page.getByText('Without a tree the session needs a subject: what is wrong?').waitFor());
  await says('/start?subject=zzyx', 'Nothing like it.');
  // A tree nobody has walked, and one that was never published.
  const walked = await tree(owner);
  await says(`/trees/${walked.id}`, 'Nobody has walked it yet', 'Start a walk…', dialog(/Start/));
  await says('/trees?q=zzyx+qqblix', 'Nothing has these words', 'Start without a tree', dialog('Start without a tree'));
  const { importTree } = await ask('mutation($input: ImportTreeInput!) { importTree(input: $input) { tree { id } } }', { input: { format: 'MARKDOWN', content: '# Draft\n\n## Is it a draft?\n\n- Yes → Resolved: It is\n- No → Resolved: It is not\n' } }, owner.token);
  await says(`/trees/${importTree.tree.id}`, 'It was never published');
  await page.getByRole('button', { name: 'Publish' }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
  // Who may only read is told whose turn it is.
  const { viewer } = await account('VIEWER');
  const other = await device(chromium);
  await signIn(other.page, viewer);
  await other.page.getByText('An engineer of your account has to publish the first one.').waitFor();
  assert.deepEqual(other.wrong, []);
  await other.close();
});
