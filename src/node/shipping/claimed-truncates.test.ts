import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { shippedLog } from '../../../test/support/shipped-log.ts';
import { SimulatedCommitLog } from '../../../test/support/simulated-commit-log.ts';
import { timelineId } from '../../model/identifiers.ts';
import { instantOf } from '../../model/instant.ts';
import { ShippingLoop } from './shipping-loop.ts';
import type { ShippingState } from './shipping-state.ts';

const hostId = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01';
const tableId = '00000000-0000-4000-8000-00000000abcd';
const first = timelineId.parse('t0001');
const told = { signal: new AbortController().signal };

/** A node with its Cassandra and its bucket, and agents that come and go. */
class Node {
  readonly clock = new FakeClock();
  readonly bucket = new MemoryStore();
  readonly log = new SimulatedCommitLog(this.clock);
  /** By table id, milliseconds. */
  readonly truncated = new Map<string, number>();
  /** When Cassandra was asked last. */
  askedAt = 0;
  /** Cassandra runs, and answers nothing. */
  hangs = false;
  state: ShippingState = { after: null, paused: false };
  #agent: ShippingLoop | undefined;
  readonly #ended = new AbortController();

  constructor() {
    this.log.start();
  }

  async start(): Promise<ShippingLoop> {
    this.#agent = new ShippingLoop({
      node: 'node-1',
      environment: 'local',
      clock: this.clock,
      log: { write: () => undefined },
      bucket: this.bucket,
      files: this.log,
      database: {
        glance: async () => {
          this.askedAt = this.clock.now().getTime();
          if (this.hangs) await this.clock.sleep(3600_000, this.#ended.signal);
          return { hostId, tokens: ['0'], schemaVersion: 'v', truncated: new Map(this.truncated), streams: [] };
        },
        schema: async () => ({
          schemaVersion: 'v',
          cql: '',
          tables: [{ keyspace: 'bank', table: 'edgestore', id: tableId, columns: [], dropped: [] }],
          keyspaces: [
            { keyspace: 'bank', durableWrites: true, replication: { class: 'NetworkTopologyStrategy', dc1: '1' } },
          ],
        }),
        close: async () => {},
      },
      running: async () => (this.log.running ? 'running' : 'stopped'),
      state: {
        load: async () => this.state,
        save: async (state) => {
          this.state = state;
        },
      },
      intervalMs: 250,
      newWriter: () => 'agent-1',
      settings: { maximumPinned: 1024 ** 3, minimumFree: 1024, syncPeriod: 10 },
    });
    await this.#agent.start();
    return this.#agent;
  }

  async stop(): Promise<void> {
    const stopped = this.#agent?.stop();
    this.#ended.abort();
    await this.clock.advance(200);
    await stopped;
  }

  async write(seconds = 3): Promise<void> {
    this.log.write(100);
    this.log.markAll();
    await this.clock.advance(seconds * 1000);
  }

  /** Right after Cassandra was asked. */
  async justAsked(): Promise<void> {
    const before = this.askedAt;
    for (let each = 0; each < 400 && this.askedAt === before; each += 1) await this.clock.advance(10);
    await this.clock.advance(20);
  }

  /** An application empties the table, and it is acknowledged. */
  truncate(): number {
    const at = this.clock.now().getTime();
    this.truncated.set(tableId, at);
    return at * 1000;
  }

  /** What a restore reads of it: up to where everything is claimed, and the truncates that it knows. */
  async claimed() {
    const { watermark, marks } = await shippedLog(this.bucket, first, hostId);
    return { at: instantOf(watermark?.at ?? ''), truncates: marks.filter(({ what }) => what === 'truncate').length };
  }
}

test('a truncate in the last second before a restore pauses the shipping is marked, or nothing of after it is claimed', async () => {
  const node = new Node();
  const agent = await node.start();
  for (let each = 0; each < 5; each += 1) await node.write();
  await node.justAsked();
  const at = node.truncate();
  node.log.write(100);
  node.log.markAll();
  await node.clock.advance(100);
  let paused = false;
  const pausing = agent.pause(told.signal).finally(() => {
    paused = true;
  });
  await vi.waitFor(
    async () => {
      await node.clock.advance(50);
      node.log.mark();
      expect(paused).toBe(true);
    },
    { timeout: 10_000, interval: 1 },
  );
  await pausing;
  await node.clock.advance(10_000);
  const { at: covered, truncates } = await node.claimed();
  await node.stop();
  expect({ marked: truncates > 0, claimedBeyond: covered > at }).not.toEqual({ marked: false, claimedBeyond: true });
});

test('at no moment does a node claim an instant after a truncate that it has not marked: its disk may be gone the next moment', async () => {
  const node = new Node();
  await node.start();
  for (let each = 0; each < 5; each += 1) await node.write();
  await node.justAsked();
  const at = node.truncate();
  const wrong: string[] = [];
  for (let each = 0; each < 40; each += 1) {
    node.log.write(100);
    node.log.markAll();
    await node.clock.advance(100);
    const { at: covered, truncates } = await node.claimed();
    if (covered > at && truncates === 0) wrong.push(`${(covered - at) / 1000} ms after it`);
  }
  await node.stop();
  expect(wrong).toEqual([]);
});

test('the looks do not make a quiet node claim later: it is about a second behind', async () => {
  const node = new Node();
  await node.start();
  await node.clock.advance(5000);
  const late: number[] = [];
  for (let each = 0; each < 100; each += 1) {
    await node.clock.advance(100);
    const { at } = await node.claimed();
    late.push(node.clock.now().getTime() - at / 1000);
  }
  await node.stop();
  expect(Math.max(...late)).toBeLessThanOrEqual(1200);
});

test('while a running Cassandra answers no look, what it logs is shipped all the same, and nothing of it is claimed', async () => {
  const node = new Node();
  await node.start();
  for (let each = 0; each < 5; each += 1) await node.write();
  node.hangs = true;
  const hangsFrom = node.clock.now().getTime() * 1000;
  await node.clock.advance(2000);
  node.log.write(100);
  const last = node.log.writes.at(-1);
  await vi.waitFor(
    async () => {
      node.log.markAll();
      await node.clock.advance(500);
      const { objects } = await shippedLog(node.bucket, first, hostId);
      const shipped = objects.filter(({ header }) => header.segment.file === last?.segment.file);
      expect(Math.max(...shipped.map(({ header }) => header.to))).toBeGreaterThanOrEqual(last?.end ?? Infinity);
    },
    { timeout: 10_000, interval: 5 },
  );
  const { at: claimed } = await node.claimed();
  await node.stop();
  expect(claimed).toBeLessThanOrEqual(hangsFrom);
});
