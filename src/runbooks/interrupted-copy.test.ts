import { expect, test } from 'vitest';
import { killedWhen } from '../../test/support/killed-when.ts';
import { environment, nextOf, type Process, resume, wordOf } from '../../test/support/told-sequences.ts';
import { rehearseRunbook, restoreIntoRunbook } from './index.ts';

/* A rehearsal and a restore into a copy that were interrupted. */

test.each([rehearseRunbook, restoreIntoRunbook])(
  '$name starts the servers of its copy again when it is carried on after a power failure',
  async (book) => {
    const { world, run } = await killedWhen(
      async () => {
        const world = await environment();
        const params = { point: world.point, ...(book.name === 'rehearse' ? {} : { into: 'beside' }) };
        return {
          world,
          work: async (process: Process) => world.played.begin(process, book as typeof rehearseRunbook, params, true),
        };
      },
      25,
      async (_run, steps) => steps['start-database']?.status === 'succeeded',
    );
    for (const copy of world.played.made) {
      for (const node of copy.nodes) node.stop();
      copy.graph.up = false;
    }
    const again = await resume(world, run);
    expect(wordOf(again), nextOf(again)).toBe('succeeded');
  },
);
