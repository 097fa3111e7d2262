import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Drawn, history, playHistory } from '../../test/support/recovery-history.ts';

/**
 * Histories of a restore in place on a ring of three: jobs that are refused, fail half way, lose their agent or their answer on any node, servers that
 * do not start, a store that is away, the program killed at any event, and what a person does then, in any order. Whatever happened, the environment
 * ends as it was before or as it was restored, on every node alike, by the command that Cardea names.
 */
test('C3: whatever fails, a restore, its revert and its acceptance come to an end by the way that is named', {
  timeout: 300_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(history, async (drawn) => {
      expect(await playHistory(drawn)).toEqual([]);
    }),
    { numRuns: Number(process.env['CARDEA_HISTORIES'] ?? 500) },
  );
});

/** Past failures, each by what it was. */
const past: ReadonlyArray<readonly [string, Drawn]> = [
  ['nothing goes wrong', { faults: [], kill: undefined, person: ['accept'] }],
  [
    'set-aside refused on one node of three, then reverted',
    { faults: [{ node: 1, job: 'set-aside', fault: 'refused', times: 1 }], kill: undefined, person: ['revert'] },
  ],
  [
    'set-aside refused on one node of three, then resumed',
    {
      faults: [{ node: 1, job: 'set-aside', fault: 'refused', times: 1 }],
      kill: undefined,
      person: ['resume', 'accept'],
    },
  ],
  [
    'an unfinished restore is not accepted',
    {
      faults: [{ node: 2, job: 'restore-files', fault: 'fails', times: 9 }],
      kill: undefined,
      person: ['accept', 'revert'],
    },
  ],
  [
    'a reverted restore is not resumed',
    {
      faults: [{ node: 2, job: 'restore-files', fault: 'fails', times: 1 }],
      kill: undefined,
      person: ['revert', 'resume'],
    },
  ],
  [
    'a stale run is resumed beside a newer restore that has emptied the disks',
    {
      faults: [{ node: 1, job: 'set-aside', fault: 'refused', times: 1 }],
      kill: { put: 35, before: true },
      person: ['restore', 'revert', 'resume', 'resume'],
    },
  ],
  [
    'an accept comes while a revert is interrupted, its servers stopped',
    { faults: [], size: 3, away: { from: 187, calls: 31 }, kill: undefined, person: ['revert'] },
  ],
  [
    'the store goes away while a killed restore is resumed on five nodes',
    { faults: [], size: 5, away: { from: 152, calls: 54 }, kill: { put: 47, before: true }, person: ['resume'] },
  ],
  [
    'an agent dies twice in the middle of setting aside',
    {
      faults: [{ node: 1, job: 'set-aside', fault: 'killed', times: 2 }],
      kill: undefined,
      person: ['accept', 'restore'],
    },
  ],
];

test.each(past)('%s', async (_name, drawn) => {
  expect(await playHistory(drawn)).toEqual([]);
});
