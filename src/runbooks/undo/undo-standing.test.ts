import { beforeEach, describe, expect, test } from 'vitest';
import { grouped, removedAt, writtenAt } from '../../../test/support/graph-changes.ts';
import { GraphLog } from '../../../test/support/graph-log.ts';
import { HastyClock } from '../../../test/support/hasty-clock.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { hosts, second } from '../../../test/support/shipped-bucket.ts';
import { TableRows } from '../../../test/support/table-rows.ts';
import { readSchema } from '../../graph/schema.ts';
import type { StoredChange } from '../../graph/transactions/stored-change.ts';
import { commitSlot } from '../../model/commit-slot.ts';
import { formatInstant, type Micros } from '../../model/instant.ts';
import { type UndoPlan, undoPlanDocument } from '../../model/undo-plan.ts';
import type { Platform } from '../../ports/platform.ts';
import { stepsToRepeat } from '../../runbook/schedule.ts';
import { requireStillWritten } from '../steps/same-history.ts';
import { undoCompensateRunbook } from '../undo-compensate.ts';
import { analyseUndo } from './undo-analysis.ts';
import { makeUndoPlan } from './undo-plan.ts';
import { requireStanding } from './undo-standing.ts';

const run = 'undo-compensate-20260219-031500-k3f9';
const keyspace = 'janusgraph';
const golden = new TableRows();
const schema = await readSchema(golden, keyspace);
const slot = (count: number): Micros => commitSlot(second(count));
const id = (count: number) => formatInstant(slot(count));
const all = writtenAt(golden, schema, 1);
const ofVertex = (vertex: number) =>
  all.filter(({ table, key }) => table === 'edgestore' && schema.ids.fromKey(key) === vertex);
const kindOf = (change: StoredChange) => grouped(schema, [{ ...change, at: 101 }])[0]?.cells[0]?.touch.kind;
/** A vertex with label and property. */
const lone = ofVertex(4316);
const property = lone.filter((change) => kindOf(change) === 'property');
const existence = lone.filter((change) => kindOf(change) === 'vertex');
const { signal } = new AbortController();

let bucket: MemoryStore;
let log: GraphLog;
let live: TableRows;

beforeEach(async () => {
  bucket = new MemoryStore();
  log = new GraphLog(bucket);
  live = new TableRows();
  await log.open('t0001', second(0));
});

const platform = () => ({ database: live, keyspace, bucket }) as unknown as Platform;
const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');

function write(changes: readonly StoredChange[], at: Micros): void {
  for (const { table, key, column, value } of changes) {
    live.put(table, hex(key), hex(column), hex(value));
    live.times.set(`${hex(key)} ${hex(column)}`, BigInt(at));
  }
}

function remove(changes: readonly StoredChange[]): void {
  for (const { table, key, column } of changes) live.remove(table, hex(key), hex(column));
}

async function ship(from: number, to: number, changes: readonly StoredChange[]): Promise<void> {
  for (const host of hosts.slice(0, 2)) {
    await log.ship({ timeline: 't0001', host, from: second(from), to: second(to) }, changes);
  }
}

/** The plan that undoes the transaction of this second, as the journal's hash binds it. `old`: the database just before it. */
async function planned(count: number, old: TableRows, settleMargin = 0): Promise<UndoPlan> {
  const analysis = await analyseUndo({ bucket, keyspace }, { schema }, { groups: [id(count)], settleMargin });
  const { plan } = await makeUndoPlan({
    run,
    environment: 'prod',
    live: platform(),
    copy: { database: old, keyspace } as unknown as Platform,
    schema,
    analysis,
    now: second(60),
    signal,
  });
  return undoPlanDocument.read(undoPlanDocument.write(plan), 'plan');
}

async function ask(plan: UndoPlan, at: number, settleMargin = 0): Promise<readonly string[]> {
  const said: string[] = [];
  await requireStanding({
    platform: platform(),
    clock: new HastyClock(second(at) / 1000),
    now: second(at),
    environment: 'prod',
    plan,
    settleMargin,
    patienceMs: 60_000,
    signal,
    log: (line) => said.push(line),
  });
  return said;
}

const refused = (details: string) => ({
  kind: 'refused',
  code: 'undo-changed',
  state: 'The graph was not changed.',
  next: expect.stringContaining('Start the undo anew'),
  details: expect.arrayContaining([expect.stringContaining(details)]),
});

const hours = 3 * 3600;

