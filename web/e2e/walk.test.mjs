// Walking a tree, by keyboard first, against the real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { account, ask, browser, device, password, signIn, tree } from './app.mjs';

let chromium;
before(async () => {
  chromium = await browser();
});
after(() => chromium?.close());

async function walking({ options } = {}) {
  const people = await account('ENGINEER');
  const lamp = await tree(people.owner);
  const d = await device(chromium, { permissions: ['clipboard-read', 'clipboard-write'], ...options });
  await signIn(d.page, people.engineer);
  await d.page.getByRole('button', { name: 'Start Desk lamp stays dark' }).click();
  await question(d.page, 'Is the lamp plugged in?');
  return { ...people, lamp, ...d };
}

const question = (page, title) => page.getByRole('region', { name: 'This step' }).getByRole('heading', { name: title }).waitFor();
const focused = (page) => page.evaluate(() => document.activeElement?.textContent ?? '');

test('35, 36: keys choose and go back, and the new question has the focus', async () => {
  const { page, wrong, close } = await walking();
  await page.getByText('Send an electrician').waitFor({ state: 'hidden' });
  await page.keyboard.press('2');
  await question(page, 'Plug it in');
  await page.waitForFunction(() => document.activeElement?.textContent === 'Plug it in');
  await page.keyboard.press('Backspace');
  await question(page, 'Is the lamp plugged in?');
  await page.keyboard.press('1');
  await question(page, 'Change the bulb');
  await page.keyboard.press('ArrowLeft');
  await question(page, 'Is the lamp plugged in?');
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await page.keyboard.press('Escape');
  assert.deepEqual(wrong, []);
  await close();
});

test('35: keys mean nothing while somebody types, or where they are turned off', async () => {
  const { page, close } = await walking();
  await page.keyboard.press('n');
  await page.getByLabel('Note on this step').pressSequentially('socket 2');
  assert.equal(await page.getByLabel('Note on this step').inputValue(), 'socket 2');
  await question(page, 'Is the lamp plugged in?');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Keyboard shortcuts' }).click();
  await page.getByText('Single keys do something').click();
  await page.keyboard.press('Escape');
  await page.keyboard.press('2');
  await question(page, 'Is the lamp plugged in?');
  await close();
});

test('36: the next step is there before the server has answered', async () => {
  const { page, wrong, close } = await walking();
  let hold = true;
  const held = [];
  await page.locator('.answer .tx', { hasText: 'Plug it in' }).waitFor(); // it knows where answers lead
  await page.route('**/graphql', (route) => (hold && route.request().postDataJSON().query.includes('advanceSession') ? held.push(route) : route.continue()));
  await page.keyboard.press('2');
  await question(page, 'Plug it in');
  await page.waitForFunction(() => document.activeElement?.textContent === 'Plug it in'); // which reads it out
  while (held.length === 0) await page.evaluate(() => 0);
  await page.keyboard.press('2'); // what is chosen there waits for the first one's answer
  await question(page, 'Change the bulb');
  assert.equal(held.length, 1);
  hold = false;
  for (const route of held) await route.continue();
  await page.getByRole('list', { name: 'Path so far' }).getByText('Plug it in').waitFor();
  await question(page, 'Change the bulb');
  assert.deepEqual(wrong, []);
  await close();
});

test('36: a choice that the server refuses is taken back, with its note', async () => {
  const { page, close } = await walking();
  await page.route('**/graphql', (route) =>
    route.request().postDataJSON().query.includes('advanceSession')
      ? route.fulfill({ json: { data: null, errors: [{ message: 'The session has moved on since you saw it.', extensions: { code: 'CONFLICT' } }] } })
      : route.continue(),
  );
  await page.keyboard.press('n');
  await page.getByLabel('Note on this step').fill('loose cable');
  await page.keyboard.press('Escape');
  await page.keyboard.press('2');
  await page.getByRole('alert').getByText('The session has moved on').waitFor();
  await question(page, 'Is the lamp plugged in?');
  assert.equal(await page.getByLabel('Note on this step').inputValue(), 'loose cable');
  await close();
});

test('37: an earlier step says what going back undoes, and the notes are kept', async () => {
  const { page, close } = await walking();
  await page.keyboard.press('n');
  await page.getByLabel('Note on this step').fill('behind the desk');
  await page.keyboard.press('Control+Enter');
  await page.getByRole('group', { name: 'Notes on this step' }).getByText('behind the desk').waitFor();
  await page.keyboard.press('2');
  await question(page, 'Plug it in');
  await page.keyboard.press('2');
  await question(page, 'Change the bulb');
  await page.getByRole('button', { name: 'Is the lamp plugged in?' }).click();
  await page.getByRole('alertdialog').getByText('1 later answer will be undone').waitFor();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Go back' }).click();
  await question(page, 'Is the lamp plugged in?');
  await page.keyboard.press('1');
  await question(page, 'Change the bulb');
  await page.keyboard.press('1');
  await question(page, 'The bulb was broken');
  await page.keyboard.press('1');
  await page.getByRole('dialog').getByRole('button', { name: 'Complete as resolved' }).click();
  await page.getByRole('button', { name: 'Show 2 undone steps' }).click();
  await page.getByText('behind the desk').first().waitFor();
  await close();
});

