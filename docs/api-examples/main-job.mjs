// The main job over the API, from registering an account to a forced logout,
// with the clients that people use: fetch for commands, and graphql-ws, urql and
// Apollo Client for what is live.
//
//   node main-job.mjs [http://localhost:8000 [http://localhost:8001]]
//
// With two addresses, two servers on one database are meant: the owner talks to
// the first, the engineer to the second. Where the server's standard idle limit
// is under a minute (a test deployment), the script waits for the pushed warning.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { answer, apolloClient, ask, attemptId, plainClient, say, urqlClient } from './clients.mjs';

const [ownerURL = 'http://localhost:8000', engineerURL = ownerURL] = process.argv.slice(2);
const unique = randomBytes(4).toString('hex');

// --- The owner opens an account and brings a runbook in.
const owner = await ask(ownerURL, 'register', {
  input: { accountName: `Northwind IT ${unique}`, name: 'Olivia Owner', email: `olivia-${unique}@northwind.example`, password: `correct horse ${unique}` },
});
say(`registered ${owner.account.name}; ${owner.user.name} is ${owner.user.role}`);

const runbook = await readFile(new URL('runbook.md', import.meta.url), 'utf8');
const imported = await ask(ownerURL, 'import-tree', { input: { format: 'MARKDOWN', content: runbook } }, owner.accessToken);
assert.deepEqual(imported.problems.filter((p) => p.severity === 'ERROR'), [], 'the runbook has no errors');
say(`imported "${imported.tree.title}" with ${imported.tree.nodeCount} nodes`);

const bad = await ask(ownerURL, 'import-tree', { input: { format: 'JSON', content: '{"format": "branchline-tree/1",' } }, owner.accessToken);
assert.equal(bad.tree, null, 'a bad file makes no tree');
assert.ok(bad.problems[0].line >= 1, 'a bad file is told by line');

const published = await ask(ownerURL, 'publish-tree', {
  input: { treeId: imported.tree.id, expectedRevision: imported.tree.revision, changeNote: 'From the old wiki.' },
}, owner.accessToken);
assert.equal(published.version, 1);
say(`published version ${published.version}`);

// --- An engineer is invited, accepts, and signs in.
const invitation = await ask(ownerURL, 'invite-user', { input: { email: `ed-${unique}@northwind.example`, role: 'ENGINEER' } }, owner.accessToken);
const password = `battery staple ${unique}`;
await ask(engineerURL, 'accept-invitation', { input: { token: invitation.token, name: 'Ed Engineer', password } });
const again = await answer(engineerURL, 'accept-invitation', { input: { token: invitation.token, name: 'Mallory', password } });
assert.equal(again.errors?.[0].extensions.code, 'CONFLICT', 'an invitation works once');
let engineer = await ask(engineerURL, 'login', { input: { email: `ed-${unique}@northwind.example`, password } });
say(`${engineer.user.name} signed in`);

const trees = await ask(engineerURL, 'trees', { first: 10 }, engineer.accessToken);
assert.equal(trees.totalCount, 1);
const tree = await ask(engineerURL, 'tree', { id: imported.tree.id }, engineer.accessToken);
assert.equal(tree.graph.nodes.length, imported.tree.nodeCount);

// --- Three clients hold the subscription: graphql-ws, urql and Apollo Client.
const closes = {};
const client = (name, make) => make(engineerURL, () => engineer.accessToken, (code) => { (closes[name] ??= []).push(code); });
const plainSide = client('graphql-ws', plainClient);
const urqlSide = client('urql', urqlClient);
const apolloSide = client('Apollo Client', apolloClient);
const plain = await plainSide.watch('session-expiry');
const watchers = [plain, await urqlSide.watch('session-expiry'), await apolloSide.watch('session-expiry')];
const state = await plain.event('SessionState');
await Promise.all(watchers.map((w) => w.event('SessionState')));
assert.equal(state.loginSessionId, engineer.loginSession.id);
for (const w of watchers) assert.equal(w.events[0].__typename, 'SessionState', `${w.name} gets the state first`);

