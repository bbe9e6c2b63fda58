// Runs the browser tests: starts the program with a private database, once for all
// files, and the tests beside it.
//
//   node e2e/run.mjs [name of a test file …]
//
// With E2E_URL they use a server that runs already, such as that of `make dev`.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const program = process.env.BRANCHLINE ?? join(here, '../../bin/branchline');

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Starts the program and waits until it is ready, with what it said if it is not. */
async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-e2e-'));
  const port = await freePort();
  const address = `http://localhost:${port}`;
  const child = spawn(program, ['dev'], {
    cwd: folder,
    env: {
      ...process.env,
      DATABASE_URL: '',
      BRANCHLINE_ADDRESS: `127.0.0.1:${port}`,
      BRANCHLINE_PUBLIC_URL: address,
      BRANCHLINE_METRICS_ADDRESS: 'off',
      // All tests come from one address, with one browser after the other.
      BRANCHLINE_SIGN_IN_LIMITS: 'false',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const ready = new Promise((resolve, reject) => {
    const look = (chunk) => {
      said += chunk;
      if (said.includes('Branchline is ready.')) resolve();
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('exit', (code) => reject(new Error(`the program ended with ${code}:\n${said}`)));
    child.once('error', reject);
  });
  await ready;
  return {
    address,
    async stop() {
      child.removeAllListeners('exit');
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGINT');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const named = process.argv.slice(2);
const files = (named.length > 0 ? named : readdirSync(here).filter((f) => f.endsWith('.test.mjs'))).map((f) => join(here, f));
const server = process.env.E2E_URL ? { address: process.env.E2E_URL, stop: async () => {} } : await start();
const tests = spawn(process.execPath, ['--test', '--test-timeout=600000', '--test-concurrency=2', ...files], {
  stdio: 'inherit',
  env: { ...process.env, E2E_URL: server.address },
});
const code = await new Promise((resolve) => tests.once('exit', resolve));
await server.stop();
process.exit(code ?? 1);
