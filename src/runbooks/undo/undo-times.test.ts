import { beforeEach, expect, test } from 'vitest';
import { removedAt, writtenAt, grouped } from '../../../test/support/graph-changes.ts';
import { GraphLog } from '../../../test/support/graph-log.ts';
import { HastyClock } from '../../../test/support/hasty-clock.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { hosts, second } from '../../../test/support/shipped-bucket.ts';
import { TableRows } from '../../../test/support/table-rows.ts';
import { readSchema } from '../../graph/schema.ts';
import type { StoredChange } from '../../graph/transactions/stored-change.ts';
import { commitSlot } from '../../model/commit-slot.ts';
import { formatInstant, instantOf, type Micros } from '../../model/instant.ts';
import type { Platform } from '../../ports/platform.ts';
import { writingNow } from './writing-now.ts';
import { undoCompensateRunbook } from '../undo-compensate.ts';
import { analyseUndo } from './undo-analysis.ts';
import { keepUndoPlan, makeUndoPlan } from './undo-plan.ts';

const run = 'undo-compensate-20260219-031500-k3f9';
const keyspace = 'janusgraph';
const golden = new TableRows();
const schema = await readSchema(golden, keyspace);
const slot = (count: number): Micros => commitSlot(second(count));
const all = writtenAt(golden, schema, 1);
const lone = all.filter(({ table, key }) => table === 'edgestore' && schema.ids.fromKey(key) === 4316);
const kindOf = (change: StoredChange) => grouped(schema, [{ ...change, at: 101 }])[0]?.cells[0]?.touch.kind;
const property = lone.filter((change) => kindOf(change) === 'property');
const { signal } = new AbortController();
const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');

let bucket: MemoryStore;
let log: GraphLog;
let live: TableRows;

beforeEach(async () => {
  bucket = new MemoryStore();
  log = new GraphLog(bucket);
  live = new TableRows();
  await log.open('t0001', second(0));
});

async function ship(from: number, to: number, changes: readonly StoredChange[]): Promise<void> {
  for (const host of hosts.slice(0, 2)) {
    await log.ship({ timeline: 't0001', host, from: second(from), to: second(to) }, changes);
  }
}

test('an undo times its cells by the clocks of the nodes, not by that of its machine: what applications write afterwards stays', async () => {
  for (const { table, key, column, value } of lone) {
    live.put(table, hex(key), hex(column), hex(value));
    live.times.set(`${hex(key)} ${hex(column)}`, BigInt(slot(10)));
  }
  await ship(
    0,
    15,
    lone.map((change) => ({ ...change, at: slot(10) })),
  );
  for (const { table, key, column } of property) live.remove(table, hex(key), hex(column));
  await ship(15, 60, removedAt(property, slot(20) - 1));
  // By every node it is the sixtieth second; by this machine it is tomorrow.
  const tomorrow = second(60 + 86_400) / 1000;
  const undone = async (clocks: ReadonlyArray<number | undefined>) => {
    const platform = {
      environment: 'prod',
      database: Object.assign(live, { ring: async () => [] }),
      keyspace,
      bucket,
      nodes: clocks.map((_, at) => ({ name: `n${at}`, address: `10.0.0.${at}` })),
      agent: (name: string) => ({
        health: async () => {
          const clock = clocks[Number(name.slice(1))];
          if (clock === undefined) throw new Error('away');
          return { at: new Date(second(clock) / 1000).toISOString() };
        },
      }),
    } as unknown as Platform;
    const services = {
      platform,
      clock: new HastyClock(tomorrow),
      config: { backup: { log: { settleMargin: '10s' } } },
    };
    const told = () => undefined;
    const analysis = await analyseUndo(
      { bucket, keyspace },
      { schema },
      { groups: [formatInstant(slot(20))], settleMargin: 0 },
    );
    const { plan } = await makeUndoPlan({
      run,
      environment: 'prod',
      live: platform,
      copy: { database: new TableRows(), keyspace } as unknown as Platform,
      schema,
      analysis,
      now: await writingNow({ services, log: told }),
      signal,
    });
    const { sha256 } = await keepUndoPlan(bucket, plan);
    const step = undoCompensateRunbook.steps.find(({ id }) => id === 'same-cells');
    const context = {
      run,
      step: 'same-cells',
      environment: 'prod',
      params: {},
      results: { 'plan-undo': { sha256 } },
      services,
      signal,
      log: told,
    } as unknown as Parameters<NonNullable<typeof step>['run']>[0];
    return (await step?.run(context)) as { readonly commit: string };
  };
  // What an application writes a minute later is newer.
  for (const clocks of [
    [60, 60, 60],
    [61, undefined, 60],
  ]) {
    const { commit } = await undone(clocks);
    expect(instantOf(commit)).toBe(slot(60));
  }
  await expect(undone([undefined, undefined])).rejects.toMatchObject({ kind: 'retryable', code: 'clocks-unknown' });
  await expect(undone([60, 3660, 60])).rejects.toMatchObject({ kind: 'refused', code: 'clocks-differ' });
});

test('an undo of a commit that took seventy seconds takes all of it, not the half that had reached the log in its first minute', async () => {
  const edges = all.filter(({ table }) => table === 'edgestore');
  const half = Math.floor(edges.length / 2);
  const at = (changes: readonly StoredChange[], time: Micros) => changes.map((change) => ({ ...change, at: time }));
  await ship(0, 15, at(edges.slice(0, half), slot(13)));
  await ship(15, 80, at(property, slot(70)));
  await ship(80, 100, at(edges.slice(half), slot(13)));
  const { chosen } = await analyseUndo(
    { bucket, keyspace },
    { schema },
    { groups: [`${formatInstant(slot(13))}/*`], settleMargin: 0 },
  );
  const cells = chosen.groups.flatMap(({ cells: found, loose }) => [...found, ...loose]);
  expect(new Set(cells.map(({ name }) => name)).size).toBe(
    new Set(edges.map(({ table, key, column }) => `${table} ${hex(key)} ${hex(column)}`)).size,
  );
});