test('38: a reload, and another device, stand at the same step', async () => {
  const { page, engineer, close } = await walking();
  await page.keyboard.press('2');
  await question(page, 'Plug it in');
  await page.reload();
  await question(page, 'Plug it in');
  // Each step says how long it took, and the whole runs on.
  assert.match(await page.getByRole('list', { name: 'Path so far' }).getByRole('listitem').first().locator('.d').textContent(), /^\d+:\d\d$/);
  assert.match(await page.locator('.timer').textContent(), /^\d+:\d\d$/);
  const other = await device(chromium);
  await signIn(other.page, engineer);
  await other.page.getByRole('region', { name: 'In progress' }).getByRole('link').click();
  await question(other.page, 'Plug it in');
  await other.page.keyboard.press('2');
  await question(other.page, 'Change the bulb');
  await question(page, 'Change the bulb'); // pushed
  await Promise.all([close(), other.close()]);
});

test('11: an unsent note outlives the login', async () => {
  const { page, engineer, owner, close } = await walking();
  await page.keyboard.press('n');
  await page.getByLabel('Note on this step').fill('half a note');
  await ask('mutation($input: RevokeSessionsInput!) { revokeSessions(input: $input) { revokedCount } }', { input: { scope: 'USER', userId: engineer.id } }, owner.token);
  await page.getByRole('link', { name: 'Sign in again' }).click();
  await page.getByLabel('E-mail').fill(engineer.email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await question(page, 'Is the lamp plugged in?');
  assert.equal(await page.getByLabel('Note on this step').inputValue(), 'half a note');
  await close();
});

test('11: who signs out on purpose leaves no unsent note behind', async () => {
  const { page, close } = await walking();
  await page.keyboard.press('n');
  await page.getByLabel('Note on this step').fill('half a note');
  const kept = () => page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('branchline.draft.')).length);
  assert.equal(await kept(), 1);
  await page.getByRole('button', { name: /Your account/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await kept(), 0);
  await close();
});

