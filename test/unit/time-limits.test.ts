import { expect, test } from 'vitest';
import * as exported from '../../src/runbooks/index.ts';
import { timeLimitMs, type TimeLimit } from '../../src/runbook/time-limit.ts';

/**
 * A time limit that is a constant ends the recovery of a large environment for good. So the limit of each step follows the bytes that it handles,
 * or there is a reason why its work does not grow with them.
 */
interface Limited {
  readonly id: string;
  readonly timeout: TimeLimit;
}
const runbooks = Object.values(exported).flatMap((each) => ('steps' in each ? [each] : []));
const steps: ReadonlyArray<{ readonly runbook: string; readonly step: Limited }> = runbooks.flatMap(
  ({ name, steps: of }) => of.map((step) => ({ runbook: name, step: step as unknown as Limited })),
);

const documents = 'It reads or writes a few small documents of the bucket.';
const files = 'Agents walk over the names and sizes of their files; none is read. A million names take a minute.';
const servers = 'Servers are asked or stopped, whatever they hold.';

/** Why the limit of a step is a constant. */
const reasons: Readonly<Record<string, string>> = {
  'begin-decision': documents,
  'check-aside': 'Each agent compares its file systems, and asks whether the end of its database can be seen.',
  'check-disk': files,
  'check-form': 'It reads the schema of the graph and the settings of its servers, not its data.',
  'check-kept': files,
  'check-nodes': servers,
  'check-point': 'It reads the documents of the point; the longest have a line for each file.',
  'check-restore': documents,
  'check-restores': documents,
  'check-servers': servers,
  'check-store': 'It writes, reads and deletes one small object.',
  'choose-points': 'It reads one document for each point, and retention keeps them few.',
  'commit-times': servers,
  'find-record': documents,
  'log-retention': 'It stops by itself after an hour; the next backup removes the rest.',
  'look-services': servers,
  'mark-disks':
    'Each agent writes one empty file. Which marks stay is asked of the first and last events of the restores of forty days.',
  'note-history': documents,
  'note-ids': 'It reads one row for each block of ids that was ever claimed, which are thousands of ids each.',
  'open-record': documents,
  'open-timeline': documents,
  'pause-shipping':
    'Each agent gives up by itself after a minute and says what is not shipped; being asked again, it goes on.',
  'prepare-copy': 'Empty nodes are set up.',
  'record-accepted': documents,
  'record-proof': documents,
  'record-reverted': documents,
  'record-schema': 'It reads the schema of the graph, and a sample of its vertices that has a bound.',
  'record-taken': documents,
  'repair-roles': 'Roles and passwords alone are compared.',
  'same-history': documents,
  'still-written': documents,
  'same-ids': 'It looks at the result of another step.',
  'set-aside': 'Folders are renamed, on one file system, whatever they hold.',
  'ship-logs': 'Agents are told to begin; they ship by themselves.',
  'start-agents': servers,
  'start-graph': 'JanusGraph reads its schema and claims ids; it opens no data.',
  'start-shipping': 'Agents are told to begin; they ship by themselves.',
  'stop-database': 'A drain writes what is in memory, which the settings of the database bound.',
  'stop-graph': servers,
};

test('the time limit of each step follows bytes, or there is a reason why its work does not grow with them', () => {
  const constant = steps.filter(({ step }) => typeof step.timeout === 'string');
  expect(
    constant.filter(({ step }) => !(step.id in reasons)).map(({ runbook, step }) => `${runbook}: ${step.id}`),
    'Let the limit follow bytes (src/runbook/time-limit.ts), or say in `reasons` why the work is always the same.',
  ).toEqual([]);
  const ids = new Set(constant.map(({ step }) => step.id));
  expect(Object.keys(reasons).filter((id) => !ids.has(id))).toEqual([]);
});

test('a step whose limit follows bytes may take longer for ten tebibytes than for nothing', () => {
  const bytes = 10 * 2 ** 40;
  for (const { runbook, step } of steps) {
    const { timeout } = step;
    if (typeof timeout === 'string') continue;
    // Each source counts by itself.
    for (const path of timeout.of) {
      const facts: Record<string, unknown> = {};
      const names = path.split('.');
      names.slice(0, -1).reduce((at, name) => (at[name] = {}) as Record<string, unknown>, facts)[names.at(-1) ?? ''] =
        bytes;
      const { params, ...results } = facts;
      const [none, much] = [
        timeLimitMs(timeout, { params: {}, results: {} }),
        timeLimitMs(timeout, { params, results }),
      ];
      expect(much, `${runbook}: ${step.id} by ${path}`).toBeGreaterThan(none);
    }
  }
});

test('what a limit follows is in the results or the params that it names', () => {
  const wrong = runbooks.flatMap(({ name, steps: of, params }) =>
    of.flatMap(({ id, timeout }) => {
      if (typeof timeout === 'string') return [];
      const sources = [
        ...timeout.of.map(String),
        ...(timeout.rates ?? []).flatMap((rate) => [`${rate}.bytes`, `${rate}.seconds`]),
      ];
      return sources
        .filter((path) => {
          const [source, ...rest] = path.split('.');
          const schema = source === 'params' ? params : of.find((step) => step.id === source)?.result;
          return !holds(schema, rest);
        })
        .map((path) => `${name}: ${id} by ${path}`);
    }),
  );
  expect(wrong).toEqual([]);
});

/** Whether the schema of an object has the field, however deep. */
function holds(schema: unknown, path: readonly string[]): boolean {
  let at: unknown = schema;
  for (const name of path) {
    while (isWrapped(at)) at = at.unwrap();
    const shape = typeof at === 'object' && at !== null && 'shape' in at ? at.shape : undefined;
    at = (shape as Record<string, unknown> | undefined)?.[name];
  }
  return at !== undefined;
}

function isWrapped(value: unknown): value is { unwrap(): unknown } {
  return typeof value === 'object' && value !== null && 'unwrap' in value && typeof value.unwrap === 'function';
}
