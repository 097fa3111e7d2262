import { expect, test } from 'vitest';
import { aRestore, aRevert, killedWhen } from '../../test/support/killed-when.ts';
import { isUp, resume, wordOf } from '../../test/support/told-sequences.ts';

test.each([
  ['restore', aRestore],
  ['revert', aRevert()],
])('what a %s starts again is what ran when it stopped it, not what ran when it was begun', async (_name, make) => {
  const { world, run } = await killedWhen(
    async () => {
      const made = await make();
      // For maintenance, while it is begun.
      made.world.played.ring.graph.up = false;
      return made;
    },
    20,
    (_run, steps) => steps['look-services']?.status === 'succeeded' && steps['stop-graph'] === undefined,
  );
  const { ring } = world.played;
  await ring.startGraph();
  await world.played.write();
  expect(isUp(world)).toBe(true);
  ring.stopFails = 10;
  const failed = await resume(world, run);
  ring.stopFails = 0;
  const said = failed instanceof Error ? failed.state : failed.problem?.state;
  expect([wordOf(failed), isUp(world)], said).toEqual(['service-fault', true]);
});
