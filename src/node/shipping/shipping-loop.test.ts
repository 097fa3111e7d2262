import { describe, expect, test, vi } from 'vitest';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { plantedAt, plantedFault } from '../../../test/support/planted-fault.ts';
import { expectWhole, shippedLog } from '../../../test/support/shipped-log.ts';
import { SimulatedCommitLog } from '../../../test/support/simulated-commit-log.ts';
import { runId, timelineId } from '../../model/identifiers.ts';
import { formatInstant, instantOf, microsOf } from '../../model/instant.ts';
import { type ShippingOrder, shippingOrderDocument, shippingOrderKey } from '../../model/shipping-order.ts';
import { ShippingLoop, type ShippingParts } from './shipping-loop.ts';
import type { ShippingState } from './shipping-state.ts';

test("a fault in the shipping or in the watch over Cassandra is in the agent's log with file and line, once", async () => {
  const clock = new FakeClock();
  const said: Array<{ readonly event: string; readonly fields: string }> = [];
  const parts: ShippingParts = {
    node: 'node-1',
    environment: 'local',
    clock,
    log: { write: (event, fields) => void said.push({ event, fields: JSON.stringify(fields) }) },
    bucket: new MemoryStore({
      calls: async (_method, key) => {
        if (key !== shippingOrderKey) plantedFault();
      },
    }),
    files: new SimulatedCommitLog(clock),
    database: {
      glance: async () => Promise.reject(new Error('odd', { cause: plantedCause() })),
      schema: async () => Promise.reject(new Error('odd')),
      close: async () => {},
    },
    running: async () => 'running',
    state: {
      load: async () => ({ after: null, paused: false, hostId: '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01' }),
      save: async () => {},
    },
    intervalMs: 250,
    newWriter: () => 'agent-1',
    settings: { maximumPinned: 1024 ** 3, minimumFree: 1024, syncPeriod: 10 },
  };
  const shipping = new ShippingLoop(parts);
  await shipping.start();
  await clock.advance(20_000);
  const stopped = shipping.stop();
  await settle();
  await stopped;
  for (const event of ['shipping failed', 'Cassandra cannot be watched']) {
    const told = said.filter((each) => each.event === event);
    expect(told).toHaveLength(1);
    expect(told[0]?.fields).toContain(plantedAt);
  }
});

test('bound to a bucket that was made anew, it begins a stream there; what it was told of the lost one is given up', async () => {
  const clock = new FakeClock();
  const hostId = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01';
  const anew = new MemoryStore();
  let saved: ShippingState = { after: '17', paused: true, hostId, timeline: timelineId.parse('t0003') };
  const shipping = new ShippingLoop({
    node: 'node-1',
    environment: 'local',
    clock,
    log: { write: () => {} },
    // As it is behind the agent's back: empty.
    bucket: anew,
    files: new SimulatedCommitLog(clock),
    database: {
      glance: async () => ({ hostId, tokens: ['1'], schemaVersion: 'v', truncated: new Map(), streams: [] }),
      schema: async () => ({ schemaVersion: 'v', keyspaces: [], tables: [] }),
      close: async () => {},
    } as unknown as ShippingParts['database'],
    running: async () => 'running',
    state: {
      load: async () => saved,
      save: async (state) => {
        saved = state;
      },
    },
    intervalMs: 250,
    newWriter: () => 'agent-1',
    settings: { maximumPinned: 1024 ** 3, minimumFree: 1024, syncPeriod: 10 },
  });
  await shipping.start();
  await clock.advance(3000);
  expect(shipping.health()).toMatchObject({ state: 'paused', timeline: 't0003' });

  await shipping.rebind();
  await clock.advance(3000);
  expect(shipping.health()).toMatchObject({ state: 'shipping', timeline: 't0001' });
  expect(anew.objects.has(`log/t0001/${hostId}/watermark.json`)).toBe(true);
  expect(saved).toMatchObject({ after: '17', paused: false, timeline: 't0001' });

  // The same bucket again, which has that timeline: a pause of a restore holds.
  const pausing = shipping.pause(new AbortController().signal, 0).catch(() => undefined);
  await clock.advance(1000);
  await pausing;
  await shipping.rebind();
  await clock.advance(1000);
  expect(shipping.health().state).toBe('paused');
  const stopped = shipping.stop();
  await settle();
  await stopped;
});

function plantedCause(): unknown {
  try {
    return plantedFault();
  } catch (fault) {
    return fault;
  }
}

