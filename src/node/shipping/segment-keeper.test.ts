import { describe, expect, test } from 'vitest';
import { FakeClock, inTime } from '../../../test/support/fake-clock.ts';
import type { MemoryStore } from '../../../test/support/memory-store.ts';
import { hosts, second, secondText, ShippedBucket } from '../../../test/support/shipped-bucket.ts';
import { type ShippedLog, shippedLog } from '../../../test/support/shipped-log.ts';
import { SimulatedCommitLog } from '../../../test/support/simulated-commit-log.ts';
import { timelineId } from '../../model/identifiers.ts';
import { instantOf } from '../../model/instant.ts';
import type { DatabaseGlance } from '../../ports/logged-database.ts';
import { keepSegments } from './segment-keeper.ts';
import { ShippingLoop } from './shipping-loop.ts';
import type { ShippingState } from './shipping-state.ts';

const [hostId] = hosts;
const signal = new AbortController().signal;
const seen: DatabaseGlance = { hostId, tokens: ['0'], schemaVersion: 'v', truncated: new Map(), streams: [] };

/** A node whose Cassandra began twenty seconds before t0002 was opened, at second 0, and its agents. */
class Node {
  readonly clock = new FakeClock('2026-02-19T01:59:40.000Z');
  readonly log = new SimulatedCommitLog(this.clock);
  readonly shipped = new ShippedBucket();
  readonly bucket: MemoryStore = this.shipped.store;
  state: ShippingState = { after: null, paused: true, timeline: timelineId.parse('t0001'), hostId };
  glance: () => DatabaseGlance = () => seen;
  running: 'running' | 'stopped' | 'unsure' = 'running';

  async begun(): Promise<void> {
    await this.shipped.timeline('t0001');
    await this.shipped.timeline('t0002', { id: 't0001', fork: -30 }, { opened: 0 });
    this.log.start();
    this.clock.leap(20_000);
  }

  async agent(): Promise<ShippingLoop> {
    const loop = new ShippingLoop({
      node: 'node-1',
      environment: 'local',
      clock: this.clock,
      log: { write: () => undefined },
      bucket: this.bucket,
      files: this.log,
      database: {
        glance: async () => this.glance(),
        schema: async () => ({ schemaVersion: 'v', cql: '', keyspaces: [], tables: [] }),
        close: async () => {},
      },
      running: async () => this.running,
      state: {
        load: async () => this.state,
        save: async (saved) => {
          this.state = saved;
        },
      },
      intervalMs: 250,
      newWriter: () => 'agent-1',
      settings: { maximumPinned: 1024 ** 3, minimumFree: 1024, syncPeriod: 10 },
    });
    await loop.start();
    return loop;
  }

  async told(agent: ShippingLoop): Promise<void> {
    await inTime(agent.begin({ timeline: 't0002', after: null }, signal), this.clock);
  }

