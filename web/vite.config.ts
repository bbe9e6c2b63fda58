import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import tailwind from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import type { Plugin } from 'vite';
import { render } from './src/reference/render.ts';

/**
 * Writes a .br and a .gz beside every text file of the build, so that the server
 * compresses nothing. Fonts in woff2 are compressed already.
 */
function precompress(): Plugin {
  return {
    name: 'precompress',
    apply: 'build',
    enforce: 'post',
    writeBundle({ dir }) {
      if (!dir) return;
      for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(js|css|html|svg|json|ttf|txt)$/.test(name)) continue;
        const file = join(dir, name);
        const text = readFileSync(file);
        if (text.length < 1024) continue; // one packet as it is
        // The editor's megabytes take ten times longer at quality 11, for 4 % less.
        const quality = text.length < 512 * 1024 ? 11 : 9;
        writeFileSync(`${file}.br`, brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }));
        writeFileSync(`${file}.gz`, gzipSync(text, { level: 9 }));
      }
    },
  };
}

/** Writes the schema into its page. */
function reference(): Plugin {
  return {
    name: 'reference',
    transformIndexHtml: {
      order: 'pre',
      handler: (html, { filename }) => (filename.endsWith('/reference.html') ? html.replace('<!--reference-->', () => render(readFileSync('../schema.graphqls', 'utf8'))) : html),
    },
  };
}

// `npm run dev` passes the API on to a server that runs beside it.
const api = process.env.DEV_API ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [react(), tailwind(), reference(), precompress()],
  build: {
    target: 'es2023',
    manifest: true, // the test of the budget reads it
    assetsInlineLimit: 0, // the pages' policy allows files only
    modulePreload: { polyfill: false }, // every browser that the target means knows it
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4000, // the explorer's editor, which is loaded by its own page only
    rolldownOptions: {
      input: { app: 'index.html', explorer: 'explorer.html', reference: 'reference.html' },
      checks: { bundlerTimings: false },
      onLog(level, log, report) {
        // GraphiQL's "use no memo" is for React's compiler, which has run already.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log);
      },
    },
  },
  // The explorer comes from the server beside it: its editor's workers cannot be
  // bundled in advance.
  optimizeDeps: { entries: ['index.html'] },
  test: { include: ['src/**/*.test.{ts,tsx}'], environment: 'happy-dom', provide: { schema: readFileSync('../schema.graphqls', 'utf8') } },
  server: {
    proxy: {
      '/graphql': { target: api, ws: true },
      '/schema.graphqls': api,
      '/audit-log.csv': api,
      '/api': api,
      '/share': api,
    },
  },
});
