// Starts the program itself, with a private database.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
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

/** Starts the program with these settings and waits until it is ready, with what it said if it is not. */
export async function start(settings = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-e2e-'));
  const port = await freePort();
  const address = `http://localhost:${port}`;
  let child;
  const end = () => child.kill('SIGINT');
  process.once('exit', end); // also where whoever started it was ended
  const begin = () => {
    child = spawn(program, ['dev'], {
      cwd: folder,
      env: {
        ...process.env,
        DATABASE_URL: '',
        BRANCHLINE_ADDRESS: `127.0.0.1:${port}`,
        BRANCHLINE_PUBLIC_URL: address,
        BRANCHLINE_METRICS_ADDRESS: 'off',
        // All tests come from one address, with one browser after the other.
        BRANCHLINE_SIGN_IN_LIMITS: 'false',
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    return new Promise((resolve, reject) => {
      const look = (chunk) => {
        said += chunk;
        if (said.includes('Branchline is ready.')) resolve();
      };
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      child.once('exit', (code) => reject(new Error(`the program ended with ${code}:\n${said}`)));
      child.once('error', reject);
    });
  };
  const halt = async () => {
    child.removeAllListeners('exit');
    // Ctrl-C in a terminal is for it too: it may be gone already.
    const gone = child.exitCode ?? child.signalCode ?? new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGINT');
    await gone;
  };
  await begin();
  return {
    address,
    halt, // it is away, until begin
    begin,
    async stop() {
      process.off('exit', end);
      await halt();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
