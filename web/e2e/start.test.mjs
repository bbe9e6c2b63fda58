// Start links, clients, what was seen before, and the scratchpad, against the real
// server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { account, ask, browser, clean, device, password, picture, signIn, signInByForm, tree } from './app.mjs';

let chromium;
before(async () => {
  chromium = await browser();
});
after(() => chromium?.close());

// A tree that asks for values and shows them and facts of the client.
const vpn = {
  root: 'who',
  nodes: [
    { input: { nodeId: 'who', title: 'Who calls from {{client.name}}?', next: 'dial', fields: [{ name: 'phone', label: 'Phone', type: 'TEXT' }, { name: 'people', label: 'People', type: 'NUMBER' }] } },
    { decision: { nodeId: 'dial', title: 'Does {{client.vpn}} answer?', text: 'Call back on {{phone}}.', options: [{ optionId: 'yes', label: 'Yes', target: 'fine' }, { optionId: 'no', label: 'No', target: 'restart' }] } },
    { solution: { nodeId: 'fine', title: 'It was the client program', text: 'It had an **old** profile.', outcome: 'RESOLVED' } },
    { solution: { nodeId: 'restart', title: 'Restarted {{client.vpn}}', outcome: 'RESOLVED' } },
  ],
};

async function vpnTree(owner, title = 'VPN does not connect') {
  const { createTree } = await ask('mutation($input: CreateTreeInput!) { createTree(input: $input) { tree { id title revision } } }', { input: { title, description: 'From the account to the gateway.', graph: vpn } }, owner.token);
  const { publishTree } = await ask('mutation($input: PublishTreeInput!) { publishTree(input: $input) { version problems { message } } }', { input: { treeId: createTree.tree.id, expectedRevision: createTree.tree.revision, changeNote: '' } }, owner.token);
  assert.equal(publishTree.version, 1, JSON.stringify(publishTree.problems));
  return createTree.tree;
}

const makeClient = async (owner, input) =>
  (await ask('mutation($input: CreateClientInput!) { createClient(input: $input) { client { id name } } }', { input }, owner.token)).createClient.client;
const müller = { name: 'Müller & Söhne', aliases: ['MS Fleischwaren'], ticketKey: 'C-77', facts: [{ name: 'vpn', text: 'hd-vpn-02' }, { name: 'on_site', text: 'Jule, 0421 555 0298' }] };

const startSession = async (person, input) =>
  (await ask('mutation($input: StartSessionInput!) { startSession(input: $input) { session { id step } } }', { input }, person.token)).startSession.session;
const complete = (person, session, reason) =>
  ask('mutation($input: CompleteSessionInput!) { completeSession(input: $input) { session { id } } }', { input: { sessionId: session.id, expectedStep: session.step, outcome: 'RESOLVED', reason } }, person.token);
const sessionOf = async (person, id) =>
  (await ask('query($id: ID!) { session(id: $id) { ticket clientName client { id name } subject treeId scratchpad values { name text } } }', { id }, person.token)).session;
const countOf = async (person) => (await ask('{ sessions(first: 100) { nodes { id } } }', {}, person.token)).sessions.nodes.length;

const apiToken = async (person) =>
  (await ask('mutation($input: LoginInput!) { login(input: $input) { accessToken } }', { input: { email: person.email, password } })).login.accessToken;

/** An account with an owner, who is signed in to a browser and to the API. */
async function desk({ options, roles = [] } = {}) {
  const people = await account(...roles);
  const d = await device(chromium, { permissions: ['clipboard-read', 'clipboard-write'], ...options });
  return { ...people, ...d };
}

const question = (page, title) => page.getByRole('region', { name: 'This step' }).getByRole('heading', { name: title }).waitFor();
const asks = (page, title) => page.getByRole('region', { name: 'Where the link leads' }).getByRole('heading', { name: title }).waitFor();
const way = (page, name) => page.getByRole('list', { name: 'Ways to go on' }).getByRole('listitem').filter({ hasText: name }).locator('button, a');
const beside = (page) => page.getByRole('complementary', { name: 'Beside the walk' });
const pad = (page) => page.getByRole('textbox', { name: 'Scratchpad' });
const sessionId = (page) => new URL(page.url()).pathname.split('/').at(-1);

