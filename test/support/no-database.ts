import { RetryableProblem } from '../../src/model/problem.ts';
import type { Database } from '../../src/ports/database.ts';

/** The cluster is gone: no node answers. */
export const noDatabase = {
  ring: async () => gone(),
  ringSeenBy: async () => undefined,
  // eslint-disable-next-line require-yield
  async *rows() {
    gone();
  },
  execute: async () => gone(),
  close: async () => {},
} satisfies Database;

function gone(): never {
  throw new RetryableProblem({ code: 'database-unreachable', happened: 'No node answers.', state: '', next: '' });
}
