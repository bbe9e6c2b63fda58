// Runs the browser tests: starts the program with a private database, once for all
// files, and the tests beside it.
//
//   node e2e/run.mjs [name of a test file …]
//
// With E2E_URL they use a server that runs already, such as that of `make dev`.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from './program.mjs';

// Whoever ends this ends all that it started; what is up by then goes down in order.
let stopping;
let end = (signal) => process.exit(128 + constants.signals[signal]);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stopping = signal;
    end(signal);
  });
}

const here = fileURLToPath(new URL('.', import.meta.url));
const named = process.argv.slice(2).map((f) => basename(f));
const files = (named.length > 0 ? named : readdirSync(here).filter((f) => f.endsWith('.test.mjs'))).map((f) => join(here, f));
const server = process.env.E2E_URL ? { address: process.env.E2E_URL, stop: async () => {} } : await start();
// Two cores are busy with two files; a third one uses what they leave while they wait.
const tests = spawn(process.execPath, ['--test', '--test-timeout=600000', '--test-concurrency=3', ...files], {
  stdio: 'inherit',
  env: { ...process.env, E2E_URL: server.address },
});
end = () => tests.kill('SIGTERM');
const code = await new Promise((resolve) => tests.once('exit', resolve));
await server.stop();
process.exit(stopping ? 128 + constants.signals[stopping] : (code ?? 1));
