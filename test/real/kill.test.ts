import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { fingerprintGraph } from '../../src/graph/fingerprint.ts';
import { type RunState, replay } from '../../src/journal/run-state.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { formatInstant, microsOf } from '../../src/model/instant.ts';
import { inventoryDocument, inventoryKey } from '../../src/model/restore-point.ts';
import { getPoint, updatePoint } from '../../src/runbooks/catalog/point-catalog.ts';
import { inFull } from '../support/in-full.ts';
import { eventNames, killAfterEveryEvent, type KilledRun } from '../support/killed-run.ts';
import {
  claimsBelow,
  filesBelow,
  loadSample,
  type Report,
  sandboxUp,
  shippedUpTo,
  snapshotsOf,
  strayProcesses,
  type TestSandbox,
} from '../support/sandbox.ts';

/**
 * Killed anywhere: the program kills itself with SIGKILL after an event of its journal is durable, is resumed, and kills itself after a later one,
 * until it has died after every event of one backup, one rehearsal and one restore in place (`npm run test:faults`), or after every fifth, in each
 * run others (`npm test`). What comes out is held against the same operation left in peace.
 */
const every = inFull ? 1 : 5;
const first = randomInt(every);
const taken = z.object({ run: z.string(), point: z.string() });
const ran = z.object({ run: z.string(), ok: z.literal(true) });
const checked = z.object({
  ok: z.literal(true),
  fingerprint: z.looseObject({ hash: z.string() }),
  findings: z.array(z.never()),
});

let sandbox: TestSandbox;
/** Before any kill. */
let servers: Report;
let undisturbed: z.infer<typeof taken>;
let kills = 0;

beforeAll(async () => {
  sandbox = await sandboxUp(1);
  await loadSample(sandbox.platform, 'killed-anywhere');
  undisturbed = await sandbox.answer(taken, 'backup', 'local', '--quiesced');
  servers = await sandbox.status();
});

afterAll(async () => {
  process.stdout.write(`killed anywhere: ${kills} kills, after every event from ${first} on in steps of ${every}\n`);
  await sandbox?.down();
});

test('B3 B6: a backup killed after any event ends as one left in peace', async () => {
  const wanted = await undisturbedEvents(undisturbed.run);
  const killed = await killAfterEveryEvent(sandbox, ['backup', 'local', '--quiesced'], wanted, {
    passedOver: passedOver(wanted),
  });
  await expectDeathAfterAll(killed, wanted);
  const [run, peaceful] = [await stateOf(killed.run), await stateOf(undisturbed.run)];
  // A living database holds other bytes each time; that they are the same from step to step is looked at below.
  // Nobody promised the quiet to those who carried it on.
  const varying = ['bytes', 'files', 'newBytes', 'expectedNewBytes', 'kept', 'quiet', 'stock'];
  expect(outcomes(run, varying)).toEqual(outcomes(peaceful, varying));
  expect(run.steps['retention']?.result).toMatchObject({ kept: 2, removed: { count: 0 } });

  const { bucket } = sandbox.platform;
  const point = await getPoint(bucket, z.object({ point: z.string() }).parse(run.steps['record-taken']?.result).point);
  expect(point).toMatchObject({ run: killed.run, proof: 'checked', cut: 'fuzzy' });
  expect(point.fingerprint).toBeUndefined();
  const size = z.object({ bytes: z.number(), files: z.number() });
  const sizes = ['snapshot', 'upload', 'verify'].map((step) => size.parse(run.steps[step]?.result));
  expect(sizes).toEqual(sizes.map(() => ({ bytes: point.bytes, files: point.nodes[0]?.files })));

  const found = /^findings\//;
  const quiet = await storedBeside(undisturbed.point);
  expect(await storedBeside(point.id)).toEqual(quiet.filter((name) => !found.test(name)));
  expect(await unknownFiles([point.id, undisturbed.point])).toEqual([]);
  await expectNothingLeft(point.id);
});