// --- The engineer walks the tree.
const act = (name, input) => ask(engineerURL, name, { input }, engineer.accessToken).then((payload) => payload.session);
const choose = (session, label, note = '') => {
  const option = session.currentNode.options?.find((o) => o.label.startsWith(label));
  assert.ok(option || session.currentNode.next, `"${label}" is an answer to "${session.currentNode.title}"`);
  say(`"${session.currentNode.title}" → ${option?.label ?? 'next'}`);
  return act('advance-session', { sessionId: session.id, expectedStep: session.step, optionId: option?.optionId, note, idempotencyKey: attemptId() });
};

const key = attemptId();
const start = { treeId: imported.tree.id, ticket: 'INC-4711', clientName: 'Fabrikam', subject: 'Nothing prints on the second floor', idempotencyKey: key };
let session = await act('start-session', start);
assert.equal((await act('start-session', start)).id, session.id, 'a repeated start returns the same session');

session = await choose(session, 'No', 'The display is dark.');
session = await choose(session, 'Yes', 'It was the switch of the power strip.');
const before = session;
session = await act('go-back', { sessionId: session.id, expectedStep: session.step });
assert.notEqual(session.currentNode.nodeId, before.currentNode.nodeId);
const stale = await answer(engineerURL, 'advance-session', { input: { sessionId: session.id, expectedStep: before.step, optionId: session.currentNode.options[0].optionId } }, engineer.accessToken);
assert.equal(stale.errors[0].extensions.code, 'CONFLICT', 'a stale step is refused');
assert.equal(stale.errors[0].extensions.currentStep, session.step);

session = await act('add-note', { sessionId: session.id, expectedStep: session.step, text: 'Checked the fuse as well.' });
while (session.currentNode.__typename !== 'SolutionNode') {
  session = await choose(session, 'Yes');
}
session = await act('complete-session', { sessionId: session.id, expectedStep: session.step });
assert.equal(session.status, 'COMPLETED');
say(`completed: ${session.outcome}`);

const seen = await apolloSide.ask('session', { id: session.id });
assert.ok(seen.steps.some((s) => s.undone), 'undone steps stay in the record');
const mine = await urqlSide.ask('sessions', { first: 5 });
assert.equal(mine.nodes[0].id, session.id);

for (const format of ['TEXT', 'MARKDOWN']) {
  const file = await ask(engineerURL, 'export-session', { input: { sessionId: session.id, format } }, engineer.accessToken);
  assert.match(file.content, /INC-4711/);
  assert.match(file.content, /The display is dark/);
  console.log(`\n--- ${file.filename} (${file.mediaType})\n${file.content}`);
}

// --- Somebody outside the account reads it by a link, until that is revoked.
const shared = await ask(engineerURL, 'share-session', { input: { sessionId: session.id, expiresInDays: 1 } }, engineer.accessToken);
const outside = await ask(ownerURL, 'shared-session', { token: shared.token, format: 'TEXT' });
assert.match(outside.file.content, /The display is dark/);
const page = await fetch(`${ownerURL}${new URL(shared.url).pathname}`);
assert.equal(page.status, 200);
assert.match(await page.text(), /The display is dark/);
const revokedShare = await ask(engineerURL, 'revoke-share', { input: { shareId: shared.share.id } }, engineer.accessToken);
assert.equal(revokedShare.share.openedCount, 2);
assert.equal((await fetch(`${ownerURL}${new URL(shared.url).pathname}`)).status, 404);
say('shared the record by a link, which was opened twice and revoked');

