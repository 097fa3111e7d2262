import { describe, expect, test } from 'vitest';
import { RefusedProblem } from '../model/problem.ts';
import type { GraphService } from '../ports/graph-service.ts';
import { readCommitTimes, requireTimely, untimely } from './commit-times.ts';

const point = 'backup-20260219-020000';

function graphThatSays(answer: unknown): GraphService {
  return {
    url: 'ws://127.0.0.1:8182/gremlin',
    submit: async <Row>() => [answer as Row],
    close: async () => {},
  };
}

describe('commit times', () => {
  test('assigned, in microseconds: a cut at an instant is whole', async () => {
    const times = await readCommitTimes(graphThatSays({ assigned: true, unit: 'MICRO' }));
    expect(untimely(times)).toBeUndefined();
    expect(() => requireTimely(times, point)).not.toThrow();
  });

  test('nothing is known of older points, and nothing is refused', () => {
    expect(() => requireTimely(undefined, point)).not.toThrow();
  });

  test.each([
    [{ assigned: false, unit: 'MICRO' }, 'graph.assign-timestamp'],
    [{ assigned: true, unit: 'MILLI' }, 'graph.timestamps'],
  ])('%o is refused by name', (times, setting) => {
    expect(untimely(times)).toContain(setting);
    expect(() => requireTimely(times, point)).toThrow(RefusedProblem);
    expect(() => requireTimely(times, point)).toThrow(point);
  });
});
