import { defineConfig } from 'vitest/config';

import { compression } from './vite/compress';

export default defineConfig({
  // Relative addresses: the bridge may serve the page under any path.
  base: './',
  plugins: [compression()],
  build: {
    target: 'es2022',
    // Nothing is inlined as a `data:` address, so that a strict Content-Security-Policy fits the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // The history is in the codec's memory, so the module is loaded before any test.
  test: { setupFiles: ['src/testing.ts'] },
});
