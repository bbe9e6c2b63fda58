// A support team's days over the API, as its people live them: each has a client of
// their own (urql, Apollo Client, or fetch with graphql-ws) and half of them talk to
// another server on the same database.
//
//   node stories.mjs [http://localhost:8000 [http://localhost:8001]]
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { Refusal, apolloClient, ask, attemptId, plainClient, say, urqlClient } from './clients.mjs';

const [hereURL = 'http://localhost:8000', thereURL = hereURL] = process.argv.slice(2);
const unique = randomBytes(4).toString('hex');

// --- People.
const person = (url, make, { email, password }, signedIn) => ({
  ...make(url, () => signedIn.accessToken),
  ...signedIn.user,
  email,
  password,
  signedIn,
});

async function openAccount() {
  const olivia = { name: 'Olivia Owner', email: `olivia-${unique}@fabrikam.example`, password: `correct horse ${unique}` };
  return person(hereURL, plainClient, olivia, await ask(hereURL, 'register', { input: { accountName: `Fabrikam ${unique}`, ...olivia } }));
}

async function join(owner, name, url, make) {
  const email = `${name.split(' ')[0].toLowerCase()}-${unique}@fabrikam.example`;
  const { token } = await owner.ask('invite-user', { input: { email, role: 'ENGINEER' } });
  const password = `battery staple ${name} ${unique}`;
  return person(url, make, { email, password }, await ask(url, 'accept-invitation', { input: { token, name, password } }));
}

/** Asks for what has to be refused, and returns the refusal. */
async function refused(who, code, name, variables) {
  try {
    await who.ask(name, variables);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    assert.equal(error.extensions.code, code, error.message);
    return error;
  }
  assert.fail(`${who.name}: ${name} was not refused`);
}

// --- What they do in every story.
async function published(who, file, change = (text) => text) {
  const content = change(await readFile(new URL(file, import.meta.url), 'utf8'));
  const { tree, problems } = await who.ask('import-tree', { input: { format: 'MARKDOWN', content } });
  assert.deepEqual(problems.filter((p) => p.severity === 'ERROR'), [], `${file} has no errors`);
  const { version, problems: open } = await who.ask('publish-tree', { input: { treeId: tree.id, expectedRevision: tree.revision } });
  assert.equal(version, 1, JSON.stringify(open));
  return tree;
}

/** Changes a session and returns it as it is now. */
const act = async (who, name, input) => (await who.ask(name, { input: { idempotencyKey: attemptId(), ...input } })).session;

/** Answers the question that a session stands at. */
function choose(who, session, label, more = {}) {
  const option = session.currentNode.options?.find((o) => o.label.startsWith(label));
  assert.ok(option, `"${label}" is an answer to "${session.currentNode.title}"`);
  return act(who, 'advance-session', { sessionId: session.id, expectedStep: session.step, optionId: option.optionId, ...more });
}

/** Goes on where there is nothing to choose. */
const goOn = (who, session, more = {}) => act(who, 'advance-session', { sessionId: session.id, expectedStep: session.step, ...more });

/** Waits until a watcher of a session shows what find looks for, and returns the session. */
const shows = async (watcher, what, find) => (await watcher.see(what, (e) => e.session && find(e.session))).session;

const owner = await openAccount();
const [juno, sam, sue] = await Promise.all([
  join(owner, 'Juno Junior', thereURL, urqlClient),
  join(owner, 'Sam Senior', hereURL, apolloClient),
  join(owner, 'Sue Senior', thereURL, plainClient),
]);
const printer = await published(owner, 'runbook.md');

