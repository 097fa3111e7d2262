import { expect, test } from 'vitest';
import { restoreRunbook, revertRunbook } from './index.ts';

interface Named {
  readonly id: string;
  readonly needs: readonly string[];
}

/** Ids of all steps that a step waits for. */
function before(steps: readonly Named[], id: string): ReadonlySet<string> {
  const found = new Set<string>();
  const queue = [id];
  for (let each = queue.pop(); each !== undefined; each = queue.pop()) {
    for (const need of steps.find((step) => step.id === each)?.needs ?? []) {
      if (!found.has(need)) queue.push(need);
      found.add(need);
    }
  }
  return found;
}

/**
 * The engine does the step `unless-moved` whenever a run ends before its pivot has begun, whichever step failed (carry-on.test.ts). So a stop is
 * taken back after every failure, if what ran was noted before the first stop, and the pivot is the first step that moves anything.
 */
test.each([restoreRunbook, revertRunbook])(
  'whatever fails between the first stop and the first move, $name starts again what it stopped',
  ({ steps, pivot = '' }) => {
    const stops = steps.filter(({ id }) => id.startsWith('stop-')).map(({ id }) => id);
    expect(stops).toEqual(['stop-graph', 'stop-database']);
    for (const stop of stops) {
      expect(before(steps, stop), stop).toContain('look-services');
      expect(before(steps, pivot), stop).toContain(stop);
    }
    // What ran is what ran when the first server was stopped: whatever takes hours before that is over.
    const seen = [...before(steps, 'stop-graph')].filter((id) => id !== 'look-services');
    expect([...before(steps, 'look-services')].toSorted()).toEqual(seen.toSorted());
    const again = steps.filter(({ always }) => always === 'unless-moved');
    expect(again.map(({ id }) => id)).toEqual(['start-again']);
    expect(again[0]?.needs).toContain('look-services');
    const destroys = steps.filter(({ id, effect }) => effect === 'destroy' && !stops.includes(id));
    expect(destroys[0]?.id).toBe(pivot);
    for (const { id } of destroys.slice(1)) expect(before(steps, id), id).toContain(pivot);
  },
);
