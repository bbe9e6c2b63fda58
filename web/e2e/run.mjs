// Runs the browser tests: starts the program with a private database, once for all
// files, and the tests beside it.
//
//   node e2e/run.mjs [name of a test file …]
//
// With E2E_URL they use a server that runs already, such as that of `make dev`.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from './program.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
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