test('53: a link leads through signing in to the right walk with its values, and starts nothing by itself', async () => {
  const { page, wrong, owner, close } = await desk();
  const { id } = await vpnTree(owner);
  const client = await makeClient(owner, müller);
  const link = `/start?tree=${id}&ticket=007&client=ms%20fleischwaren&subject=VPN+down&value.phone=030+12345&value.people=5`;
  await signInByForm(page, owner, link);
  await asks(page, 'VPN does not connect');
  assert.equal(new URL(page.url()).pathname, '/start');
  await beside(page).getByText('This is Müller & Söhne, C-77').waitFor();
  await beside(page).getByText('030 12345').waitFor();
  assert.equal(await page.getByLabel('Ticket (optional)').inputValue(), '007');
  await page.getByText('4 steps, version 1').waitFor();
  await picture(page, 'start-known');
  await page.reload();
  await asks(page, 'VPN does not connect');
  assert.equal(await countOf(owner), 0);
  await page.waitForFunction(() => document.activeElement?.textContent === 'VPN does not connect');
  await page.keyboard.press('1');
  await question(page, 'Who calls from Müller & Söhne?');
  assert.equal(await page.getByLabel('Phone').inputValue(), '030 12345');
  const session = await sessionOf(owner, sessionId(page));
  assert.deepEqual([session.ticket, session.client.id, session.subject, session.treeId, session.values.map((v) => v.text)], ['007', client.id, 'VPN down', id, ['030 12345', '5']]);
  assert.deepEqual(wrong, []);
  await close();
});

test('53: a walk of the same ticket is offered for resuming, a colleague’s is named', async () => {
  const { page, wrong, owner, engineer, close } = await desk({ roles: ['ENGINEER'] });
  const { id } = await vpnTree(owner);
  const mine = await startSession(owner, { treeId: id, ticket: 'INC-1', subject: 'VPN down' });
  await startSession({ token: await apiToken(engineer) }, { treeId: id, ticket: 'INC-1', subject: 'No VPN' });
  await signIn(page, owner, `/start?tree=vpn+connect&ticket=inc-1`);
  await asks(page, 'A walk for inc-1 goes on');
  await page.getByText('Erin Engineer has a walk for inc-1:').waitFor();
  await way(page, 'Resume VPN does not connect').waitFor();
  await way(page, 'Start a new one: VPN does not connect').waitFor();
  await picture(page, 'start-resume');
  await page.keyboard.press('1');
  await question(page, /Who calls from/);
  assert.equal(sessionId(page), mine.id);
  await page.goBack();
  await asks(page, 'A walk for inc-1 goes on');
  await page.keyboard.press('2');
  await page.waitForURL((url) => url.pathname.startsWith('/sessions/') && !url.pathname.endsWith(mine.id));
  assert.equal(await countOf(owner), 2);
  assert.deepEqual(wrong, []);
  await close();
});

test('53: what is not known is said, and nothing of it is lost', async () => {
  const { page, wrong, owner, close } = await desk();
  const { id } = await vpnTree(owner);
  await tree(owner);
  await signIn(page, owner, `/start?tree=zzyx+qqblix&client=Hartman&tikcet=1&value.people=many&value.asset=PC-7`);
  await asks(page, 'No tree has “zzyx qqblix”');
  await page.getByText('A start link has no “tikcet”; it was left out.').waitFor();
  await page.getByText('Nobody is known as “Hartman”. It stays as text.').first().waitFor();
  // The words are in the search already.
  const find = page.getByRole('searchbox', { name: 'Search trees' });
  assert.equal(await find.inputValue(), 'zzyx qqblix');
  await picture(page, 'start-unknown');
  await find.fill('vpn');
  await way(page, 'VPN does not connect').click();
  await asks(page, 'VPN does not connect');
  assert.equal(new URL(page.url()).searchParams.get('tree'), id);
  // Its client is made in place, by the walk.
  await page.getByRole('status').getByRole('button', { name: 'Make it a client' }).click();
  await beside(page).getByText('“Hartman” will be made a client.').waitFor();
  // A value that no field takes is mended in place, or goes beside the walk.
  await page.getByText('“People” does not fit.').waitFor();
  const people = page.getByLabel('People');
  assert.equal(await people.inputValue(), 'many');
  assert.equal(await people.getAttribute('aria-invalid'), 'true');
  await beside(page).getByText('The tree does not ask for it; it stands beside the walk.').waitFor();
  await way(page, 'Start the walk').click();
  await question(page, 'Who calls from Hartman?');
  const session = await sessionOf(owner, sessionId(page));
  assert.equal(session.client.name, 'Hartman');
  assert.deepEqual(session.values.map((v) => [v.name, v.text]), [['asset', 'PC-7']]);
  assert.equal(session.scratchpad, 'From the ticket system:\nPeople: many\n');
  // Now they are known, and the value can be mended.
  await page.goto(`/start?tree=${id}&client=Hartman&value.people=many`);
  await beside(page).getByText('A known client').waitFor();
  await people.fill('5');
  await page.getByText('The walk is started with it.').waitFor();
  await page.waitForFunction(() => !document.querySelector('[aria-invalid=true]'));
  await way(page, 'Start the walk').click();
  await question(page, 'Who calls from Hartman?');
  assert.deepEqual((await sessionOf(owner, sessionId(page))).values.map((v) => [v.name, v.text]), [['people', '5']]);
  assert.deepEqual(wrong, []);
  await close();
});