await tell('Juno is stuck, and two seniors want to help', async () => {
  const queues = await Promise.all([sam, sue].map((who) => who.watch('escalation-queue')));
  for (const queue of queues) {
    const first = await queue.see('queue', () => true);
    assert.deepEqual(first.escalations, [], `${queue.name} begins with the whole queue`);
  }

  let session = await act(juno, 'start-session', { treeId: printer.id, ticket: 'INC-1', subject: 'Nothing prints' });
  const screen = await juno.watch('watch-session', { id: session.id });
  session = await choose(juno, session, 'No', { note: 'The display is dark.' });
  const asked = await act(juno, 'escalate-session', { sessionId: session.id, expectedStep: session.step, urgency: 'HIGH', reason: 'I cannot find the power strip.' });
  const card = { sessionId: session.id, escalationStep: asked.escalation.step };

  for (const queue of queues) {
    const { changed } = await queue.see('card', (e) => e.changed?.length);
    assert.equal(changed[0].reason, 'I cannot find the power strip.');
    assert.equal(changed[0].askedBy.name, 'Juno Junior');
  }
  const { escalations: [tried] } = await sam.ask('escalations');
  assert.equal(tried.tried[0].answer, 'No', 'the card says what was tried');
  assert.equal(tried.tried[0].notes[0].text, 'The display is dark.', 'and what it showed');

  // A hint, at which the call for help stays open.
  await act(sue, 'answer-escalation', { ...card, hint: 'It is behind the plant.', keepOpen: true });
  const hinted = await shows(screen, 'hint', (s) => s.currentNotes.some((n) => n.text === 'It is behind the plant.'));
  assert.equal(hinted.currentNotes.at(-1).by.name, 'Sue Senior');
  assert.ok(hinted.escalation, 'Juno still waits for help');

  // A suggestion, which Juno accepts. It moves nothing by itself.
  await sam.ask('suggest-step', { input: { sessionId: session.id, text: 'Press the switch twice.' } });
  const suggested = await shows(screen, 'suggestion', (s) => s.suggestions.length);
  assert.equal(suggested.suggestions[0].by.name, 'Sam Senior');
  const accepted = await act(juno, 'respond-to-suggestion', {
    sessionId: session.id, expectedStep: suggested.step, suggestion: suggested.suggestions[0].number, accept: true,
  });
  assert.deepEqual(accepted.suggestions, []);
  const recorded = accepted.events.find((e) => e.kind === 'SUGGESTION');
  assert.equal(recorded.accepted, true, 'it is recorded that Juno took it');

  // Both claim at once. One wins; the other is told who.
  const claims = await Promise.allSettled([sam, sue].map((who) => act(who, 'claim-session', card)));
  const won = claims.findIndex((c) => c.status === 'fulfilled');
  const [winner, loser] = won === 0 ? [sam, sue] : [sue, sam];
  const lost = claims[1 - won].reason;
  assert.equal(claims.filter((c) => c.status === 'fulfilled').length, 1, 'one claim wins');
  assert.equal(lost.extensions.code, 'CONFLICT');
  assert.equal(lost.extensions.heldBy, winner.name);
  assert.match(lost.text, new RegExp(winner.name), `${loser.name} is told who has it`);
  const taken = await shows(screen, 'claim', (s) => s.heldBy.name !== 'Juno Junior');
  assert.equal(taken.heldBy.name, winner.name, 'Juno sees who helps');
  for (const queue of queues) {
    const { left } = await queue.see('end of the card', (e) => e.left?.length);
    assert.equal(left[0].end, 'CLAIM');
    assert.equal(left[0].endedBy.name, winner.name);
  }
  session = await choose(winner, claims[won].value, 'Yes');
  await shows(screen, `${winner.name}'s step`, (s) => s.steps.some((step) => step.by.name === winner.name && step.answer === 'Yes'));
  // From now on Juno watches.
  await refused(juno, 'FORBIDDEN', 'advance-session', { input: { sessionId: session.id, expectedStep: session.step } });
});

