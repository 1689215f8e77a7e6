import { defineConfig } from 'vite';

const server = 'http://localhost:8000';

export default defineConfig({
  base: '/static/',
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