// --- The warning, and "Stay signed in". A token that ran out while the client
// only watched is renewed by a passive refresh, which extends nothing.
const idleSeconds = (Date.parse(state.idleExpiresAt) - Date.parse(state.serverTime)) / 1000;
const refresh = async (passive) => {
  const got = await ask(engineerURL, 'refresh', { input: { refreshToken: engineer.refreshToken, attemptId: attemptId(), passive } });
  engineer = { ...engineer, accessToken: got.accessToken, refreshToken: got.refreshToken ?? engineer.refreshToken };
  return got.loginSession;
};
if (idleSeconds < 60) {
  const warning = await plain.event('SessionExpiryWarning', (e) => e.level === 'SOON');
  assert.equal(warning.expiryReason, 'IDLE');
  assert.equal(warning.extendable, true);
  const expired = await answer(engineerURL, 'me', {}, engineer.accessToken);
  assert.equal(expired.errors?.[0].extensions.reason, 'TOKEN_EXPIRED', 'the access token ran out meanwhile');
  const passive = await refresh(true);
  assert.equal(passive.idleExpiresAt, warning.expiresAt, 'a passive refresh extends nothing');
  const active = await refresh(false);
  assert.ok(Date.parse(active.idleExpiresAt) > Date.parse(warning.expiresAt), 'an active refresh extends');
  await Promise.all(watchers.map((w) => w.event('SessionExtended')));
  for (const w of watchers) assert.ok(w.events.findIndex((e) => e.__typename === 'SessionExpiryWarning') > 0, `${w.name} was warned`);
}

// --- The owner sets the policy, sees who is there, and signs everybody else out.
owner.accessToken = (await ask(ownerURL, 'login', { input: { email: `olivia-${unique}@northwind.example`, password: `correct horse ${unique}` } })).accessToken;
const security = await ask(ownerURL, 'account-security', {}, owner.accessToken);
assert.deepEqual(security.activeUsers.map((u) => u.user.name).sort(), ['Ed Engineer', 'Olivia Owner']);
const tooLong = await answer(ownerURL, 'update-session-policy', {
  input: { preset: 'CUSTOM', idleMinutes: security.policyBounds.maxIdleMinutes + 1, absoluteMinutes: security.policyBounds.maxAbsoluteMinutes },
}, owner.accessToken);
assert.equal(tooLong.errors[0].extensions.field, 'input.idleMinutes');
for (const preset of ['STRICT', 'STANDARD']) {
  const changed = await ask(ownerURL, 'update-session-policy', { input: { preset } }, owner.accessToken);
  assert.equal(changed.accountSecurity.policy.preset, preset);
}
const custom = await ask(ownerURL, 'update-session-policy', {
  input: { preset: 'CUSTOM', idleMinutes: security.policyBounds.minIdleMinutes, absoluteMinutes: security.policyBounds.maxAbsoluteMinutes },
}, owner.accessToken);
assert.equal(custom.accountSecurity.policy.idleMinutes, security.policyBounds.minIdleMinutes);

const revokedAt = Date.now();
const revoked = await ask(ownerURL, 'revoke-sessions', { input: { scope: 'ALL_EXCEPT_ME' } }, owner.accessToken);
const answeredAt = Date.now();
const told = await plain.event('ForcedLogout');
assert.equal(told.logoutReason, 'REVOKED_BY_OWNER');
say(`revoked ${revoked.revokedCount}; the answer took ${answeredAt - revokedAt} ms, the other client was told after ${told.receivedAt - revokedAt} ms`);
await Promise.all(watchers.map((w) => w.event('ForcedLogout')));
await plain.until('completion', (w) => w.completed);
const refused = await answer(engineerURL, 'me', {}, engineer.accessToken);
assert.equal(refused.errors[0].extensions.code, 'UNAUTHENTICATED');
assert.equal(refused.errors[0].extensions.reason, 'SESSION_REVOKED');
const denied = await answer(engineerURL, 'refresh', { input: { refreshToken: engineer.refreshToken, attemptId: attemptId() } });
assert.equal(denied.errors[0].extensions.reason, 'SESSION_REVOKED');
await plain.until('close', () => closes['graphql-ws'] && closes.urql && closes['Apollo Client'], 10_000).catch(() => {});
assert.deepEqual(closes, { 'graphql-ws': [4401], urql: [4401], 'Apollo Client': [4401] });
say('all three sockets were closed with 4401; the access token is refused');
console.log('\nThe main job is done.');
process.exit(0);
