// What the browser tests share: the system's Chromium, a server of the built app,
// and an API that answers from the real schema with made-up values.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildSchema, graphqlSync } from 'graphql';
import { chromium } from 'playwright-core';

const here = fileURLToPath(new URL('.', import.meta.url));
const schema = buildSchema(readFileSync(join(here, '../../schema.graphqls'), 'utf8'), { assumeValidSDL: true });

/** Starts the server of the built app; `explorer: false` turns the explorer off. */
export async function serve({ explorer = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-e2e-'));
  const program = join(folder, 'serve');
  execFileSync('go', ['build', '-o', program, './e2e/serve'], { cwd: join(here, '..'), stdio: 'inherit' });
  const child = spawn(program, explorer ? [] : ['off'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const { value: address } = await lines[Symbol.asyncIterator]().next();
  return {
    address,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.stdin.end();
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    timeout: 120_000, // a machine that builds something beside is slow to start it
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/**
 * Opens a page whose API answers from `root`, by a clock that is `ahead` ms before
 * the browser's. It remembers what must not happen: requests to other sites, errors
 * in the console, breaches of the policy.
 */
export async function open(browser, address, { root = {}, ahead = 0, ...context } = {}) {
  const wrong = [];
  const asked = [];
  const ctx = await browser.newContext(context);
  const page = await ctx.newPage();
  page.on('console', (message) => message.type() === 'error' && wrong.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => wrong.push(`error: ${error}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== address) wrong.push(`asked another site: ${url}`);
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  await page.route('**/graphql', (route) => {
    const { query, variables } = route.request().postDataJSON();
    const headers = route.request().headers();
    asked.push({ query, variables, authorization: headers.authorization });
    const answer = graphqlSync({ schema, source: query, variableValues: variables, rootValue: root, contextValue: headers });
    return route.fulfill({ json: answer, headers: { date: new Date(Date.now() + ahead).toUTCString() } });
  });
  return { page, wrong, asked, close: () => ctx.close() };
}
