import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * unit: beside the source, no process started but short-lived ones, seconds in all.
 * real: real Cassandra, JanusGraph, Medusa and S3; one file at a time, because two rings at once starve a two-core machine.
 * faults: the long fault runs of `npm run test:faults`, never part of `npm test`.
 * lab: the lab and what is proved on it (`npm run test:lab`); needs Linux and root, and builds Kubernetes the first time.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/unit/**/*.test.ts'],
          setupFiles: ['test/support/property-seed.ts'],
          // A deadline, not an expectation: some play a hundred restores, and a busy machine is several times as slow.
          testTimeout: 300_000,
          // Vitest would leave one core idle, which of two is half.
          maxWorkers: availableParallelism(),
        },
      },
      {
        test: {
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          setupFiles: ['test/support/property-seed.ts'],
          // Deadlines, not expectations: a busy machine may take several times as long as a quiet one.
          testTimeout: 1_800_000,
          hookTimeout: 1_800_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'faults',
          // Some of the real ones again, in full (test/support/in-full.ts).
          include: [
            'test/faults/**/*.test.ts',
            'test/real/{any-second,commitlog,kill,restore,restore-instant}.test.ts',
          ],
          testTimeout: 3_600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'lab',
          include: ['lab/**/*.test.ts', 'test/lab/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 5_400_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