await tell('No tree fits, so one is made of the work', async () => {
  // Juno works from a subject alone.
  let session = await act(juno, 'start-session', { subject: 'The beamer shows no picture' });
  const steps = [['Is the cable in?', 'No'], ['Plug the cable in', 'There is a picture']];
  for (const [title, words] of steps) session = await act(juno, 'add-step', { sessionId: session.id, expectedStep: session.step, title, answer: words });
  session = await act(juno, 'complete-session', { sessionId: session.id, expectedStep: session.step, outcome: 'RESOLVED', reason: 'The cable was out.' });

  // The draft has the way that was gone; its open ends are named.
  const { tree, problems } = await juno.ask('draft-tree-from-session', { input: { sessionId: session.id, title: 'The beamer shows no picture' } });
  const open = problems.filter((p) => p.severity === 'ERROR');
  assert.ok(open.length > 0 && open.every((p) => p.code === 'MISSING_TARGET'), JSON.stringify(problems));
  const early = await juno.ask('publish-tree', { input: { treeId: tree.id, expectedRevision: tree.revision } });
  assert.equal(early.version, null, 'what is open is not published');

  // Juno leads the open ways to the technician.
  const { graph, revision } = await juno.ask('tree', { id: tree.id });
  const technician = { nodeId: 'technician', title: 'Send a technician', text: 'Say which room.', outcome: 'ESCALATED' };
  const input = { root: graph.root, nodes: [...graph.nodes.map(nodeInput), { solution: technician }] };
  for (const { decision, action } of input.nodes) {
    for (const option of decision?.options ?? action?.options ?? []) option.target ||= 'technician';
  }
  const saved = await juno.ask('update-tree', { input: { treeId: tree.id, expectedRevision: revision, graph: input } });
  assert.deepEqual(saved.tree.problems.filter((p) => p.severity === 'ERROR'), []);
  await refused(sam, 'CONFLICT', 'update-tree', { input: { treeId: tree.id, expectedRevision: revision, title: 'Mine' } });
  const now = await juno.ask('publish-tree', { input: { treeId: tree.id, expectedRevision: saved.tree.revision, changeNote: 'From a call.' } });
  assert.equal(now.version, 1);

  // Sam walks it. At the second node he does what the tree does not know.
  session = await act(sam, 'start-session', { treeId: tree.id, subject: 'Beamer in room 4' });
  assert.equal(session.currentNode.title, 'Is the cable in?');
  session = await choose(sam, session, 'No');
  const own = await act(sam, 'add-step', { sessionId: session.id, expectedStep: session.step, title: 'Clean the plug', answer: 'It was dusty' });
  assert.equal(own.steps.at(-1).own, true);
  session = await choose(sam, { ...session, step: own.step }, 'There is a picture');
  await act(sam, 'complete-session', { sessionId: session.id, expectedStep: session.step });

  // Juno, whose tree it is, is offered the step and takes it into the next version.
  const offers = await juno.ask('tree-offers', { first: 10 });
  assert.equal(offers.totalCount, 1);
  assert.equal(offers.nodes[0].title, 'Clean the plug');
  assert.equal(offers.nodes[0].offeredBy.name, 'Sam Senior');
  const taken = await juno.ask('accept-tree-offer', { input: { offerId: offers.nodes[0].id, expectedRevision: now.tree.revision } });
  assert.equal(taken.offer.status, 'ACCEPTED');
  assert.equal(taken.tree.nodeCount, saved.tree.nodeCount + 1);
  const better = await juno.ask('tree', { id: tree.id });
  assert.ok(better.graph.nodes.some((n) => n.title === 'Clean the plug'), 'the draft has the step');
});

await tell('The same client calls again', async () => {
  const vpn = await published(owner, 'vpn.md');
  const { client } = await sue.ask('create-client', {
    input: { name: 'Müller & Söhne', aliases: ['MS Fleischwaren'], ticketKey: 'C-77', facts: [{ name: 'vpn', text: 'vpn.mueller.example' }] },
  });

  // While Juno types what the caller says, the alias is enough.
  const { nodes: found } = await juno.ask('clients', { query: 'ms fleisch', first: 5 });
  assert.deepEqual(found.map((c) => c.name), ['Müller & Söhne']);

  // The link in the ticket leads to the tree and the client.
  const link = { tree: 'vpn connect', ticket: 'INC-3', clientName: 'MS Fleischwaren', subject: 'VPN down', values: [{ name: 'phone', text: '030 12345' }] };
  const { tree, client: known, openSessions, values } = await juno.ask('start-link', { input: link });
  assert.deepEqual([tree.id, known.id, openSessions], [vpn.id, client.id, []]);
  assert.equal(values[0].isAskedFor, true, 'the tree asks for the phone');
  let session = await act(juno, 'start-session', { treeId: tree.id, ticket: link.ticket, clientId: known.id, subject: link.subject, values: link.values });
  session = await goOn(juno, session, { values: link.values });
  assert.equal(session.currentNode.title, 'Dial vpn.mueller.example from here', 'the node shows the fact of the client');

  // Sam follows the same link and sees who has it. Juno hands it over, and he goes on.
  const { openSessions: [running] } = await sam.ask('start-link', { input: link });
  assert.deepEqual([running.sessionId, running.heldBy.name, running.isMine], [session.id, 'Juno Junior', false]);
  await act(juno, 'hand-over-session', { sessionId: session.id, expectedStep: session.step, toUserId: sam.id, note: 'Lunch.' });
  const { openSessions: [mine] } = await sam.ask('start-link', { input: link });
  assert.equal(mine.isMine, true, 'the link offers Sam to go on');
  const screen = await sam.watch('watch-session', { id: mine.sessionId });
  const resumed = await shows(screen, 'state', () => true);
  assert.equal(resumed.currentNotes[0].text, 'Lunch.');
  session = await choose(sam, { ...session, step: resumed.step }, 'It answers');
  await act(sam, 'complete-session', { sessionId: session.id, expectedStep: session.step });

  // The next call: what helped is there before the first question. The phone is not.
  const seen = await sue.ask('seen-before', { input: { clientName: 'c-77', subject: 'vpn is down aga' } });
  assert.equal(seen.sameClient[0].sessionId, session.id);
  assert.equal(seen.sameClient[0].outcome, 'RESOLVED');
  assert.equal(seen.sameClient[0].solution, "Restart the caller's VPN program");
  assert.ok(!JSON.stringify(seen).includes('030 12345'));
});