test('a rehearsal killed after any event ends as one left in peace: proven, and nothing of the copy is left', async () => {
  const peaceful = await sandbox.answer(ran, 'rehearse', 'local', undisturbed.point);
  const wanted = await undisturbedEvents(peaceful.run);
  const point = await getPoint(sandbox.platform.bucket, undisturbed.point);
  expect(point).toMatchObject({ proof: 'proven', proven: { run: peaceful.run } });
  const { proven: _, ...unproven } = point;
  await updatePoint(sandbox.platform.bucket, point.id, () => ({ ...unproven, proof: 'checked' }));
  const killed = await killAfterEveryEvent(sandbox, ['rehearse', 'local', undisturbed.point], wanted, {
    passedOver: passedOver(wanted),
  });
  await expectDeathAfterAll(killed, wanted);
  expect(outcomes(await stateOf(killed.run))).toEqual(outcomes(await stateOf(peaceful.run)));
  const again = await getPoint(sandbox.platform.bucket, undisturbed.point);
  expect(again).toEqual({ ...point, proven: { ...again.proven, run: killed.run } });
  await expectNothingLeft(undisturbed.point);
});

test('C3 C4 C6: a restore to an instant killed after any event ends as one left in peace, and can be accepted', async () => {
  // Nothing was written since the quiesced backups, so the instant's graph is the one that they recorded.
  const instant = formatInstant(microsOf(new Date()));
  const command = ['restore', 'local', '--to', instant, '--timeline', 't0001', '--confirm', 'local', '--without-base'];
  await shippedUpTo(sandbox, instant);
  await spoilGraph();
  const peaceful = await sandbox.answer(ran, ...command);
  await sandbox.answer(ran, 'restore', 'accept', peaceful.run, '--env', 'local', '--confirm', 'local');
  const wanted = await undisturbedEvents(peaceful.run);

  await spoilGraph();
  const point = await getPoint(sandbox.platform.bucket, undisturbed.point);
  const { database, keyspace } = sandbox.platform;
  expect((await fingerprintGraph(database, keyspace)).hash).not.toBe(point.fingerprint?.hash);
  let refusals = 0;
  const setAside = 'step-succeeded set-aside';
  const look = async (run: string) => {
    const up = await sandbox.cardea('sandbox', 'up', 'local');
    expect(up).toMatchObject({ exitCode: 3, json: { problem: { code: 'restore-unfinished' } } });
    expect(up.stdout).toContain(`cardea run resume ${run}`);
    refusals += 1;
  };
  const killed = await killAfterEveryEvent(sandbox, command, wanted, {
    passedOver: passedOver(wanted, setAside),
    lookAt: { event: setAside, look },
  });
  await expectDeathAfterAll(killed, wanted);
  expect(refusals).toBeGreaterThan(0);
  // How much lay there before, and how far ids had been claimed, is no outcome of the restore. What another process had noted of ids, before it was
  // killed with the database stopped, may be old: then they jump ahead.
  const varying = [
    'set-aside.bytes',
    'start-database.lastSegments',
    'note-ids.known',
    'make-sound.idBlocksAdvanced',
    ...logged,
  ];
  expect(outcomes(await stateOf(killed.run), varying)).toEqual(outcomes(await stateOf(peaceful.run), varying));
  const graph = await sandbox.answer(checked, 'check', 'local');
  expect(graph.fingerprint).toEqual(point.fingerprint);

  expect(filesBelow(asideOf(servers)).length).toBeGreaterThan(0);
  await sandbox.answer(ran, 'restore', 'accept', killed.run, '--env', 'local', '--confirm', 'local');
  expect(filesBelow(asideOf(servers)).filter((file) => !/\/(placement|logs)\.json$/.test(file))).toEqual([]);
  await expectNothingLeft(undisturbed.point);
});

test('F3: the audit chain of all the killed runs is whole', async () => {
  const audit = await sandbox.answer(z.looseObject({ ok: z.boolean() }), 'audit', 'local');
  expect(audit.ok).toBe(true);
});

