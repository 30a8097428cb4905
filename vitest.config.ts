import { defineConfig } from 'vitest/config';

const project = (name: string, extra: object = {}) => ({
  test: { name, pool: 'forks' as const, include: [`test/${name}/**/*.test.ts`], ...extra },
});

/** One project per folder of `test`; those that mount have generous timeouts and run one file at a time. */
export default defineConfig({
  test: {
    projects: [
      project('unit', { testTimeout: 60_000, hookTimeout: 60_000 }),
      project('fuzz', { testTimeout: 120_000 }),
      project('model', { testTimeout: 60_000 }),
      project('oracle', { testTimeout: 60_000 }),
      project('conformance', { testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false }),
      project('cases', { testTimeout: 180_000, hookTimeout: 60_000, fileParallelism: false }),
      // Latencies: on a quiet machine, by `npm run bound`; not part of scripts/test.
      project('bound', { testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false }),
      project('tools', { testTimeout: 180_000, hookTimeout: 300_000, fileParallelism: false }),
    ],
  },
});
