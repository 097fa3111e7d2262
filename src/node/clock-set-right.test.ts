import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { shippedLog } from '../../test/support/shipped-log.ts';
import { SimulatedCommitLog } from '../../test/support/simulated-commit-log.ts';
import { runId, timelineId } from '../model/identifiers.ts';
import { formatInstant, microsOf } from '../model/instant.ts';
import { type ShippingOrder, shippingOrderDocument, shippingOrderKey } from '../model/shipping-order.ts';
import { ShippingLoop } from './shipping/shipping-loop.ts';
import type { ShippingState } from './shipping/shipping-state.ts';

const hostId = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01';
const [first, second] = [timelineId.parse('t0001'), timelineId.parse('t0002')];

/** A node with its Cassandra and its bucket, and agents that come and go. */
class Node {
  readonly clock: FakeClock;
  readonly bucket: MemoryStore;
  readonly log: SimulatedCommitLog;
  /** By how many milliseconds the clock is wrong when a Cassandra takes the ids of its segments from it. */
  ahead = 0;
  writer = 'agent-1';
  state: ShippingState = { after: null, paused: false };
  #agent: ShippingLoop | undefined;
  #orders = 0;

  /** With the clock and the bucket of another one, when it has the host id of that. */
  constructor({
    clock = new FakeClock(),
    bucket = new MemoryStore(),
    ahead = 0,
  }: { clock?: FakeClock; bucket?: MemoryStore; ahead?: number } = {}) {
    this.clock = clock;
    this.bucket = bucket;
    this.ahead = ahead;
    const wrong = () => new Date(clock.now().getTime() + this.ahead);
    this.log = new SimulatedCommitLog({
      now: wrong,
      monotonic: () => clock.monotonic(),
      sleep: async (ms) => clock.sleep(ms),
    });
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
        glance: async () => ({ hostId, tokens: ['0'], schemaVersion: '', truncated: new Map(), streams: [] }),
        schema: async () => ({ schemaVersion: '', cql: '', keyspaces: [], tables: [] }),
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
      newWriter: () => this.writer,
      settings: { maximumPinned: 1024 ** 3, minimumFree: 1024, syncPeriod: 10 },
    });
    await this.#agent.start();
    return this.#agent;
  }

  async stop(): Promise<void> {
    const stopped = this.#agent?.stop();
    await this.clock.advance(100);
    await stopped;
  }

  order(order: Pick<ShippingOrder, 'state' | 'timeline' | 'after'>): void {
    this.#orders += 1;
    const at = formatInstant(microsOf(this.clock.now()));
    const run = runId.parse('restore-20260219-020000-aaaa');
    this.bucket.set(shippingOrderKey, shippingOrderDocument.write({ ...order, number: this.#orders, at, run }));
  }

  async write(seconds = 3): Promise<void> {
    this.log.write(100);
    this.log.markAll();
    await this.clock.advance(seconds * 1000);
  }

  async segments(timeline: string): Promise<readonly string[]> {
    const { objects } = await shippedLog(this.bucket, timeline, hostId);
    return [...new Set(objects.map(({ header }) => header.segment.id))];
  }

  /** As a restore does it: Cassandra is stopped, what it had lies aside, and it begins with new files. The clock is right by then. */
  restored(): void {
    this.log.kill();
    this.log.directory.clear();
    this.clock.leap(5000);
    this.ahead = 0;
    this.log.start();
  }
}

const told = { signal: new AbortController().signal };

/** `ahead`: by how many milliseconds the node's clock ran when Cassandra began what was set aside. */
async function expectShipped(ahead: number): Promise<void> {
  const node = new Node({ ahead });
  const agent = await node.start();
  await node.write();
  node.order({ state: 'paused', timeline: first });
  const paused = agent.pause(told.signal);
  await node.clock.advance(1000);
  await paused;
  const before = new Set(node.log.all.map(({ id }) => String(id)));
  node.restored();
  // Nothing was placed, so that Cassandra began with an empty directory.
  node.order({ state: 'shipping', timeline: second, after: { 'node-1': null } });
  await node.clock.advance(10_000);
  for (let minute = 0; minute < 10; minute += 1) await node.write(60);
  for (let turn = 0; turn < 50; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await node.clock.advance(500);
  }
  const { watermark } = await shippedLog(node.bucket, second, hostId);
  const { state, problem } = agent.health();
  const segments = await node.segments(second);
  const shipped = { segments: segments.length, state, problem, watermark: watermark?.at };
  expect(shipped).toMatchObject({ segments: 1, state: 'shipping', problem: undefined });
  expect(segments.filter((id) => before.has(id))).toEqual([]);
  await node.stop();
}

test('the log of a node whose clock was right all the time is shipped on the new timeline', async () =>
  expectShipped(0));

test('the log of a node whose clock was set right since is shipped on the new timeline', async () =>
  expectShipped(3_600_000));