await tell('Two tabs, one scratchpad, and a link for the vendor', async () => {
  const session = await act(sue, 'start-session', { treeId: printer.id, subject: 'The printer in the hall' });
  // The second tab is another client of the same person, on the other server.
  const tab = person(hereURL, apolloClient, sue, await ask(hereURL, 'login', { input: { email: sue.email, password: sue.password } }));
  const screen = await tab.watch('watch-session', { id: session.id });
  await shows(screen, 'state', (s) => s.scratchpad === '');

  const write = (who, text, expectedRevision) => ({ input: { sessionId: session.id, text, expectedRevision } });
  await sue.ask('update-scratchpad', write(sue, 'Serial 4711', 0));
  const first = await shows(screen, 'notes', (s) => s.scratchpad === 'Serial 4711');
  const stale = await refused(tab, 'CONFLICT', 'update-scratchpad', write(tab, 'Room 2.14', 0));
  assert.equal(stale.extensions.scratchpad, 'Serial 4711', 'the tab that comes late is given what it did not see');
  assert.equal(stale.extensions.scratchpadRevision, first.scratchpadRevision);
  const merged = `${stale.extensions.scratchpad}\nRoom 2.14`;
  await tab.ask('update-scratchpad', write(tab, merged, stale.extensions.scratchpadRevision));
  await shows(screen, 'both notes', (s) => s.scratchpad === merged);

  // The vendor opens the link without signing in, until it is revoked.
  const shared = await sue.ask('share-session', { input: { sessionId: session.id, expiresInDays: 1 } });
  const outside = await ask(hereURL, 'shared-session', { token: shared.token, format: 'TEXT' });
  assert.match(outside.file.content, /The printer in the hall/);
  assert.doesNotMatch(outside.file.content, /Serial 4711/, 'the scratchpad stays inside');
  const address = `${hereURL}${new URL(shared.url).pathname}`;
  assert.equal((await fetch(address)).status, 200);
  await tab.ask('revoke-share', { input: { shareId: shared.share.id } });
  assert.equal((await fetch(address)).status, 404, 'the link is dead');
  const dead = { ask: (name, variables) => ask(thereURL, name, variables), name: 'the vendor' };
  await refused(dead, 'NOT_FOUND', 'shared-session', { token: shared.token, format: 'TEXT' });
  tab.close();
});

