import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JobKind } from '../ports/node-agent.ts';
import { type Drawn, history, jobKinds, playHistory } from '../../test/support/recovery-history.ts';

/**
 * Histories of backups, rehearsals, restores to points and instants, undos, reverts and acceptances on rings of three and five nodes in one and two
 * racks: jobs that are refused, fail half way, lose their agent or their answer on any nodes, servers that do not start, a store that is away, the
 * program killed around anything that it does, clocks that are set, and what a person does then, in any order. Whatever happened, the environment
 * ends as it was before or as it was restored, on every node alike, by the command that Cardea names (test/support/recovery-oracle.ts).
 */
test('C3: whatever fails, everything that was begun comes to an end by the way that is named', {
  timeout: 300_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(history, async (drawn) => {
      expect(await playHistory(drawn)).toEqual([]);
    }),
    {
      numRuns: Number(process.env['CARDEA_HISTORIES'] ?? 150),
      interruptAfterTimeLimit: 40_000,
      markInterruptAsFailure: false,
    },
  );
});

const plain = (...deeds: ReadonlyArray<Drawn['person'][number]['deed']>): Drawn => ({
  faults: [],
  person: deeds.map((deed) => ({ deed })),
});

/** Where each kind of job has its place: a history that runs it. */
const places: Readonly<Record<JobKind, Drawn>> = {
  snapshot: plain('backup'),
  upload: plain('backup'),
  verify: plain('backup'),
  reread: plain('backup'),
  'clear-snapshot': plain('backup'),
  'delete-backup': { ...plain('backup'), faults: [{ job: 'upload', nodes: 1, fault: 'refused', times: 1 }] },
  'stage-files': plain('restore'),
  'stage-logs': plain('instant'),
  'clear-stage': { ...plain('restore'), services: { stop: 1 } },
  'check-aside': plain('restore'),
  'look-aside': plain('restore', 'accept'),
  'look-placed': plain('restore'),
  'look-replayed': plain('instant'),
  'mark-disk': plain('restore'),
  'set-aside': plain('restore'),
  'restore-files': plain('rehearse'),
  'repair-roles': { ...plain('restore'), rolesLost: 2 },
  'place-logs': plain('instant'),
  'note-drained': { ...plain('instant'), tableMade: true },
  'pause-shipping': plain('restore'),
  'start-shipping': plain('restore'),
  'accept-aside': plain('restore', 'accept'),
  'revert-aside': plain('restore', 'revert'),
};

test('every kind of job has a place in these histories', () => {
  expect(Object.keys(places).sort()).toEqual([...jobKinds].sort());
});

test.each(jobKinds)('%s is run in the history that is named for it', async (kind) => {
  const begun = new Set<JobKind>();
  expect(await playHistory(places[kind], { onJob: (each) => void begun.add(each) })).toEqual([]);
  expect([...begun]).toContain(kind);
});

