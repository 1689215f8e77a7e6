import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

import { defineConfig } from 'vite';

const server = 'http://localhost:8000';

/** Compressed, without GraphiQL. */
const MOST_BYTES = 350_000;

/** Puts the manifest of the page's operations beside its pages: the server trusts these documents. */
function manifest() {
  return {
    name: 'manifest',
    apply: 'build',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'documents.json', source: readFileSync('generated/documents.json') });
    },
  };
}

/** Fails the build where the hub, all its tabs included, would weigh too much for a phone. */
function weight() {
  return {
    name: 'weight',
    apply: 'build',
    generateBundle(_, bundle) {
      const parts = new Map();
      const visit = (name) => {
        const part = bundle[name];
        if (part === undefined || parts.has(name)) {
          return;
        }
        parts.set(name, gzipSync(part.type === 'chunk' ? part.code : part.source).length);
        if (part.type === 'chunk') {
          [...part.imports, ...part.dynamicImports, ...(part.viteMetadata?.importedCss ?? [])].forEach(visit);
        }
      };
      for (const part of Object.values(bundle)) {
        if (part.type === 'chunk' && part.isEntry && part.facadeModuleId?.endsWith('index.html')) {
          visit(part.fileName);
        }
      }
      const bytes = [...parts.values()].reduce((sum, size) => sum + size, 0);
      this.info(`hub: ${(bytes / 1000).toFixed(1)} kB compressed in ${parts.size} files`);
      if (parts.size === 0 || bytes > MOST_BYTES) {
        this.error(`the hub is ${bytes} bytes compressed; ${MOST_BYTES} is the most`);
      }
    },
  };
}

export default defineConfig({
  base: '/static/',
  plugins: [manifest(), weight()],
  build: {
    outDir: '../api/static',
    emptyOutDir: true,
    target: 'es2022',
    // A data: address would need an exception in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Monaco alone is about 3 MB; it is loaded after the page has been drawn.
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      input: ['index.html', 'graphiql.html'],
      // React's "use client" marks in the libraries mean nothing to a page without a server side.
      checks: { moduleLevelDirective: false },
    },
  },
  // GraphiQL's worker loads its formatter on demand, which the default format can't split off.
  worker: { format: 'es' },
  // The development server's bundler can't read the `?worker` imports inside.
  optimizeDeps: { exclude: ['graphiql/setup-workers/vite', '@graphiql/react/setup-workers/vite'] },
  server: { proxy: { '/graphql': { target: server, ws: true }, '/healthz': server } },
});
