/// <reference types="vitest/config" />
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const collector = process.env.PICKET_URL ?? 'http://127.0.0.1:4600';

/** Empties dist, except for the placeholder that is committed, and leaves .gz and .br beside what compresses. */
function embedded(): Plugin {
  let dist = '';
  return {
    name: 'embedded',
    apply: 'build',
    configResolved(c) {
      dist = resolve(c.root, c.build.outDir);
    },
    buildStart() {
      for (const name of existsSync(dist) ? readdirSync(dist) : []) {
        if (name !== 'placeholder.html') rmSync(join(dist, name), { recursive: true });
      }
    },
    closeBundle() {
      const assets = join(dist, 'assets');
      for (const name of readdirSync(assets)) {
        if (!/\.(js|css|svg|json)$/.test(name)) continue;
        const text = readFileSync(join(assets, name));
        writeFileSync(join(assets, `${name}.gz`), gzipSync(text, { level: 9 }));
        const params = { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_SIZE_HINT]: text.length };
        writeFileSync(join(assets, `${name}.br`), brotliCompressSync(text, { params }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), embedded()],
  build: {
    emptyOutDir: false,
    target: 'es2022',
    // Those that know light-dark(): for older ones it would become variables that nothing sets.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 800,
  },
  server: { proxy: { '/api': collector, '/prometheus': collector } },
  test: { environment: 'happy-dom', include: ['src/**/*.test.{ts,tsx}'], restoreMocks: true },
});