test('53: a tree’s id that leads nowhere, and a link that says nothing, ask which tree it is', async () => {
  const { page, wrong, owner, close } = await desk();
  await vpnTree(owner);
  await signIn(page, owner, '/start?tree=tree_00000000000000000000000000&subject=vpn');
  await asks(page, 'Which tree is it?');
  await page.getByText('There is no such tree, or it is not published.').waitFor();
  await way(page, 'VPN does not connect').waitFor();
  await page.goto('/start');
  await asks(page, 'Which tree is it?');
  await page.getByText('The trees that are used most.').waitFor();
  // Without a tree it needs a subject, and says where.
  await page.keyboard.press('0');
  await page.getByText('Without a tree the session needs a subject').waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'subject');
  await page.keyboard.type('Scanner writes empty files');
  await way(page, 'Start without a tree').click();
  await question(page, 'Scanner writes empty files');
  assert.deepEqual(wrong, []);
  await close();
});

test('53: hostile and broken links are text, bounded, and never too much', async () => {
  const { page, wrong, owner, close } = await desk();
  await vpnTree(owner);
  await signIn(page, owner);
  const evil = '<img src=x onerror="document.title=1"><script>1</script>';
  const long = 'x'.repeat(3000);
  await page.goto(`/start?tree=${encodeURIComponent(evil)}&ticket=${encodeURIComponent(evil)}&client=${encodeURIComponent('\u202egro.elpmaxe\u0000\n')}&subject=${long}&value.phone=${encodeURIComponent(`{{client.name}}${evil}`)}&value.__proto__=1&__proto__=2&${long}=1&value.${long}=2`);
  await asks(page, `No tree has “${evil}”`);
  await page.getByText('Nobody is known as “gro.elpmaxe”. It stays as text.').first().waitFor();
  await page.getByText('“subject” is longer than 200 characters; the rest was left out.').waitFor();
  assert.equal(await page.locator('main img, main script').count(), 0);
  assert.equal((await page.getByLabel('Subject (optional)').inputValue()).length, 200);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  await picture(page, 'start-hostile');
  await page.setViewportSize({ width: 320, height: 640 });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  await page.goto(`/start?${Array.from({ length: 150 }, (_, i) => `value.v${i}=${i}`).join('&')}&tree=%ZZ%FF`);
  await page.getByText('These are 150 values; the first 100 count.').waitFor();
  await way(page, 'Start without a tree').waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('53: a viewer is told whose page it is', async () => {
  const { page, viewer, owner, close } = await desk({ roles: ['VIEWER'] });
  await vpnTree(owner);
  await signIn(page, viewer, '/start?tree=vpn&ticket=1');
  await page.getByRole('heading', { name: 'Only engineers, admins and owners' }).waitFor();
  await close();
});

test('53: the address for the ticket system stands on the tree’s page, and opens it', async () => {
  const { page, wrong, owner, close } = await desk();
  const { id } = await vpnTree(owner);
  await signIn(page, owner, `/trees/${id}`);
  await page.getByRole('button', { name: 'Copy the start link' }).click();
  const template = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(template, /\/start\?tree=tree_.*&ticket=\{ticket\}&client=\{client\}&subject=\{subject\}&value\.phone=\{value\.phone\}&value\.people=\{value\.people\}$/);
  await page.goto(template.replace('{ticket}', 'INC-9')); // the ticket system had nothing else
  await asks(page, 'VPN does not connect');
  assert.equal(await page.getByLabel('Ticket (optional)').inputValue(), 'INC-9');
  assert.equal(await page.getByRole('combobox', { name: 'Client (optional)' }).inputValue(), '');
  assert.equal(await page.getByRole('region', { name: 'Known already' }).count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

test('54: a client is found while typing, by name, alias or key, and its facts stand beside the walk and in its steps', async () => {
  const { page, wrong, owner, close } = await desk();
  const { id } = await vpnTree(owner);
  await makeClient(owner, müller);
  await makeClient(owner, { name: 'Brink & Sons' });
  await signIn(page, owner, `/trees/${id}`);
  await page.getByRole('button', { name: 'Start…' }).click();
  const client = page.getByRole('combobox', { name: 'Client (optional)' });
  for (const typed of ['mull', 'ms fl', 'c-77']) {
    await client.fill(typed);
    await page.getByRole('option', { name: /Müller & Söhne/ }).waitFor();
  }
  await picture(page, 'start-client-list');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('[name=clientName]')?.value === 'Müller & Söhne');
  await page.getByRole('dialog').getByRole('button', { name: 'Start', exact: true }).click();
  await question(page, 'Who calls from Müller & Söhne?');
  const whom = beside(page).getByRole('region', { name: 'For whom' });
  await whom.getByText('hd-vpn-02').waitFor();
  await whom.getByRole('button', { name: 'Copy on site' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'Jule, 0421 555 0298');
  await page.getByLabel('Phone').fill('030 1');
  await page.keyboard.press('Enter');
  await question(page, 'Does hd-vpn-02 answer?');
  await page.getByRole('button', { name: 'Restarted hd-vpn-02' }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('54: a client is made in place: at the start, and beside a walk that goes on', async () => {
  const { page, wrong, owner, close } = await desk();
  const { id } = await vpnTree(owner);
  await signIn(page, owner, `/trees/${id}`);
  await page.getByRole('button', { name: 'Start…' }).click();
  await page.getByRole('combobox', { name: 'Client (optional)' }).fill('Brink & Sons');
  await page.getByRole('option', { name: 'Make “Brink & Sons” a client' }).click();
  await page.getByRole('dialog').getByText('“Brink & Sons” will be made a client.').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Start', exact: true }).click();
  await question(page, 'Who calls from Brink & Sons?');
  assert.equal((await sessionOf(owner, sessionId(page))).client.name, 'Brink & Sons');
  // Beside the walk: somebody else, first as text, then as a client.
  await page.keyboard.press('d');
  const dialog = page.getByRole('dialog', { name: 'What is this session for?' });
  const client = dialog.getByRole('combobox', { name: 'Client' });
  await client.fill('Lindner Law');
  await dialog.getByText('Nobody is known as “Lindner Law”. It stays as text.').waitFor();
  await page.keyboard.press('Escape'); // the list first
  await dialog.getByLabel('Ticket').fill('INC-5');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  const whom = beside(page).getByRole('region', { name: 'For whom' });
  await whom.getByRole('button', { name: 'Make it a client' }).click();
  await page.getByText('“Lindner Law” is a client now').waitFor();
  await question(page, 'Who calls from Lindner Law?');
  const session = await sessionOf(owner, sessionId(page));
  assert.deepEqual([session.client.name, session.ticket], ['Lindner Law', 'INC-5']);
  assert.deepEqual(wrong, []);
  await close();
});

test('54: what was seen before stands at the start and beside the walk, one click to read', async () => {
  const { page, wrong, owner, engineer, close } = await desk({ roles: ['ENGINEER'] });
  const { id } = await vpnTree(owner);
  const client = await makeClient(owner, müller);
  const erin = { token: await apiToken(engineer) };
  const before = await startSession(owner, { treeId: id, clientId: client.id, subject: 'VPN drops at noon' });
  await complete(owner, before, 'The lease was too short.');
  await complete(owner, await startSession(owner, { treeId: id, clientName: 'Brink', subject: 'VPN drops every day at noon' }), 'Somebody else’s cable.');
  const theirs = await startSession(erin, { treeId: id, clientId: client.id, subject: 'Printer' });
  await signIn(page, owner, `/start?tree=${id}&client=C-77&subject=VPN+drops+noon`);
  const seen = page.getByRole('region', { name: 'Seen before' });
  const line = seen.getByRole('button', { name: /Resolved: VPN does not connect.*The lease was too short/ });
  await line.click();
  await seen.getByText('“VPN drops at noon”').waitFor();
  await seen.getByRole('heading', { name: 'Others with the same problem' }).waitFor();
  await seen.getByRole('button', { name: /Somebody else’s cable/ }).waitFor();
  await seen.getByRole('button', { name: /In progress: VPN.*Erin Engineer has it/ }).waitFor();
  await picture(page, 'start-seen');
  await way(page, 'Start the walk').click();
  await question(page, /Who calls/);
  await beside(page).getByRole('region', { name: 'Seen before' }).getByRole('button', { name: /The lease was too short/ }).click();
  await picture(page, 'runner-seen');
  await beside(page).getByRole('link', { name: 'Open its record' }).click();
  await page.waitForURL(new RegExp(before.id));
  await page.getByText('The lease was too short.').first().waitFor();
  // An engineer reads what helped, but not the owner's record.
  const other = await device(chromium);
  await signIn(other.page, engineer, `/sessions/${theirs.id}`);
  await question(other.page, /Who calls/);
  await beside(other.page).getByRole('button', { name: /The lease was too short/ }).click();
  await beside(other.page).getByText('Its record is not yours to read; ask Olivia Owner.').waitFor();
  assert.deepEqual([...wrong, ...other.wrong], []);
  await Promise.all([close(), other.close()]);
});

async function walkingWithPad(options) {
  const d = await desk(options);
  const lamp = await tree(d.owner);
  const session = await startSession(d.owner, { treeId: lamp.id });
  await signIn(d.page, d.owner, `/sessions/${session.id}`);
  await question(d.page, 'Is the lamp plugged in?');
  const has = async (text) => {
    for (;;) {
      const { scratchpad } = await sessionOf(d.owner, session.id);
      if (scratchpad === text) return;
      await d.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
    }
  };
  return { ...d, session, has };
}

test('the scratchpad is reached by a key, saves itself, outlives a reload, and is in the record only when asked for', async () => {
  const { page, wrong, session, has, close } = await walkingWithPad();
  await page.keyboard.press('?');
  await page.getByRole('dialog').getByText('Write on the scratchpad').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('p');
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Scratchpad');
  await page.keyboard.type('2 lamps are dark\nLTE stick in the cupboard');
  await question(page, 'Is the lamp plugged in?'); // "2" was text
  await has('2 lamps are dark\nLTE stick in the cupboard');
  await page.getByText(/Saved \d\d:\d\d/).waitFor();
  await picture(page, 'runner-pad');
  await page.keyboard.press('Escape');
  await page.keyboard.press('1');
  await question(page, 'Change the bulb');
  await page.reload();
  await page.waitForFunction(() => document.querySelector('.pad')?.value === '2 lamps are dark\nLTE stick in the cupboard');
  await page.getByRole('button', { name: 'Complete' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Why, in a sentence').fill('Done by hand.');
  await dialog.getByLabel('Note (optional)').fill('bulb kept');
  await dialog.getByRole('button', { name: 'Complete', exact: true }).click();
  const record = page.getByLabel('The record as it is copied');
  await record.getByText('bulb kept').waitFor();
  assert.equal((await record.textContent()).includes('LTE stick'), false);
  await page.getByText('Scratchpad', { exact: true }).first().click();
  await record.getByText('LTE stick in the cupboard').waitFor();
  // It goes on after the end, when the notes go into the ticket.
  await pad(page).fill('sent');
  await has('sent');
  await page.waitForURL(new RegExp(session.id));
  assert.deepEqual(wrong, []);
  await close();
});

test('two windows write on one scratchpad, and nothing is lost', async () => {
  const { page, context, wrong, session, has, close } = await walkingWithPad();
  const other = await context.newPage();
  await other.goto(`/sessions/${session.id}`);
  await question(other, 'Is the lamp plugged in?');
  await pad(page).fill('from the first');
  await has('from the first');
  await other.waitForFunction(() => document.querySelector('.pad')?.value === 'from the first'); // live
  // Both write before either has heard of the other one.
  let hold = true;
  const held = [];
  await other.route('**/graphql', (route) => (hold && route.request().postDataJSON().query.includes('updateScratchpad') ? held.push(route) : route.continue()));
  await pad(other).fill('from the first\nfrom the second');
  await other.getByText('Saving…').waitFor();
  await pad(page).fill('above\nfrom the first');
  await has('above\nfrom the first');
  hold = false;
  for (const route of held) await route.continue();
  await has('above\nfrom the first\nfrom the second');
  const both = () => document.querySelector('.pad')?.value === 'above\nfrom the first\nfrom the second';
  await Promise.all([page.waitForFunction(both), other.waitForFunction(both)]);
  assert.deepEqual(wrong, []);
  await close();
});

test('a scratchpad that cannot be saved says so, keeps the text, and saves it later', async () => {
  const { page, owner, session, has, close } = await walkingWithPad();
  let broken = true;
  await page.route('**/graphql', (route) => (broken && route.request().postDataJSON().query.includes('updateScratchpad') ? route.abort() : route.continue()));
  await pad(page).fill('while the line was down');
  await page.getByRole('alert').getByText('Not saved.').waitFor();
  await picture(page, 'runner-pad-not-saved');
  await page.reload();
  await question(page, 'Is the lamp plugged in?');
  assert.equal(await pad(page).inputValue(), 'while the line was down');
  assert.equal((await sessionOf(owner, session.id)).scratchpad, '');
  await page.getByRole('alert').getByText('Not saved.').waitFor();
  broken = false;
  await page.getByRole('alert').getByRole('button', { name: 'Try again' }).click();
  await has('while the line was down');
  await close();
});

test('who watches a walk reads its scratchpad as it is written, and cannot write on it', async () => {
  const { page, wrong, admin, session, has, close } = await walkingWithPad({ roles: ['ADMIN'] });
  const other = await device(chromium);
  await signIn(other.page, admin, `/sessions/${session.id}`);
  await question(other.page, 'Is the lamp plugged in?');
  await pad(page).fill('seen by others');
  await has('seen by others');
  await beside(other.page).getByText('seen by others').waitFor();
  assert.equal(await pad(other.page).count(), 0);
  assert.deepEqual([...wrong, ...other.wrong], []);
  await Promise.all([close(), other.close()]);
});

test('46, 47: the start page and the walk beside its client are clean, in light and dark, at every size', async () => {
  const { page, wrong, owner, close } = await desk();
  const { id } = await vpnTree(owner);
  const client = await makeClient(owner, müller);
  await complete(owner, await startSession(owner, { treeId: id, clientId: client.id, subject: 'VPN drops at noon' }), 'The lease was too short.');
  const running = await startSession(owner, { treeId: id, clientId: client.id, ticket: 'INC-1', subject: 'VPN drops' });
  await ask('mutation($input: UpdateScratchpadInput!) { updateScratchpad(input: $input) { session { id } } }', { input: { sessionId: running.id, text: 'Jule on the phone, reception is full.\nRouter restarted by the cleaner?', expectedRevision: 0 } }, owner.token);
  await signIn(page, owner);
  for (const [name, path, sign] of [
    ['start', `/start?tree=${id}&ticket=INC-2&client=C-77&subject=VPN+drops&value.people=many&value.phone=030+1&value.asset=PC-7`, 'The lease was too short'],
    ['start-open', `/start?tree=${id}&ticket=INC-1&client=Nobody`, 'A walk for INC-1 goes on'],
    ['start-choose', '/start?tree=zzyx+qqblix&subject=dark', 'No tree has “zzyx qqblix”'],
    ['runner-client', `/sessions/${running.id}`, 'The lease was too short'],
  ]) {
    await page.goto(path);
    await page.getByText(sign).first().waitFor();
    await clean(page, name);
  }
  assert.deepEqual(wrong, []);
  await close();
});
