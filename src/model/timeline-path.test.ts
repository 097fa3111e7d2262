import { expect, test } from 'vitest';
import { formatInstant, instantOf, micros } from './instant.ts';
import { timelinePath } from './timeline-path.ts';
import { type Timeline, timelineDocument } from './timeline.ts';

const at = (second: number) => formatInstant(micros(1_771_000_000_000_000 + second * 1_000_000));

function timeline(id: string, parent?: [id: string, fork: number], exclusions: readonly number[] = []): Timeline {
  return timelineDocument.body.parse({
    id,
    environment: 'local',
    ...(parent === undefined ? {} : { parent: { id: parent[0], forkedAt: at(parent[1]) } }),
    exclusions: exclusions.map(at),
    openedAt: at(parent === undefined ? 0 : parent[1] + 5),
    why: 'test',
  });
}

function path(timelines: readonly Timeline[], id: string) {
  return timelinePath(timelines, id).map((strand) => [
    strand.timeline.id,
    strand.until === undefined ? undefined : formatInstant(strand.until),
    strand.exclusions.map((slot) => formatInstant(slot)),
  ]);
}

test('a root is a path of one strand that goes on', () => {
  expect(path([timeline('t0001')], 't0001')).toEqual([['t0001', undefined, []]]);
});

test('each strand ends at the fork, less what every later timeline left out', () => {
  const all = [timeline('t0001'), timeline('t0002', ['t0001', 10], [7]), timeline('t0003', ['t0002', 30], [25, 3])];
  expect(path(all, 't0003')).toEqual([
    ['t0001', at(10), [at(3), at(7), at(25)]],
    ['t0002', at(30), [at(3), at(25)]],
    ['t0003', undefined, []],
  ]);
  expect(path(all, 't0002')).toEqual([
    ['t0001', at(10), [at(7)]],
    ['t0002', undefined, []],
  ]);
});

test('going back before an earlier fork shortens the strands above it too', () => {
  const all = [timeline('t0001'), timeline('t0002', ['t0001', 10]), timeline('t0003', ['t0002', 4])];
  expect(path(all, 't0003')).toEqual([
    ['t0001', at(4), []],
    ['t0002', at(4), []],
    ['t0003', undefined, []],
  ]);
});

test('a missing parent and a loop are named', () => {
  expect(() => timelinePath([timeline('t0002', ['t0001', 1])], 't0002')).toThrow(/t0001 is not recorded/);
  const loop = [timeline('t0002', ['t0003', 1]), timeline('t0003', ['t0002', 2])];
  expect(() => timelinePath(loop, 't0003')).toThrow(/t0002 cannot be followed .* not older/);
  expect(() => timelinePath([timeline('t0001', ['t0001', 1])], 't0001')).toThrow(/not older/);
});

test('an unknown timeline is refused with the known ones', () => {
  expect(() => timelinePath([timeline('t0001')], 't0009')).toThrow(/no timeline "t0009"/);
});

test('the instants of a path are microseconds', () => {
  const [strand] = timelinePath([timeline('t0001'), timeline('t0002', ['t0001', 10])], 't0002');
  expect(strand?.until).toBe(instantOf(at(10)));
});