  async goOn(seconds: number, bytes = 0): Promise<void> {
    for (let at = 0; at < seconds; at += 1) {
      if (bytes > 0) this.log.write(bytes);
      this.log.markAll();
      this.log.flush();
      await this.clock.advance(1000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(agent: ShippingLoop): Promise<void> {
    const stopped = agent.stop();
    await this.clock.advance(10_000);
    await stopped;
  }

  async result(): Promise<ShippedLog> {
    return shippedLog(this.bucket, 't0002', hostId);
  }
}

/** Acknowledged from the opening on and up to the watermark, and in no object. */
function missing({ log }: Node, { objects, watermark }: ShippedLog): number {
  const to = instantOf(watermark?.at ?? '');
  return log.writes.filter(
    ({ acknowledgedAt = Infinity, segment, end }) =>
      acknowledgedAt >= second(0) &&
      acknowledgedAt <= to &&
      !objects.some(({ header }) => header.segment.file === segment.file && header.from < end && end <= header.to),
  ).length;
}

describe('a stream of a timeline that a restore has opened', () => {
  test('claims all of it where Cassandra has let nothing go, however late its agent comes', async () => {
    const node = new Node();
    await node.begun();
    await node.goOn(60, 100);
    const agent = await node.agent();
    await node.told(agent);
    await node.goOn(10, 100);
    const shipped = await node.result();
    await node.stop(agent);
    expect(shipped.watermark?.since).toBe(secondText(0));
    expect(shipped.marks).toEqual([]);
    expect(missing(node, shipped)).toBe(0);
  });

  test('claims all of it when the store was away since its agent was told, for the agent kept what Cassandra let go of', async () => {
    const node = new Node();
    await node.begun();
    node.bucket.unreachable = true;
    const agent = await node.agent();
    await node.told(agent);
    await node.goOn(60, 3000);
    expect(node.log.links.size).toBeGreaterThan(5);
    node.bucket.unreachable = false;
    await node.goOn(20, 100);
    const shipped = await node.result();
    await node.stop(agent);
    expect(shipped.watermark?.since).toBe(secondText(0));
    expect(shipped.marks).toEqual([]);
    expect(instantOf(shipped.watermark?.at ?? '')).toBeGreaterThan(second(100));
    expect(missing(node, shipped)).toBe(0);
  });

  test('says that it may not have all where Cassandra has let go of segments before its agent came', async () => {
    const node = new Node();
    await node.begun();
    await node.goOn(60, 3000);
    const agent = await node.agent();
    await node.told(agent);
    await node.goOn(10, 100);
    const shipped = await node.result();
    await node.stop(agent);
    expect(shipped.marks).toMatchObject([{ what: 'gap', at: secondText(0) }]);
    expect(shipped.watermark?.since).toBe(shipped.marks[0]?.until.replace(/001000Z$/, '000000Z'));
  });
});

test('while the store does not answer, what waits never takes more of the disk than it may: the oldest goes first', async () => {
  const clock = new FakeClock();
  const log = new SimulatedCommitLog(clock);
  log.start();
  const settings = { maximumPinned: 40_000, minimumFree: 1024, syncPeriod: 10 };
  for (let turn = 0; turn < 40; turn += 1) {
    log.write(3000);
    log.markAll();
    await keepSegments({ files: log, settings }, null);
    log.flush();
  }
  await keepSegments({ files: log, settings }, null);
  const links = [...log.links.values()].map(({ id }) => String(id));
  const pinned = [...log.links.keys()].filter((file) => !log.directory.has(file));
  expect(pinned.length * 16 * 1024).toBeLessThanOrEqual(40_000);
  expect(new Set(links)).toEqual(new Set(log.all.slice(-links.length).map(({ id }) => String(id))));
});

describe('while Cassandra cannot be looked at', () => {
  async function promised(running: Node['running']) {
    const node = new Node();
    await node.begun();
    const agent = await node.agent();
    await node.told(agent);
    await node.goOn(10, 100);
    node.glance = () => {
      throw new Error('the password was changed');
    };
    node.running = running;
    const from = node.clock.now().getTime() * 1000;
    await node.goOn(120, 100);
    const { problem } = agent.health();
    const blind = instantOf((await node.result()).watermark?.at ?? '') - from;
    node.glance = () => seen;
    await node.goOn(5, 100);
    const after = instantOf((await node.result()).watermark?.at ?? '') - from;
    const healthy = agent.health().problem;
    await node.stop(agent);
    return { problem, blind: blind / 1e6, after: after / 1e6, healthy };
  }

  test('nothing is promised that it acknowledges while it runs, and its agent says why', async () => {
    const { problem, blind, after, healthy } = await promised('running');
    expect(problem).toContain('Watching Cassandra failed');
    expect(blind).toBeLessThan(12);
    expect(after).toBeGreaterThan(120);
    expect(healthy).toBeUndefined();
  });

  test('what one that does not answer has written is promised all the same', async () => {
    const { blind } = await promised('unsure');
    expect(blind).toBeGreaterThan(110);
  });
});