const hostId = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01';
const [first, second] = [timelineId.parse('t0001'), timelineId.parse('t0002')];

/** A node with its Cassandra and its bucket, and agents that come and go. */
class Node {
  readonly clock: FakeClock;
  readonly bucket: MemoryStore;
  readonly log: SimulatedCommitLog;
  writer = 'agent-1';
  state: ShippingState = { after: null, paused: false };
  #agent: ShippingLoop | undefined;
  intervalMs = 250;
  #orders = 0;

  /** With the clock and the bucket of another one, when it has the host id of that. */
  constructor({
    clock = new FakeClock(),
    bucket = new MemoryStore(),
    segmentBytes,
  }: { clock?: FakeClock; bucket?: MemoryStore; segmentBytes?: number | undefined } = {}) {
    this.clock = clock;
    this.bucket = bucket;
    this.log = new SimulatedCommitLog(clock, segmentBytes === undefined ? {} : { size: segmentBytes });
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
      intervalMs: this.intervalMs,
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

  /** Of an agent that ships, it is in the bucket afterwards: compressing it takes real time. */
  async write(seconds = 3): Promise<void> {
    this.log.write(100);
    this.log.markAll();
    const written = microsOf(this.clock.now());
    await this.clock.advance(seconds * 1000);
    const { state, timeline } = this.#agent?.health() ?? {};
    if (state !== 'shipping' || this.bucket.unreachable) return;
    await vi.waitFor(
      async () => {
        await this.clock.advance(500);
        const { watermark } = await shippedLog(this.bucket, timeline ?? '', hostId);
        expect(instantOf(watermark?.at ?? '')).toBeGreaterThanOrEqual(written);
      },
      { timeout: 10_000, interval: 5 },
    );
  }

  get last(): string {
    return String(this.log.all.at(-2)?.id);
  }

  async segments(timeline: string): Promise<readonly string[]> {
    const { objects } = await shippedLog(this.bucket, timeline, hostId);
    return [...new Set(objects.map(({ header }) => header.segment.id))];
  }

  /** As a restore does it: Cassandra is stopped, what it had lies aside, and it begins with new files. */
  restored(): string {
    this.log.kill();
    const { last } = this;
    this.log.directory.clear();
    this.clock.leap(5000);
    this.log.start();
    return last;
  }
}

const told = { signal: new AbortController().signal };

describe('an agent that was away finds in the bucket what it was not told', () => {
  test('one that missed the start of a new timeline begins it by itself, with nothing of the one that was left', async () => {
    const node = new Node();
    const agent = await node.start();
    await node.write();
    expect(await node.segments(first)).toHaveLength(1);
    node.order({ state: 'paused', timeline: first });
    const paused = agent.pause(told.signal);
    await node.clock.advance(1000);
    await paused;
    await node.stop();
    const last = node.restored();
    await node.write();
    // It is away while the run tells the others.
    node.order({ state: 'shipping', timeline: second, after: { 'node-1': last } });
    const again = await node.start();
    await node.write(6);
    expect(again.health()).toMatchObject({ state: 'shipping', timeline: second });
    const shipped = await node.segments(second);
    expect(shipped).toHaveLength(1);
    expect(BigInt(shipped[0] ?? 0)).toBeGreaterThan(BigInt(last));
    await node.stop();
  });

  test('one that lives and could not be reached begins it within seconds', async () => {
    const node = new Node();
    const agent = await node.start();
    await node.write();
    const paused = agent.pause(told.signal);
    await node.clock.advance(1000);
    await paused;
    const last = node.restored();
    await node.clock.advance(20_000);
    expect(agent.health()).toMatchObject({ state: 'paused', timeline: first });
    node.order({ state: 'shipping', timeline: second, after: { 'node-1': last } });
    await node.clock.advance(5000);
    expect(agent.health()).toMatchObject({ state: 'shipping', timeline: second });
    await node.stop();
  });

  test('a new agent in the middle of a restore ships nothing until it is ordered', async () => {
    const node = new Node();
    node.order({ state: 'paused', timeline: first });
    const agent = await node.start();
    await node.write(30);
    expect(agent.health()).toMatchObject({ state: 'paused' });
    expect([...node.bucket.objects.keys()]).toEqual([shippingOrderKey]);
    node.order({ state: 'shipping', timeline: first });
    await node.write(6);
    expect(agent.health()).toMatchObject({ state: 'shipping', timeline: first });
    await node.stop();
  });

  test('one that missed the pause ships what it has, and nothing more', async () => {
    const node = new Node();
    const agent = await node.start();
    await node.write();
    node.order({ state: 'paused', timeline: first });
    await node.clock.advance(15_000);
    expect(agent.health()).toMatchObject({ state: 'paused' });
    const before = await node.segments(first);
    await node.write(30);
    expect(await node.segments(first)).toEqual(before);
    await node.stop();
  });

  test('while the store is away it begins nothing that may be forbidden, and says why', async () => {
    const node = new Node();
    node.bucket.unreachable = true;
    const agent = await node.start();
    await node.write();
    expect(agent.health()).toMatchObject({ state: 'starting', problem: 'The store is gone.' });
    node.order({ state: 'paused', timeline: first });
    node.bucket.unreachable = false;
    await node.clock.advance(5000);
    expect(agent.health()).toMatchObject({ state: 'paused' });
    await node.stop();
  });

  test('an order is followed once: what a run told later by itself holds', async () => {
    const node = new Node();
    node.order({ state: 'shipping', timeline: first });
    const agent = await node.start();
    await node.write(12);
    const paused = agent.pause(told.signal);
    await node.clock.advance(1000);
    await paused;
    await node.clock.advance(60_000);
    expect(agent.health()).toMatchObject({ state: 'paused' });
    await node.stop();
  });

  test('an agent whose data is about to be moved stops, also when it was never told to', async () => {
    const node = new Node();
    const agent = await node.start();
    await node.write();
    await agent.hold();
    expect(agent.health()).toMatchObject({ state: 'paused' });
    const before = await node.segments(first);
    await node.write(30);
    expect(await node.segments(first)).toEqual(before);
    await node.stop();
  });

  test('on another timeline nothing begins that only its own links still hold, whatever it is told', async () => {
    const node = new Node();
    const agent = await node.start();
    await node.write();
    const paused = agent.pause(told.signal);
    await node.clock.advance(1000);
    await paused;
    const last = node.restored();
    await node.write();
    const begun = agent.begin({ timeline: second, after: null }, told.signal);
    await node.clock.advance(1000);
    await begun;
    await node.write(6);
    for (const id of await node.segments(second)) expect(BigInt(id)).toBeGreaterThan(BigInt(last));
    await node.stop();
  });
});

test('a second agent of the host id stops itself and says so; the first goes on, and the second follows when it is gone', async () => {
  const node = new Node();
  const agent = await node.start();
  await node.write();
  const other = new Node(node);
  other.writer = 'agent-2';
  const second = await other.start();
  await other.write(40);
  expect(second.health()).toMatchObject({
    state: 'stopped',
    problem: expect.stringContaining('Another agent ships the log of node-1'),
  });
  expect(agent.health()).toMatchObject({ state: 'shipping' });
  const calls = node.bucket.objects.size;
  await other.write(60);
  expect(node.bucket.objects.size).toBe(calls);
  await node.write();
  expectWhole(await shippedLog(node.bucket, first, hostId), first, hostId);
  const refused = second.begin({ timeline: first }, told.signal).catch((thrown: unknown) => thrown);
  await other.clock.advance(30_000);
  expect(await refused).toMatchObject({ code: 'log-stream-foreign' });
  await node.stop();
  const begun = second.begin({ timeline: first }, told.signal);
  await other.clock.advance(30_000);
  await begun;
  expect(second.health()).toMatchObject({ state: 'shipping' });
  await other.stop();
});

test('what was written goes to the store after an interval, and a mebibyte of it at once', async () => {
  const node = new Node({ segmentBytes: 2 * 1024 ** 2 });
  node.intervalMs = 20_000;
  await node.start();
  await node.clock.advance(5000);
  const shipped = async () => {
    const { objects } = await shippedLog(node.bucket, first, hostId);
    return objects.reduce((most, { header }) => Math.max(most, header.to), 0);
  };
  const written = async (bytes: number, ms: number) => {
    node.log.write(bytes);
    node.log.markAll();
    await node.clock.advance(ms);
  };
  await written(1000, 25_000);
  await vi.waitFor(async () => expect(await shipped()).toBeGreaterThan(1000));
  const before = await shipped();
  await written(600_000, 5000);
  expect(await shipped()).toBe(before);
  // More than a mebibyte waits now.
  await written(600_000, 1000);
  await vi.waitFor(async () => expect(await shipped()).toBeGreaterThan(1_200_000));
  await node.stop();
});
