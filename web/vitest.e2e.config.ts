import { defineConfig } from 'vitest/config';

// Stories in a real browser, against the real collector, agent and demo of bin/ (make build).
export default defineConfig({
  test: {
    environment: 'node',
    include: [process.env.PICKET_E2E ?? 'e2e/*.story.ts'],
    globalSetup: 'e2e/bed.ts',
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 180_000,
  },
});