test('39: the summary is copied for the ticket as it is shown, in every format', async () => {
  const { page, wrong, close } = await walking();
  await page.keyboard.press('1');
  await question(page, 'Change the bulb');
  await page.keyboard.press('c');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Unresolved').click();
  await dialog.getByLabel('Why, in a sentence').fill('The caller hung up.');
  await dialog.getByRole('button', { name: 'Complete', exact: true }).click();
  const record = page.getByLabel('The record as it is copied');
  await record.getByText('The caller hung up.').waitFor();
  await page.getByRole('button', { name: 'Copy for ticket' }).click();
  await page.getByText(/Copied: \d+ lines of text/).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await record.textContent());
  for (const [format, sign] of [['Markdown', /^# /m], ['HTML', /<!doctype html>/i], ['JSON', /"format": "branchline-session/]]) {
    await page.getByRole('radio', { name: format }).click();
    await page.waitForFunction((source) => new RegExp(source, 'im').test(document.querySelector('.ticket pre')?.textContent ?? ''), sign.source);
  }
  await page.getByRole('radio', { name: 'PDF' }).click();
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download' }).click();
  assert.match((await download).suggestedFilename(), /\.pdf$/);
  assert.deepEqual(wrong, []);
  await close();
});

test('40: the history keeps what is chosen in its address, with what goes on on top', async () => {
  const { page, close } = await walking();
  await page.goto('/sessions');
  await page.getByRole('region', { name: 'In progress' }).getByRole('link', { name: /Resume/ }).waitFor();
  await page.getByRole('button', { name: /How they ended/ }).click();
  await page.getByRole('option', { name: 'Unresolved' }).click();
  await page.waitForURL(/outcome=UNRESOLVED/);
  await page.reload();
  await page.getByText('No session matches').waitFor();

  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.waitForURL((url) => url.search === '');
  const picker = page.getByRole('combobox', { name: 'Tree' });
  await picker.fill('lamp');
  await page.getByRole('option', { name: 'Desk lamp stays dark' }).click();
  await page.waitForURL(/tree=/);
  await page.reload();
  await page.waitForFunction(() => document.querySelector('.one-of input')?.value === 'Desk lamp stays dark');

  const today = await page.evaluate(() => new Intl.DateTimeFormat('sv').format(new Date()));
  await page.goto(`/sessions?from=${today}&to=${today}`);
  await page.getByRole('region', { name: 'In progress' }).getByRole('link', { name: /Resume/ }).waitFor();
  await page.getByLabel('To').fill('2020-01-01');
  await page.getByText('These days end before they begin').waitFor();
  await page.getByLabel('From').fill('2019-12-31');
  await page.getByText('No session matches').waitFor();
  await page.getByRole('radio', { name: 'I had a part in' }).click();
  await page.waitForURL(/who=involved/);
  await close();
});

test('40: the history is narrowed to a client and to a ticket, and the address says so', async () => {
  const { page, wrong, close } = await walking();
  await page.keyboard.press('d');
  const dialog = page.getByRole('dialog', { name: 'What is this session for?' });
  await dialog.getByRole('combobox', { name: 'Client' }).fill('Lamps Ltd');
  await page.getByRole('option', { name: 'Make “Lamps Ltd” a client' }).click();
  await dialog.getByLabel('Ticket').fill('INC-7');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.goto('/sessions');
  const running = page.getByRole('region', { name: 'In progress' }).getByRole('link', { name: /Resume/ });
  await page.getByRole('textbox', { name: 'Ticket' }).fill('inc-7'); // as somebody types it
  await page.keyboard.press('Enter');
  await page.waitForURL(/ticket=inc-7/);
  await running.waitFor();
  await page.getByRole('combobox', { name: 'Client' }).fill('lamps');
  await page.getByRole('option', { name: 'Lamps Ltd' }).click();
  await page.waitForURL(/client=/);
  await page.reload();
  await running.waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'Ticket' }).inputValue(), 'inc-7');
  await page.waitForFunction(() => [...document.querySelectorAll('.one-of input')].some((e) => e.value === 'Lamps Ltd'));
  await page.getByRole('textbox', { name: 'Ticket' }).fill('INC-70'); // the whole one, not its beginning
  await page.keyboard.press('Enter');
  await page.getByText('No session matches').waitFor();
  assert.equal(await running.count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

test('a session without a tree is written down by keyboard', async () => {
  const { page, wrong, close } = await walking();
  await page.goto('/trees');
  await page.getByRole('button', { name: 'Start without a tree' }).click();
  await page.getByLabel('What is wrong?').fill('Scanner writes empty files');
  await page.keyboard.press('Enter');
  await question(page, 'Scanner writes empty files');
  await page.keyboard.press('0');
  await page.getByLabel('What you asked or tried').fill('Does the share have room?');
  await page.getByLabel('The answer, or what came of it').fill('No, it is full');
  await page.keyboard.press('Enter');
  await page.getByRole('list', { name: 'Path so far' }).getByText('No, it is full').waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('47: with a thumb on a phone everything can be done', async () => {
  const { page, close } = await walking({ options: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } });
  await page.getByRole('button', { name: 'No', exact: false }).filter({ hasText: /^No/ }).first().tap();
  await question(page, 'Plug it in');
  const tools = page.getByRole('navigation', { name: 'Step tools' });
  await tools.getByRole('button', { name: 'Note' }).tap();
  await page.getByLabel('Note on this step').fill('by thumb');
  await page.getByRole('button', { name: 'Save now' }).tap();
  await page.getByRole('group', { name: 'Notes on this step' }).getByText('by thumb').waitFor();
  await tools.getByRole('button', { name: 'Back' }).tap();
  await question(page, 'Is the lamp plugged in?');
  assert.equal(await focused(page), 'Is the lamp plugged in?');
  await close();
});

test('a tree is found while typing, in spite of a typing error, and says where', async () => {
  const { page, wrong, close } = await walking();
  await page.goto('/trees');
  await page.getByRole('searchbox', { name: 'Search trees' }).fill('electricain');
  await page.getByRole('region', { name: 'Found trees' }).getByRole('link', { name: 'Desk lamp stays dark' }).waitFor();
  await page.waitForURL(/q=electricain/);
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog', { name: 'Find a tree or a page' }).getByRole('searchbox').or(page.getByRole('dialog').getByRole('combobox')).or(page.getByRole('dialog').getByRole('textbox')).first().fill('lamp');
  await page.locator('.menu-item[data-focused]', { hasText: 'Desk lamp' }).waitFor(); // what Enter would choose
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/trees\/tree_/);
  assert.deepEqual(wrong, []);
  await close();
});

test('the map of a tree says each answer over its step, in ink on the desk, and where a walk is in it', async () => {
  const { page, wrong, lamp, close } = await walking({ options: { colorScheme: 'dark', viewport: { width: 1920, height: 1080 } } });
  const map = page.getByRole('region', { name: 'Map', exact: true });
  await map.locator('.way-stop.at').getByText('Is the lamp plugged in?').waitFor();
  await page.keyboard.press('2');
  await map.locator('.way-stop.at').getByText('Plug it in').waitFor();
  await map.locator('.taken').first().waitFor({ state: 'attached' }); // it is drawn when the steps are measured
  assert.equal(await map.locator('.taken').count(), 1);
  await page.goto(`/trees/${lamp.id}`);
  await page.locator('.way-answer').first().waitFor();
  assert.deepEqual(await page.locator('.way-answer').allTextContents(), ['Yes', 'It shines', 'Still dark', 'No', 'It shines', 'Still dark']);
  assert.deepEqual(await page.locator('.reference').allTextContents(), ['Change the bulb']);
  const { ink, desk } = await page.evaluate(() => ({ ink: getComputedStyle(document.querySelector('.way-answer')).color, desk: getComputedStyle(document.querySelector('.react-flow')).backgroundColor }));
  assert.notEqual(ink, desk);
  assert.notEqual(ink, 'rgb(0, 0, 0)');
  assert.deepEqual(wrong, []);
  await close();
});
