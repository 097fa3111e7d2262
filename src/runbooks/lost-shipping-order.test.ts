import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { SimulatedCommitLog } from '../../test/support/simulated-commit-log.ts';
import { runId, timelineId } from '../model/identifiers.ts';
import { formatInstant, microsOf } from '../model/instant.ts';
import { shippingOrderKey } from '../model/shipping-order.ts';
import { ShippingLoop } from '../node/shipping/shipping-loop.ts';
import type { ShippingState } from '../node/shipping/shipping-state.ts';
import { orderPause, orderShipping } from './catalog/shipping-order.ts';

const hostId = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01';
const tableId = '00000000-0000-4000-8000-00000000abcd';
const [first, second] = [timelineId.parse('t0001'), timelineId.parse('t0002')];
const told = { signal: new AbortController().signal };

/** A node with its Cassandra and its bucket, and agents that come and go. */
class Node {
  readonly clock = new FakeClock();
  readonly bucket = new MemoryStore();
  readonly log = new SimulatedCommitLog(this.clock);
  state: ShippingState = { after: null, paused: false };
  #agent: ShippingLoop | undefined;

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
        glance: async () => ({ hostId, tokens: ['0'], schemaVersion: 'v', truncated: new Map(), streams: [] }),
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
    await this.clock.advance(200);
    await stopped;
  }

  get by() {
    return { run: runId.parse('restore-20260219-020000-aaaa'), at: formatInstant(microsOf(this.clock.now())) };
  }

  async write(seconds = 3): Promise<void> {
    this.log.write(100);
    this.log.markAll();
    await this.clock.advance(seconds * 1000);
  }
}

test('an agent that could not be told pauses in a restore, also where the store has fallen back to an earlier order', async () => {
  const node = new Node();
  const agent = await node.start();
  await orderShipping(node.bucket, node.by, { timeline: first });
  await node.clock.advance(15_000);
  const earlier = node.bucket.text(shippingOrderKey);
  for (let each = 0; each < 2; each += 1) {
    await orderPause(node.bucket, { ...node.by, run: runId.parse(`restore-20260219-02000${each}-aaaa`) });
    await node.clock.advance(15_000);
    await orderShipping(node.bucket, node.by, { timeline: first });
    await node.clock.advance(15_000);
  }
  node.bucket.set(shippingOrderKey, earlier);
  await orderPause(node.bucket, { ...node.by, run: runId.parse('restore-20260219-030000-bbbb') });
  await node.clock.advance(60_000);
  const state = agent.health().state;
  await node.stop();
  expect(state).toBe('paused');
});

test('an agent that could not be told pauses in a restore, also where the store had lost the order before', async () => {
  const node = new Node();
  const agent = await node.start();
  for (let each = 0; each < 2; each += 1) {
    // Two restores of before.
    await orderPause(node.bucket, { ...node.by, run: runId.parse(`restore-20260219-02000${each}-aaaa`) });
    await node.clock.advance(15_000);
    await orderShipping(node.bucket, node.by, { timeline: first });
    await node.clock.advance(15_000);
  }
  expect(agent.health()).toMatchObject({ state: 'shipping' });
  node.bucket.remove(shippingOrderKey);
  // It cannot be reached while the run tells the others, and lives.
  await orderPause(node.bucket, { ...node.by, run: runId.parse('restore-20260219-030000-bbbb') });
  await node.clock.advance(60_000);
  const state = agent.health().state;
  await node.stop();
  expect(state).toBe('paused');
});

test('an agent that could not be told begins on the new timeline by itself, also where the store had lost the order before', async () => {
  const node = new Node();
  const agent = await node.start();
  await node.write();
  for (let each = 0; each < 2; each += 1) {
    await orderPause(node.bucket, { ...node.by, run: runId.parse(`restore-20260219-02000${each}-aaaa`) });
    await node.clock.advance(15_000);
    await orderShipping(node.bucket, node.by, { timeline: first });
    await node.clock.advance(15_000);
  }
  node.bucket.remove(shippingOrderKey);
  await orderPause(node.bucket, { ...node.by, run: runId.parse('restore-20260219-030000-bbbb') });
  const paused = agent.pause(told.signal);
  await node.clock.advance(2000);
  await paused;
  // It could not be told, and "begins by itself when it is back".
  await orderShipping(node.bucket, node.by, { timeline: second, after: { 'node-1': null } });
  await node.clock.advance(120_000);
  const { state, timeline } = agent.health();
  await node.stop();
  expect({ state, timeline }).toEqual({ state: 'shipping', timeline: second });
});