/** Past failures, each by what it was. */
const past: ReadonlyArray<readonly [string, Drawn]> = [
  [
    'files refused on a node, and a store that goes away before the end of the run is noted',
    {
      faults: [{ job: 'restore-files', nodes: 4, fault: 'refused', times: 1 }],
      store: { away: { from: 900, calls: 33 } },
      services: { start: 1 },
      busy: 15,
      person: [{ deed: 'rehearse' }, { deed: 'into' }, { deed: 'restore', base: true }, { deed: 'told' }],
    },
  ],
  ['nothing goes wrong', { faults: [], person: [{ deed: 'restore' }, { deed: 'accept' }] }],
  [
    'a second revert that was killed before it had looked, beside one that was left with servers stopped',
    {
      faults: [],
      person: [
        { deed: 'instant' },
        { deed: 'revert', ending: { at: 37, before: true, how: 'interrupted' } },
        { deed: 'revert', ending: { at: 7, before: true, how: 'killed' } },
      ],
      back: true,
    },
  ],
  [
    'a cancel that was asked for of a restore that was killed with its data half in place',
    {
      faults: [],
      person: [{ deed: 'restore', ending: { at: 95, before: false, how: 'killed' } }, { deed: 'cancel' }],
    },
  ],
  [
    'set-aside refused on one node of three, then reverted',
    {
      faults: [{ nodes: 2, job: 'set-aside', fault: 'refused', times: 1 }],
      person: [{ deed: 'restore' }, { deed: 'revert' }],
    },
  ],
  [
    'set-aside refused on one node of three, then resumed',
    {
      faults: [{ nodes: 2, job: 'set-aside', fault: 'refused', times: 1 }],
      person: [{ deed: 'restore' }, { deed: 'resume' }, { deed: 'accept' }],
    },
  ],
  [
    'an unfinished restore is not accepted',
    {
      faults: [{ nodes: 4, job: 'restore-files', fault: 'refused', times: 9 }],
      person: [{ deed: 'restore' }, { deed: 'accept' }, { deed: 'revert' }],
    },
  ],
  [
    'a reverted restore is not resumed',
    {
      faults: [{ nodes: 4, job: 'restore-files', fault: 'refused', times: 1 }],
      person: [{ deed: 'restore' }, { deed: 'revert' }, { deed: 'resume' }],
    },
  ],
  [
    'a stale run is resumed beside a newer restore that has emptied the disks',
    {
      faults: [{ nodes: 2, job: 'set-aside', fault: 'refused', times: 1 }],
      person: [
        { deed: 'restore', ending: { at: 60, before: true, how: 'killed' } },
        { deed: 'restore' },
        { deed: 'revert' },
        { deed: 'resume' },
        { deed: 'resume', which: 1 },
      ],
    },
  ],
  [
    'an accept comes while a revert is interrupted, its servers stopped',
    {
      faults: [],
      person: [
        { deed: 'restore' },
        { deed: 'revert', ending: { at: 50, before: false, how: 'interrupted' } },
        { deed: 'accept' },
      ],
    },
  ],
  [
    'the store goes away while a killed restore is resumed on five nodes',
    {
      faults: [],
      size: 5,
      store: { away: { from: 400, calls: 54 } },
      person: [{ deed: 'restore', ending: { at: 80, before: true, how: 'killed' } }, { deed: 'resume' }],
    },
  ],
  [
    'an agent dies twice in the middle of setting aside',
    {
      faults: [{ nodes: 2, job: 'set-aside', fault: 'killed', times: 2 }],
      person: [{ deed: 'restore' }, { deed: 'accept' }, { deed: 'restore' }],
    },
  ],
  [
    'a revert gives out no id that the restored graph gave out',
    { faults: [], person: [{ deed: 'restore' }, { deed: 'revert' }, { deed: 'revert' }] },
  ],
  [
    'an accept that some nodes have carried out is no refusal because others refused',
    {
      faults: [{ job: 'accept-aside', nodes: 5, fault: 'refused', times: 3 }],
      person: [{ deed: 'restore' }, { deed: 'accept' }, { deed: 'resume' }],
    },
  ],
  [
    'a backup that a revert has overtaken is not carried on over other data',
    {
      faults: [],
      person: [
        { deed: 'restore' },
        { deed: 'backup', ending: { at: 24, before: true, how: 'killed' } },
        { deed: 'revert' },
        { deed: 'resume' },
      ],
    },
  ],
  [
    'a restore that is asked for by a clock that is ahead opens its timeline before its first write',
    { faults: [], busy: 30, person: [{ deed: 'restore', clock: 7200 }, { deed: 'into' }] },
  ],
  [
    'an undo by restore is refused where no base and log reach the end of the timeline',
    { faults: [], person: [{ deed: 'restore' }, { deed: 'revert' }, { deed: 'accept' }, { deed: 'undo' }] },
  ],
  [
    'an undo by restore loses nothing when the clock of who asks is behind those of the nodes',
    { faults: [], busy: 30, person: [{ deed: 'undo', clock: -45 }] },
  ],
  [
    "the clock is set back two hours after a backup's program died, and its lease must not hold that long",
    {
      faults: [],
      size: 3,
      racks: 2,
      store: { away: { from: 361, calls: 66 } },
      person: [
        { deed: 'instant', which: 1, base: true },
        { deed: 'instant', which: 0, base: true },
        { deed: 'instant', which: 0, base: true },
        { deed: 'revert', which: 0, clock: -7200 },
      ],
      back: false,
    },
  ],
  [
    'a copy of an instant before the fork of its timeline, by a clock that is behind',
    {
      faults: [
        { job: 'delete-backup', nodes: 12, fault: 'late', times: 1 },
        { job: 'clear-snapshot', nodes: 29, fault: 'killed', times: 2 },
      ],
      size: 5,
      racks: 2,
      busy: 15,
      person: [
        { deed: 'revert', which: 0, base: true },
        { deed: 'told', which: 0 },
        { deed: 'instant', which: 0 },
        { deed: 'into', which: 0, clock: -45 },
      ],
      back: true,
    },
  ],
  [
    'a restore that had failed before it moved anything is carried on, and ends so',
    {
      faults: [
        { job: 'stage-files', nodes: 17, fault: 'refused', times: 4 },
        { job: 'repair-roles', nodes: 22, fault: 'refused', times: 4 },
      ],
      size: 5,
      racks: 2,
      store: { away: { from: 252, calls: 61 } },
      busy: 15,
      person: [{ deed: 'undo', which: 1 }],
      back: true,
    },
  ],
  ...(
    [
      ['set-aside', ['restore']],
      ['restore-files', ['restore']],
      ['place-logs', ['undo']],
      ['accept-aside', ['restore', 'accept']],
      ['revert-aside', ['restore', 'revert']],
    ] as const
  ).map(
    ([job, deeds]) =>
      [
        `an agent that dies for good at ${job} is started again by whoever carries on`,
        {
          faults: [{ job, nodes: 2, fault: 'gone', times: 1 }],
          person: deeds.map((deed) => ({ deed })),
        },
      ] as const,
  ),
  [
    'an accept of a restore that failed broke off before it was refused',
    {
      faults: [],
      store: { away: { from: 691, calls: 22 } },
      services: { start: 1 },
      busy: 15,
      tableMade: true,
      person: [
        { deed: 'instant', which: 0 },
        { deed: 'accept', which: 0 },
      ],
      back: false,
    },
  ],
  [
    'a restore to a fuzzy point failed at its end, was reverted, and that revert was reverted, too',
    {
      faults: [],
      services: { 'graph-start': 1 },
      busy: 15,
      tableMade: true,
      person: [
        { deed: 'backup', together: true, which: 0, base: true },
        { deed: 'rehearse' },
        { deed: 'restore' },
        { deed: 'told' },
      ],
      back: true,
    },
  ],
];

test.each(past)('%s', async (_name, drawn) => {
  expect(await playHistory(drawn)).toEqual([]);
});