await tell('A long call, through several trees and two pairs of hands', async () => {
  const power = await published(owner, 'power.md');
  const site = await published(owner, 'site-down.md', (text) => text.replace('POWER', power.id));
  let session = await act(juno, 'start-session', { treeId: site.id, subject: 'Nobody works in Bremen' });
  const lead = await owner.watch('watch-session', { id: session.id });

  // The input's branch goes to the other tree, and that one comes back.
  session = await goOn(juno, session, { values: [{ name: 'site', text: 'Bremen' }, { name: 'minutes', text: '15' }] });
  assert.equal(session.currentNode.title, 'Is the plug in?');
  session = await choose(juno, session, 'Yes');
  assert.equal(session.currentNode.title, 'There is power');
  session = await goOn(juno, session);
  assert.equal(session.currentNode.title, 'Restart the router of Bremen', 'the value stands in the question');

  // Another fault in between: over to the printer's tree, and back to the same place.
  session = await act(juno, 'switch-tree', { sessionId: session.id, expectedStep: session.step, treeId: printer.id });
  assert.equal(session.currentNode.title, "Is the printer's display on?");
  session = await choose(juno, session, 'Yes');
  session = await act(juno, 'return-to-tree', { sessionId: session.id, expectedStep: session.step });
  assert.equal(session.currentNode.title, 'Restart the router of Bremen');

  // Sam takes over; the owner, who watches, sees it. Two tabs of his click at once.
  await act(juno, 'hand-over-session', { sessionId: session.id, expectedStep: session.step, toUserId: sam.id });
  const given = await shows(lead, 'hand-over', (s) => s.heldBy.name === 'Sam Senior');
  await sam.ask('update-session', { input: { sessionId: session.id, ticket: 'INC-5', subject: 'Bremen is down' } });
  await shows(lead, 'ticket', (s) => s.ticket === 'INC-5' && s.subject === 'Bremen is down');
  session = await choose(sam, { ...session, step: given.step }, 'It is back');
  const twice = await refused(sam, 'CONFLICT', 'advance-session', { input: { sessionId: session.id, expectedStep: given.step } });
  assert.equal(twice.extensions.currentStep, session.step);

  const completed = await act(sam, 'complete-session', { sessionId: session.id, expectedStep: session.step });
  assert.deepEqual([completed.status, completed.outcome], ['COMPLETED', 'RESOLVED']);
  const reopened = await act(sam, 'reopen-session', { sessionId: session.id, expectedStep: completed.step });
  assert.equal(reopened.status, 'IN_PROGRESS');
  session = await act(sam, 'add-note', { sessionId: session.id, expectedStep: reopened.step, text: 'The phones work too.' });
  session = await act(sam, 'complete-session', { sessionId: session.id, expectedStep: session.step });
  await shows(lead, 'end', (s) => s.status === 'COMPLETED' && s.steps.some((step) => step.title === "Is the printer's display on?"));

  // The record in all formats.
  for (const format of ['TEXT', 'MARKDOWN', 'HTML', 'JSON', 'PDF']) {
    const file = await sam.ask('export-session', { input: { sessionId: session.id, format } });
    const bytes = Buffer.from(file.content, file.encoding === 'BASE64' ? 'base64' : 'utf8');
    assert.equal(createHash('sha256').update(bytes).digest('hex'), file.sha256, `${format} arrives whole`);
    if (format === 'PDF') assert.match(bytes.toString('latin1'), /^%PDF-/);
    else for (const words of [/INC-5/, /Is the plug in\?/, /Bremen/, /The phones work too/]) assert.match(file.content, words, format);
  }
});

await tell('The owner sees who is there and what happened', async () => {
  // From the newest line that the page shows on: nothing falls between reading and watching.
  const { auditLog: page } = await owner.ask('audit-log', { first: 1 });
  const log = await owner.watch('watch-audit-log', { after: page.pageInfo.endCursor });
  const list = await owner.watch('active-sessions');
  const state = await list.see('list', () => true);
  for (const name of ['Olivia Owner', 'Juno Junior', 'Sam Senior', 'Sue Senior']) {
    assert.ok(state.sessions.some((s) => s.user.name === name), `${name} is signed in`);
  }

  const again = await ask(thereURL, 'login', { input: { email: juno.email, password: juno.password } });
  const { id } = again.loginSession;
  const signedIn = await log.see('sign-in', (e) => e.action === 'SIGNED_IN' && e.actor.name === 'Juno Junior');
  await list.see('device', (e) => e.added?.some((s) => s.id === id && s.user.name === 'Juno Junior'));
  await ask(thereURL, 'logout', {}, again.accessToken);
  await log.see('sign-out', (e) => e.action === 'SIGNED_OUT' && e.actor.name === 'Juno Junior');
  await list.see('its end', (e) => e.removedIds?.includes(id));

  const headers = (who) => ({ headers: { authorization: `Bearer ${who.signedIn.accessToken}` } });
  const file = await fetch(`${thereURL}/audit-log.csv`, headers(owner));
  assert.match(file.headers.get('content-type'), /^text\/csv/);
  const lines = (await file.text()).trim().split('\r\n');
  assert.ok(lines.some((line) => line.includes(signedIn.summary)), 'the file has what was told live');
  assert.ok(lines.length > 10);
  assert.equal((await fetch(`${thereURL}/audit-log.csv`, headers(juno))).status, 403, 'it is for owners');
});

console.log('\nAll stories are done.');
process.exit(0);

/** Tells a story, and how long it took. */
async function tell(title, story) {
  const began = Date.now();
  console.log(`\n--- ${title}`);
  await story();
  say(`told in ${Date.now() - began} ms`);
}

/** A node that was read, as updateTree takes it. */
function nodeInput({ __typename, nodeId, title, text, options, ...rest }) {
  const same = { nodeId, title, text };
  const ways = options?.map(({ optionId, label, target }) => ({ optionId, label, target }));
  switch (__typename) {
    case 'DecisionNode':
      return { decision: { ...same, options: ways } };
    case 'ActionNode':
      return { action: { ...same, options: ways, commands: rest.commands, expected: rest.expected, next: rest.next } };
    default:
      return { solution: { ...same, outcome: rest.outcome, followUps: rest.followUps } };
  }
}