describe('a property that was removed is to come back', () => {
  let plan: UndoPlan;

  beforeEach(async () => {
    write(lone, slot(10));
    await ship(
      0,
      15,
      lone.map((change) => ({ ...change, at: slot(10) })),
    );
    remove(property);
    await ship(15, 60, removedAt(property, slot(20) - 1));
    plan = await planned(20, new TableRows());
  });

  test('while nobody changes anything it stands, also hours later', async () => {
    expect(plan.writes).toHaveLength(property.length);
    expect(await ask(plan, 61)).toEqual([]);
    await ship(60, hours, []);
    expect(await ask(plan, hours)).toEqual([]);
  });

  test('its vertex is deleted meanwhile, which leaves no trace in the cell that would be written', async () => {
    remove(existence);
    // Not even when the log tells nothing of it yet.
    await expect(ask(plan, hours)).rejects.toMatchObject(refused('a cell was removed'));
    await ship(60, hours, removedAt(existence, slot(100) - 1));
    await expect(ask(plan, hours)).rejects.toMatchObject(refused('removed a vertex that the undo would write to'));
  });

  test('somebody sets it again', async () => {
    write(property, slot(100));
    await expect(ask(plan, hours)).rejects.toMatchObject(refused(`a cell was written at ${id(100)}`));
  });

  test('somebody sets it to the same value as before', async () => {
    write(property, slot(100));
    const other = await planned(20, new TableRows());
    expect(other.writes).toEqual([]);
    await expect(ask(plan, hours)).rejects.toMatchObject(refused('a cell was written'));
  });

  test('where the newest log is missing that is said, and the cells are compared all the same', async () => {
    expect(await ask(plan, hours)).toEqual([expect.stringContaining('the newest log is not in the store yet')]);
  });

  test('the graph cannot be read, so nothing is told to stand', async () => {
    live.execute = async () => Promise.reject(new Error('away'));
    await expect(ask(plan, 61)).rejects.toThrow('away');
  });
});

test('a vertex is to go, and somebody has built on it since', async () => {
  write(lone, slot(20));
  await ship(
    0,
    60,
    lone.map((change) => ({ ...change, at: slot(20) })),
  );
  const old = new TableRows();
  for (const { table, key, column } of lone) old.remove(table, hex(key), hex(column));
  const plan = await planned(20, old);
  expect(plan.writes).toHaveLength(lone.length);
  const [first] = property;
  // Another property of it, which is none of the cells of the plan.
  const column = Buffer.concat([Buffer.from(first?.column ?? []), Buffer.from([0x80])]);
  const added = { ...first, column, at: slot(100) } as StoredChange;
  await ship(60, hours, [added]);
  await expect(ask(plan, hours)).rejects.toMatchObject(refused('depends on a vertex that the undo would remove'));
});

test('where commits may take longer than usual, what one of them has built on it, that reached the log minutes later, is found before the write', async () => {
  const margin = 600_000_000;
  write(lone, slot(20));
  await ship(
    0,
    60,
    lone.map((change) => ({ ...change, at: slot(20) })),
  );
  const old = new TableRows();
  for (const { table, key, column } of lone) old.remove(table, hex(key), hex(column));
  const plan = await planned(20, old, margin);
  const [first] = property;
  const column = Buffer.concat([Buffer.from(first?.column ?? []), Buffer.from([0x80])]);
  const added = { ...first, column, at: slot(100) } as StoredChange;
  const other = { ...first, key: Buffer.from('ffffffffffffff01', 'hex') } as StoredChange;
  await ship(60, 300, [{ ...other, at: slot(299) }]);
  await ship(300, 420, [added]);
  await ship(420, 900, [{ ...other, at: slot(899) }]);
  await expect(ask(plan, 900, margin)).rejects.toMatchObject(refused('depends on a vertex that the undo would remove'));
});

test('an undo that is resumed before it has written anything asks again, and after that not', () => {
  const done = ['check-servers', 'plan-undo', 'same-history', 'same-cells'];
  const states = (steps: readonly string[]) =>
    Object.fromEntries(steps.map((step) => [step, { step, status: 'succeeded', attempts: 1, failures: 0 }]));
  const repeated = (steps: readonly string[]) =>
    stepsToRepeat(undoCompensateRunbook as never, states(steps) as never, { ended: false });
  expect(repeated(done)).toContain('same-cells');
  expect(repeated([...done, 'write-undo'])).not.toContain('same-cells');
  expect(undoCompensateRunbook.steps.find((step) => step.id === 'write-undo')?.needs).toContain('same-cells');
});

test('an undo that is carried on after it has written asks whether that is part of the present data: it may have been restored since', () => {
  const rest = new Set(['reindex', 'verify-undo', 'remove-copy']);
  const done = undoCompensateRunbook.steps.map((step) => step.id).filter((step) => !rest.has(step));
  const states = Object.fromEntries(
    done.map((step) => [step, { step, status: 'succeeded', attempts: 1, failures: 0 }]),
  );
  expect(stepsToRepeat(undoCompensateRunbook as never, states as never, { ended: false })).toContain('still-written');
});

describe('what an undo has written, and a restore since', () => {
  const written = { timeline: 't0001', commit: slot(100) };
  const opened = async (forkedAt: number, more: object = {}) =>
    log.open('t0002', second(500), { parent: { id: 't0001', forkedAt: formatInstant(second(forkedAt)) }, ...more });

  test('without one it is there', async () => {
    expect(await requireStillWritten(bucket, 'prod', written)).toEqual({ timeline: 't0001' });
  });

  test('to an instant after it: it is part of what came back, and the run is completed there', async () => {
    await opened(200);
    expect(await requireStillWritten(bucket, 'prod', written)).toEqual({ timeline: 't0002' });
  });

  test.each([
    ['to an instant before it', 50, {}],
    ['that left it out', 200, { exclusions: [id(100)] }],
  ])('%s: the run has nothing to complete', async (_which, forkedAt, more) => {
    await opened(forkedAt, more);
    await expect(requireStillWritten(bucket, 'prod', written)).rejects.toMatchObject({
      code: 'history-changed',
      state: 'There is nothing left that this run could complete.',
    });
  });
});