/** The peaceful restore opened a timeline, and the killed one took the ids that were claimed on it from its log, too. */
const logged = [
  ...['sha256', 'streams', 'objects', 'bytes'].map((field) => `plan-logs.${field}`),
  'verify-logs.sha256',
  'verify-logs.bytes',
  'note-history.timeline',
  ...['timeline', 'newest'].map((field) => `pause-shipping.${field}`),
  ...['mutations', 'dropped', 'bytes', 'lastSegments'].map((field) => `place-logs.${field}`),
  'open-timeline.timeline',
];

async function expectDeathAfterAll({ run, kills: made, lastWords, last }: KilledRun, wanted: readonly string[]) {
  kills += made;
  const must = wanted.filter((name) => !passedOver(wanted).includes(name));
  expect(must.filter((name) => !lastWords.has(name))).toEqual([]);
  expect(last).toMatchObject({ exitCode: 0, json: { run, ok: true } });
}

/** Events of an undisturbed run after which it is not killed; never its last one, and never `but`. */
function passedOver(wanted: readonly string[], but?: string): readonly string[] {
  return wanted.filter((name, index) => index % every !== first && name !== 'run-succeeded' && name !== but);
}

/** A step that a busy machine made try again is not part of it. */
async function undisturbedEvents(run: string): Promise<readonly string[]> {
  return (await eventNames(sandbox, run)).filter((name) => !name.startsWith('step-failed'));
}

async function stateOf(run: string): Promise<RunState> {
  const state = replay((await readJournal(sandbox.platform.bucket, run)).events);
  if (state === undefined) throw new TypeError(`${run} has no journal`);
  return state;
}

/** Status and result of every step, without times, names that a run gives, and the fields left out: `field` anywhere or `step.field`. */
function outcomes({ status, steps }: RunState, without: readonly string[] = []) {
  const bare = (step: string, value: unknown): unknown => {
    if (Array.isArray(value)) return value.map((each) => bare(step, each));
    if (typeof value !== 'object' || value === null) return value;
    const names = ['seconds', 'startedAt', 'at', 'from', 'to', 'point', 'copy', ...without];
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name]) => !names.includes(name) && !names.includes(`${step}.${name}`))
        .map(([name, inner]) => [name, bare(step, inner)]),
    );
  };
  const ended = Object.values(steps).map((step) => [
    step.step,
    { status: step.status, result: bare(step.step, step.result) },
  ]);
  return { status, steps: Object.fromEntries(ended) };
}

/** Names of what the bucket holds under a point's own name. */
async function storedBeside(point: string): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { key } of sandbox.platform.bucket.list('')) {
    if (key.includes(point) && !key.startsWith('runs/'))
      found.push(key.replaceAll(point, 'POINT').replace(/\d{10}/, 'TIME'));
  }
  return found.sort();
}

/** Data files in the store that no inventory of the points names. */
async function unknownFiles(points: readonly string[]): Promise<readonly string[]> {
  const { bucket, nodes } = sandbox.platform;
  const unknown: string[] = [];
  for (const { name } of nodes) {
    const known = new Set<string>();
    for (const point of points) {
      const stored = await bucket.get(inventoryKey(point, name));
      const { tables } = inventoryDocument.read(stored?.body ?? '', point);
      for (const { keyspace, table, files } of tables) {
        for (const { path } of files) known.add(`medusa/${name}/data/${keyspace}/${table}/${path}`);
      }
    }
    for await (const { key } of bucket.list(`medusa/${name}/data/`)) if (!known.has(key)) unknown.push(key);
  }
  return unknown;
}

async function expectNothingLeft(point: string): Promise<void> {
  const now = await sandbox.status();
  expect(now).toMatchObject({ state: 'up', copies: [] });
  expect(snapshotsOf(now, point)).toEqual([]);
  expect(strayProcesses(sandbox.home, now)).toEqual([]);
  expect(claimsBelow(sandbox.home)).toEqual([sandbox.directory]);
}

function asideOf({ directory, nodes }: Report): string {
  return `${directory}/nodes/${nodes[0]?.name}/aside`;
}

/** Vertices that the point does not know, and one of its own gone. */
async function spoilGraph(): Promise<void> {
  await sandbox.platform.graph.submit(
    'g.addV("customer").iterate(); g.V().hasLabel("account").limit(3).drop().iterate(); g.tx().commit(); []',
  );
}
