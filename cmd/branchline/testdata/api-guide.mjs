// Runs what docs/api-guide.md says: the page's JavaScript stands before this.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

const email = 'gina@guide.example';
const password = 'correct horse battery';
const opened = await send(
  'mutation($input: RegisterInput!) { register(input: $input) { user { name } } }',
  { input: { accountName: 'Guide', name: 'Gina', email, password } },
);
assert.equal(opened.register.user.name, 'Gina');

// Signing in.
await assert.rejects(login.signIn(email, 'wrong'), (error) => error.extensions.reason === 'INVALID_CREDENTIALS');
assert.equal((await login.signIn(email, password)).name, 'Gina');
const first = await login.token();

// Staying signed in: what one refresh brings serves all who wait, a passive one keeps
// the refresh token, an active one replaces it.
login.outdated('another');
assert.equal(await login.token(), first, 'only the token that was refused is thrown away');
login.outdated(first);
const passive = await Promise.all([login.token(), login.token()]);
assert.equal(passive[0], passive[1]);
const { refreshToken, attemptId } = kept;
await login.active();
assert.deepEqual(kept.refreshToken, refreshToken, 'nobody refreshes twice a minute');
kept.storedAt -= 61_000;

// A window was closed while its refresh was under way. Its mark is waited for.
const { setTimeout: later } = globalThis;
let waited = 0;
globalThis.setTimeout = (done, ms, ...rest) => {
  if (ms < 14_000 || ms > 15_000) return later(done, ms, ...rest);
  waited = ms;
  return later(done, 0);
};
kept.busyUntil = Date.now() + 15_000;
await login.refresh(true);
globalThis.setTimeout = later;
assert.ok(waited > 0, 'it refreshed beside another window');
assert.equal(kept.busyUntil, 0, 'its own mark goes with the answer');

// The answer to an active refresh is lost on the way. The next attempt gets it.
const { fetch: online } = globalThis;
let sent = [];
globalThis.fetch = async (address, init) => {
  sent.push(JSON.parse(init.body).variables.input);
  const response = await online(address, init);
  if (sent.length === 1) throw new TypeError('fetch failed');
  return response;
};
await login.active();
globalThis.fetch = online;
assert.deepEqual(sent.map((input) => input.attemptId), [attemptId, attemptId]);
assert.notEqual(kept.refreshToken, refreshToken);
assert.equal(kept.attemptId, undefined, 'a new token has attempts of its own');

// A token that ran out is renewed by signedFetch, and the operation sent once more.
let refusals = 0;
globalThis.fetch = async (address, init) => {
  if (new Headers(init.headers).has('authorization') && refusals === 0) {
    refusals++;
    return Response.json({ errors: [{ message: '', extensions: { code: 'UNAUTHENTICATED', reason: 'TOKEN_EXPIRED' } }] });
  }
  return online(address, init);
};
const before = await login.token();
const { data: me } = await urql.query('{ me { name } }', {}).toPromise();
assert.equal(me.me.name, 'Gina');
assert.notEqual(await login.token(), before);
globalThis.fetch = online;

// Lists, by Apollo Client and persisted queries: the second page goes by its hash alone.
const runbook = await readFile('runbook.md', 'utf8');
const IMPORT = gql`mutation Import($input: ImportTreeInput!) { importTree(input: $input) { tree { id revision } } }`;
const trees = [];
for (const content of [runbook, runbook.replace('# Office', '# Other office')]) {
  const { data } = await apollo.mutate({ mutation: IMPORT, variables: { input: { format: 'MARKDOWN', content } } });
  trees.push(data.importTree.tree);
}
const requests = [];
globalThis.fetch = async (address, init) => {
  const response = await online(address, init);
  requests.push({ method: init.method, persisted: !String(address).includes('query=') && !JSON.parse(init.body ?? '{}').query, cache: response.headers.get('cache-control') });
  return response;
};
const titles = [];
for await (const tree of allTrees()) titles.push(tree.title);
globalThis.fetch = online;
assert.deepEqual(titles.sort(), ['Office printer does not print', 'Other office printer does not print']);
assert.deepEqual(requests.at(-1), { method: 'GET', persisted: true, cache: 'no-store' });
assert.ok(requests.some((r) => !r.persisted), 'the document was sent once');

// A walk, watched live. Who comes with an old step is given the present one.
const PUBLISH = 'mutation($input: PublishTreeInput!) { publishTree(input: $input) { version } }';
await urql.mutation(PUBLISH, { input: { treeId: trees[0].id, expectedRevision: trees[0].revision } }).toPromise();
const START = 'mutation($input: StartSessionInput!) { startSession(input: $input) { session { id step currentNode { title ... on DecisionNode { options { optionId label } } } } } }';
const started = (await urql.mutation(START, { input: { treeId: trees[0].id } }).toPromise()).data.startSession.session;
const shown = [];
let arrived = () => {};
const stop = watch(started.id, (session, error) => { assert.ifError(error); shown.push(session); arrived(); });
const until = (step) => new Promise((done) => { arrived = () => shown.some((s) => s.step === step) && done(); arrived(); });
await until(0);
const no = started.currentNode.options.find((o) => o.label === 'No').optionId;
const [one, other] = await Promise.all([choose(started, no), choose(started, no)]);
assert.deepEqual([one.step, other.step], [1, 1], 'two clicks are one step');
await until(1);
assert.equal(shown.at(-1).currentNode.title, one.currentNode.title);
stop();

console.log('The guide holds.');
process.exit(0);
