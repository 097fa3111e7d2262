import { expect, test } from 'vitest';
import { FakeClock, inTime, settle } from '../../test/support/fake-clock.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { hosts, second, ShippedBucket } from '../../test/support/shipped-bucket.ts';
import { type ShippedLog, shippedLog } from '../../test/support/shipped-log.ts';
import { SimulatedCommitLog, type SimulatedWrite } from '../../test/support/simulated-commit-log.ts';
import { runId, timelineId } from '../model/identifiers.ts';
import { shippingOrderDocument, shippingOrderKey } from '../model/shipping-order.ts';
import { instantOf } from '../model/instant.ts';
import { readLogCatalog } from '../runbooks/catalog/log-catalog.ts';
import { listPoints } from '../runbooks/catalog/point-catalog.ts';
import { usualLimits } from '../runbooks/recovery/recovery-facts.ts';
import { computeWindow } from '../runbooks/recovery/window.ts';
import type { DatabaseGlance, SchemaOfLog } from '../ports/logged-database.ts';
import { DatabaseWitness } from './shipping/database-witness.ts';
import { LogShipper } from './shipping/log-shipper.ts';
import { StreamWriter } from './shipping/stream-writer.ts';
import { firstLink } from '../commitlog/piece-chain.ts';
import { logMarkDocument } from '../model/log-piece.ts';
import { waitUntilShipped } from '../runbooks/recovery/wait-until-shipped.ts';
import { ShippingLoop } from './shipping/shipping-loop.ts';
import type { ShippingState } from './shipping/shipping-state.ts';

const [hostId] = hosts;

/** A node in memory, and its agent on a timeline. */
class Node {
  readonly clock = new FakeClock();
  readonly log = new SimulatedCommitLog(this.clock);
  readonly bucket: MemoryStore;
  shipper: LogShipper | undefined;

  constructor(bucket = new MemoryStore()) {
    this.bucket = bucket;
  }

  async agent(timeline: string, after: string | null): Promise<void> {
    this.shipper = await LogShipper.open(
      {
        node: 'local-rack1-sts-0',
        clock: this.clock,
        log: { write: () => {} },
        bucket: this.bucket,
        files: this.log,
        settings: { maximumPinned: 1024 ** 3, minimumFree: 1024, syncPeriod: 10 },
        answers: async () => true,
        running: async () => (this.log.running ? 'running' : 'stopped'),
      },
      { timeline: timelineId.parse(timeline), hostId, after, writer: 'agent-1' },
    );
  }

  async rounds(ms: number, each: () => void = () => undefined): Promise<void> {
    for (let at = 0; at < ms; at += 50) {
      this.clock.leap(50);
      each();
      await this.shipper?.look();
      if (at % 250 === 0) await this.shipper?.ship().catch(() => undefined);
    }
    await settle();
  }

  /** Acknowledged up to then, and in no object. */
  missing({ objects }: ShippedLog, from: number, to: number): readonly SimulatedWrite[] {
    return this.log.writes.filter(
      ({ acknowledgedAt, lost, segment, end }) =>
        !lost &&
        acknowledgedAt !== undefined &&
        acknowledgedAt > from &&
        acknowledgedAt <= to &&
        !objects.some(({ header }) => header.segment.file === segment.file && header.from < end && end <= header.to),
    );
  }
}

test('an agent that comes back a minute after its timeline was opened claims nothing that Cassandra has let go of', async () => {
  const shipped = new ShippedBucket();
  await shipped.timeline('t0001');
  await shipped.begin('t0001', hostId, -200);
  await shipped.ship('t0001', hostId, { segment: 7, covered: -10 });
  await shipped.watermark('t0001', hostId, -10);
  await shipped.point(-100, -98, { nodeCount: 1, replicationFactor: 1 });
  await shipped.timeline('t0002', { id: 't0001', fork: -20 }, { opened: 0 });
  const node = new Node(shipped.store);
  node.log.start();
  // The graph serves, and does not wait for this node's agent. Segments are written, flushed and deleted.
  await node.rounds(90_000, () => {
    node.log.write(400);
    node.log.mark();
    node.log.mark();
    node.log.mark();
    node.log.flush();
  });
  await node.agent('t0002', '7');
  await node.rounds(20_000, () => {
    node.log.write(100);
    node.log.mark();
    node.log.mark();
  });
  const now = second(110);
  const [catalog, points] = await Promise.all([readLogCatalog(node.bucket), listPoints(node.bucket)]);
  const report = computeWindow({ environment: 'local', catalog, points, now, limits: usualLimits });
  const newest = instantOf(report.newest ?? '');
  const lost = node.missing(await shippedLog(node.bucket, 't0002', hostId), second(0), newest);
  expect(lost.length).toBe(0);
});

test('a truncate between the opening of a timeline and the late beginning of its streams is marked', async () => {
  const shipped = new ShippedBucket();
  await shipped.timeline('t0001');
  await shipped.begin('t0001', hostId, -200);
  await shipped.ship('t0001', hostId, { segment: 7, covered: -10 });
  await shipped.watermark('t0001', hostId, -10);
  await shipped.point(-100, -98, { nodeCount: 1, replicationFactor: 1 });
  await shipped.timeline('t0002', { id: 't0001', fork: -20 }, { opened: 0 });
  const node = new Node(shipped.store);
  node.log.start();
  node.clock.leap(60_000);
  await node.agent('t0002', '7');
  const stream = node.shipper?.stream;
  const id = '00000000-0000-4000-8000-00000000abcd';
  const witness = new DatabaseWitness(
    {
      bucket: node.bucket,
      clock: node.clock,
      database: {
        glance: async () => ({
          hostId,
          tokens: [],
          schemaVersion: 'v',
          // At second 30, while the graph served and no agent did.
          truncated: new Map([[id, second(30) / 1000]]),
          streams: [],
        }),
        schema: async () => ({
          schemaVersion: 'v',
          cql: '',
          tables: [{ keyspace: 'janusgraph', table: 'edgestore', id, columns: [], dropped: [] }],
          keyspaces: [
            {
              keyspace: 'janusgraph',
              durableWrites: true,
              replication: { class: 'SimpleStrategy', replication_factor: '1' },
            },
          ],
        }),
        close: async () => {},
      },
    },
    [],
  );
  await witness.look(stream);
  await node.rounds(20_000, () => {
    node.log.write(100);
    node.log.mark();
    node.log.mark();
  });
  const [catalog, points] = await Promise.all([readLogCatalog(node.bucket), listPoints(node.bucket)]);
  const report = computeWindow({ environment: 'local', catalog, points, now: second(80), limits: usualLimits });
  // Or nothing after the opening is promised.
  const newest = instantOf(report.newest ?? '');
  const marks = catalog.logs.get('t0002')?.streams.flatMap((each) => each.marks.map(({ what }) => what)) ?? [];
  expect(newest <= second(30) || marks.includes('truncate')).toBe(true);
});

test('after a restore on a node whose clock was set back, what is skipped is not called covered', async () => {
  const node = new Node();
  // Segments of the data that was set aside have the numbers of an hour ahead: the clock was wrong, and was set right.
  const after = String(node.clock.now().getTime() + 3_600_000);
  node.log.start();
  await node.agent('t0002', after);
  await node.rounds(20_000, () => {
    node.log.write(100);
    node.log.mark();
    node.log.mark();
  });
  const early = await shippedLog(node.bucket, 't0002', hostId);
  // Later than that hour Cassandra is restarted.
  node.log.markAll();
  node.clock.leap(3_700_000);
  await node.rounds(1000);
  node.log.drain();
  await node.rounds(3000);
  node.log.start();
  await node.rounds(20_000, () => {
    node.log.write(100);
    node.log.mark();
    node.log.mark();
  });
  const late = await shippedLog(node.bucket, 't0002', hostId);
  const { watermark } = late;
  const [from, to] = [instantOf(watermark?.since ?? ''), instantOf(watermark?.at ?? '')];
  expect(early.watermark?.timeline).toBe('t0002');
  const told = late.marks.filter(({ what }) => what === 'gap');
  const lost = node
    .missing(late, from, to)
    .filter(
      ({ acknowledgedAt = 0 }) =>
        !told.some((mark) => instantOf(mark.at) <= acknowledgedAt && acknowledgedAt <= instantOf(mark.until)),
    );
  expect(lost.length).toBe(0);
});

test('a node whose clock is set back does not call covered what it has not shipped', async () => {
  const node = new Node();
  node.log.start();
  await node.agent('t0001', null);
  const busy = () => {
    node.log.write(100);
    node.log.mark();
    node.log.mark();
  };
  await node.rounds(20_000, busy);
  // The clock was ahead by ten minutes, and is set right. `monotonic` of this clock goes back with it, so by hand:
  const real = node.clock.now.bind(node.clock);
  node.clock.now = () => new Date(real().getTime() - 600_000);
  await node.rounds(60_000, busy);
  // The agent dies, and later the node with its disk.
  node.shipper = undefined;
  await node.rounds(120_000, busy);
  const log = await shippedLog(node.bucket, 't0001', hostId);
  const now = node.clock.now().getTime() * 1000;
  const at = Math.min(now, instantOf(log.watermark?.at ?? ''));
  // By the node's own corrected clock: everything acknowledged up to `at` is in the store.
  const lost = node.missing(log, real().getTime() * 1000 - 600e6 - 180e6, at);
  expect(lost.length).toBe(0);
});

test('told twice to begin a timeline while the store is away, an agent puts nothing of the history that was left into it', async () => {
  const clock = new FakeClock();
  const bucket = new MemoryStore();
  const log = new SimulatedCommitLog(clock);
  log.start();
  let state: ShippingState = { after: null, paused: false };
  const agent = new ShippingLoop({
    node: 'node-1',
    environment: 'local',
    clock,
    log: { write: () => undefined },
    bucket,
    files: log,
    database: {
      glance: async () => ({ hostId, tokens: ['0'], schemaVersion: '', truncated: new Map(), streams: [] }),
      schema: async () => ({ schemaVersion: '', cql: '', keyspaces: [], tables: [] }),
      close: async () => {},
    },
    running: async () => (log.running ? 'running' : 'stopped'),
    state: {
      load: async () => state,
      save: async (saved) => {
        state = saved;
      },
    },
    intervalMs: 250,
    newWriter: () => 'agent-1',
    settings: { maximumPinned: 1024 ** 3, minimumFree: 1024, syncPeriod: 10 },
  });
  await agent.start();
  await clock.advance(3000);
  // The store goes away, and what is written now is in no store: the agent's links hold it.
  bucket.unreachable = true;
  log.write(100);
  log.markAll();
  await clock.advance(3000);
  const signal = new AbortController().signal;
  await inTime(
    agent.pause(signal, 1000).catch(() => undefined),
    clock,
  );
  // The disaster took the commit log's files: of this node no last segment is known, so `after` is null.
  log.kill();
  const old = new Set(log.all.map(({ id }) => String(id)));
  log.directory.clear();
  clock.leap(5000);
  log.start();
  const told = { timeline: timelineId.parse('t0002'), after: null };
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await inTime(
      agent.begin(told, signal).catch(() => undefined),
      clock,
    );
  }
  bucket.unreachable = false;
  log.write(100);
  log.markAll();
  for (let at = 0; at < 20; at += 1) {
    await clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const shipped = await shippedLog(bucket, 't0002', hostId);
  const ids = [...new Set(shipped.objects.map(({ header }) => header.segment.id))];
  await inTime(agent.stop(), clock);
  expect(ids.length).toBeGreaterThan(0);
  expect(ids.filter((id) => old.has(id))).toEqual([]);
});

test('an agent that lost its memory but not its links discards nothing of the timeline without a mark', async () => {
  const clock = new FakeClock();
  const bucket = new MemoryStore();
  const log = new SimulatedCommitLog(clock);
  log.start();
  const last = String(log.all[0]?.id ?? 0n);
  // A restore had opened t0002 long ago, behind that segment.
  log.kill();
  log.directory.clear();
  clock.leap(5000);
  log.start();
  bucket.set(
    shippingOrderKey,
    shippingOrderDocument.write({
      state: 'shipping',
      timeline: timelineId.parse('t0002'),
      after: { 'node-1': last },
      number: 1,
      at: '2026-02-19T02:00:00.000000Z',
      run: runId.parse('restore-20260219-020000-aaaa'),
    }),
  );
  let state: ShippingState = { after: null, paused: false };
  const newAgent = (writer: string) =>
    new ShippingLoop({
      node: 'node-1',
      environment: 'local',
      clock,
      log: { write: () => undefined },
      bucket,
      files: log,
      database: {
        glance: async () => ({ hostId, tokens: ['0'], schemaVersion: '', truncated: new Map(), streams: [] }),
        schema: async () => ({ schemaVersion: '', cql: '', keyspaces: [], tables: [] }),
        close: async () => {},
      },
      running: async () => (log.running ? 'running' : 'stopped'),
      state: {
        load: async () => state,
        save: async (saved) => {
          state = saved;
        },
      },
      intervalMs: 250,
      newWriter: () => writer,
      settings: { maximumPinned: 1024 ** 3, minimumFree: 1024, syncPeriod: 10 },
    });
  const goOn = async (seconds: number) => {
    for (let at = 0; at < seconds; at += 1) {
      await clock.advance(1000);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const agent = newAgent('agent-1');
  await agent.start();
  await goOn(5);
  log.write(100);
  log.markAll();
  await goOn(5);
  // The store is away while segments are filled, flushed and deleted: only the agent's links hold them.
  bucket.unreachable = true;
  for (let at = 0; at < 60; at += 1) {
    log.write(2000);
    log.markAll();
    log.flush();
    await clock.advance(500);
  }
  const stopped = agent.stop();
  await clock.advance(10_000);
  await stopped;
  expect(log.links.size).toBeGreaterThan(2);
  // Its state directory is lost, as with a new pod; the links lie beside the commit log.
  state = { after: null, paused: false };
  bucket.unreachable = false;
  const next = newAgent('agent-2');
  await next.start();
  await goOn(40);
  log.write(100);
  log.markAll();
  await goOn(10);
  const shipped = await shippedLog(bucket, 't0002', hostId);
  const ended = next.stop();
  await clock.advance(5000);
  await ended;
  const { watermark, objects, marks } = shipped;
  const [from, to] = [instantOf(watermark?.since ?? ''), instantOf(watermark?.at ?? '')];
  const lost = log.writes.filter(
    ({ acknowledgedAt, lost: gone, segment, end }) =>
      !gone &&
      acknowledgedAt !== undefined &&
      acknowledgedAt > from &&
      acknowledgedAt <= to &&
      !objects.some(({ header }) => header.segment.file === segment.file && header.from < end && end <= header.to) &&
      !marks.some((mark) => instantOf(mark.at) <= acknowledgedAt && acknowledgedAt <= instantOf(mark.until)),
  );
  expect(lost.length).toBe(0);
});

test('a table that was truncated twice while the store was away is marked from the first time on', async () => {
  const clock = new FakeClock();
  const bucket = new MemoryStore();
  const at = () => clock.now().getTime();
  const since = second(0);
  const id = '00000000-0000-4000-8000-00000000abcd';
  const truncated = new Map<string, number>();
  const timeline = timelineId.parse('t0001');
  const stream = new StreamWriter({
    bucket,
    clock,
    timeline,
    hostId,
    node: 'node-1',
    since,
    position: { segment: undefined, sequence: 0, chain: firstLink(timeline, hostId), covered: since },
    writer: 'w',
    held: undefined,
    clockLeads: [],
    current: undefined,
  });
  const witness = new DatabaseWitness(
    {
      bucket,
      clock,
      database: {
        glance: async () => ({ hostId, tokens: [], schemaVersion: 'v', truncated: new Map(truncated), streams: [] }),
        schema: async () => ({
          schemaVersion: 'v',
          cql: '',
          tables: [{ keyspace: 'janusgraph', table: 'edgestore', id, columns: [], dropped: [] }],
          keyspaces: [
            {
              keyspace: 'janusgraph',
              durableWrites: true,
              replication: { class: 'SimpleStrategy', replication_factor: '1' },
            },
          ],
        }),
        close: async () => {},
      },
    },
    [],
  );
  const look = async (seconds: number) => {
    for (let each = 0; each < seconds; each += 1.5) {
      clock.leap(1500);
      await witness.look(stream).catch(() => undefined);
    }
  };
  await look(30);
  // The store is away for an hour, for every agent. A job truncates and fills the table every half an hour.
  bucket.unreachable = true;
  truncated.set(id, at());
  const first = at() * 1000;
  await look(1800);
  truncated.set(id, at());
  await look(600);
  bucket.unreachable = false;
  await look(30);
  const marks = [...bucket.objects.keys()]
    .filter((key) => key.includes('/marks/'))
    .map((key) => logMarkDocument.read(bucket.text(key), key));
  expect(marks.length).toBeGreaterThan(0);
  // A base of before the first must not serve an instant between the two.
  expect(Math.min(...marks.map((mark) => instantOf(mark.at)))).toBeLessThanOrEqual(first);
});

test('after a node was replaced, what waits for the log does not wait for the node that is gone', async () => {
  const shipped = new ShippedBucket();
  await shipped.timeline('t0001');
  await shipped.begin('t0001', hosts[0], 0);
  await shipped.watermark('t0001', hosts[0], 50);
  // In its place since 60, on the same timeline. Which of them there are, only the ring tells.
  await shipped.begin('t0001', hosts[1], 60);
  await shipped.watermark('t0001', hosts[1], 1000);
  const clock = new FakeClock();
  const waited = waitUntilShipped(
    shipped.store,
    { timeline: 't0001', instant: second(900), ring: [hosts[1]] },
    { clock, patienceMs: 60_000, signal: new AbortController().signal },
  );
  expect(await inTime(waited, clock)).toBe(true);
});

test('segments that are given up while a round ships are marked from where they begin', async () => {
  const clock = new FakeClock();
  const log = new SimulatedCommitLog(clock);
  const settings = { maximumPinned: 1024 ** 3, minimumFree: 1024, syncPeriod: 10 };
  let onPiece: (() => Promise<void>) | undefined;
  const bucket = new MemoryStore({
    calls: async (method, key) => {
      if (method !== 'put' || !/\/\d{19}\//.test(key)) return;
      const work = onPiece;
      onPiece = undefined;
      await work?.();
    },
  });
  log.start();
  const shipper = await LogShipper.open(
    {
      node: 'node-1',
      clock,
      log: { write: () => {} },
      bucket,
      files: log,
      settings,
      answers: async () => true,
      running: async () => 'running',
    },
    { timeline: timelineId.parse('t0001'), hostId, after: null, writer: 'agent-1' },
  );
  const rounds = async (count: number, write: number) => {
    for (let at = 0; at < count; at += 1) {
      clock.leap(50);
      if (write > 0) log.write(write);
      log.mark();
      log.mark();
      log.mark();
      log.flush();
      await shipper.look();
      if (at % 5 === 0) await shipper.ship().catch(() => undefined);
    }
  };
  await rounds(40, 100);
  bucket.unreachable = true;
  // Ten segments and more are filled, flushed and deleted; only the links hold them.
  await rounds(100, 2000);
  expect(log.links.size).toBeGreaterThan(8);
  bucket.unreachable = false;
  // While the backlog is shipped more is written, so that more waits than may.
  onPiece = async () => {
    clock.leap(1100);
    settings.maximumPinned = 100 * 1024;
    await shipper.look();
    settings.maximumPinned = 1024 ** 3;
  };
  clock.leap(50);
  await shipper.look();
  await shipper.ship().catch(() => undefined);
  await rounds(100, 100);
  await settle();
  const { watermark, objects, marks } = await shippedLog(bucket, 't0001', hostId);
  const [from, to] = [instantOf(watermark?.since ?? ''), instantOf(watermark?.at ?? '')];
  const lost = log.writes.filter(
    ({ acknowledgedAt, lost: gone, segment, end }) =>
      !gone &&
      acknowledgedAt !== undefined &&
      acknowledgedAt > from &&
      acknowledgedAt <= to &&
      !objects.some(({ header }) => header.segment.file === segment.file && header.from < end && end <= header.to) &&
      !marks.some((mark) => instantOf(mark.at) <= acknowledgedAt && acknowledgedAt <= instantOf(mark.until)),
  );
  expect(marks.map(({ what }) => what)).toContain('gap');
  expect(lost.length).toBe(0);
});

test('what cannot be read of a segment is marked from where it begins', async () => {
  const node = new Node();
  node.log.start();
  await node.agent('t0001', null);
  const turn = (bytes: number) => {
    node.clock.leap(50);
    node.log.write(bytes);
    node.log.mark();
    node.log.mark();
    node.log.mark();
  };
  for (let at = 0; at < 10; at += 1) {
    turn(100);
    await node.shipper?.look();
    await node.shipper?.ship();
  }
  // Within one pause of the agent a segment is filled, a block of it is spoiled on the disk, and writes go on for a while.
  const before = node.log.all.length;
  for (let at = 0; at < 24; at += 1) turn(2000);
  const spoiled = node.log.all[before - 1];
  spoiled?.bytes.fill(0xff, 8 * 1024, 16 * 1024);
  for (let at = 0; at < 200; at += 1) {
    turn(100);
    await node.shipper?.look();
  }
  node.log.markAll();
  node.log.flush();
  for (let at = 0; at < 200; at += 1) {
    turn(20);
    await node.shipper?.look();
    if (at % 5 === 0) await node.shipper?.ship().catch(() => undefined);
  }
  await settle();
  const log = await shippedLog(node.bucket, 't0001', hostId);
  const [from, to] = [instantOf(log.watermark?.since ?? ''), instantOf(log.watermark?.at ?? '')];
  const gaps = log.marks.filter(({ what }) => what === 'gap');
  expect(gaps.length).toBeGreaterThan(0);
  const lost = node
    .missing(log, from, to)
    .filter(
      ({ acknowledgedAt = 0 }) =>
        !gaps.some((mark) => instantOf(mark.at) <= acknowledgedAt && acknowledgedAt <= instantOf(mark.until)),
    );
  expect(lost.length).toBe(0);
});

test('a stream that has begun without a piece forgets no segment that was given up when its agent is started anew', async () => {
  const clock = new FakeClock();
  const log = new SimulatedCommitLog(clock);
  const bucket = new MemoryStore();
  const settings = { maximumPinned: 60 * 1024, minimumFree: 1024, syncPeriod: 10 };
  const open = async () =>
    LogShipper.open(
      {
        node: 'node-1',
        clock,
        log: { write: () => {} },
        bucket,
        files: log,
        settings,
        answers: async () => true,
        running: async () => 'running',
      },
      { timeline: timelineId.parse('t0002'), hostId, after: '7', writer: 'agent-1' },
    );
  log.start();
  let shipper = await open();
  const rounds = async (count: number, write: number) => {
    for (let at = 0; at < count; at += 1) {
      clock.leap(50);
      log.write(write);
      log.mark();
      log.mark();
      log.mark();
      log.flush();
      await shipper.look();
      if (at % 5 === 0) await shipper.ship().catch(() => undefined);
    }
  };
  // Right after its timeline was opened the store goes away, and more is written than may wait.
  bucket.unreachable = true;
  await rounds(120, 2000);
  expect(log.links.size).toBeGreaterThan(1);
  // The agent dies and is started anew; then the store is back.
  bucket.unreachable = false;
  shipper = await open();
  await rounds(60, 100);
  await settle();
  const { watermark, objects, marks } = await shippedLog(bucket, 't0002', hostId);
  const [from, to] = [instantOf(watermark?.since ?? ''), instantOf(watermark?.at ?? '')];
  const lost = log.writes.filter(
    ({ acknowledgedAt, lost: gone, segment, end }) =>
      !gone &&
      acknowledgedAt !== undefined &&
      acknowledgedAt > from &&
      acknowledgedAt <= to &&
      !objects.some(({ header }) => header.segment.file === segment.file && header.from < end && end <= header.to) &&
      !marks.some((mark) => instantOf(mark.at) <= acknowledgedAt && acknowledgedAt <= instantOf(mark.until)),
  );
  expect(lost.length).toBe(0);
});

/** A node whose agent watches a Cassandra that tests change. */
function watched(glance: () => DatabaseGlance, schema: () => SchemaOfLog) {
  const clock = new FakeClock();
  const bucket = new MemoryStore();
  const log = new SimulatedCommitLog(clock);
  log.start();
  let state: ShippingState = { after: null, paused: false };
  const agent = () =>
    new ShippingLoop({
      node: 'node-1',
      environment: 'local',
      clock,
      log: { write: () => undefined },
      bucket,
      files: log,
      database: { glance: async () => glance(), schema: async () => schema(), close: async () => {} },
      running: async () => (log.running ? 'running' : 'stopped'),
      state: {
        load: async () => state,
        save: async (saved) => {
          state = saved;
        },
      },
      intervalMs: 250,
      newWriter: () => 'agent-1',
      settings: { maximumPinned: 1024 ** 3, minimumFree: 1024, syncPeriod: 10 },
    });
  const goOn = async (seconds: number) => {
    for (let at = 0; at < seconds; at += 1) {
      log.write(100);
      log.markAll();
      await clock.advance(1000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const stop = async (loop: ShippingLoop) => {
    const stopped = loop.stop();
    await clock.advance(5000);
    await stopped;
  };
  return { clock, bucket, agent, goOn, stop };
}

const seen: DatabaseGlance = { hostId, tokens: ['0'], schemaVersion: 'v', truncated: new Map(), streams: [] };

test('a flipped bit in the mark of a keyspace without log does not end the watch over Cassandra', async () => {
  let tokens = ['0'];
  const { bucket, agent, goOn, stop } = watched(
    () => ({ ...seen, tokens }),
    () => ({
      schemaVersion: 'v',
      cql: '',
      tables: [],
      keyspaces: [{ keyspace: 'cache', durableWrites: false, replication: { class: 'SimpleStrategy' } }],
    }),
  );
  const first = agent();
  await first.start();
  await goOn(10);
  await stop(first);
  const key = [...bucket.objects.keys()].find((each) => each.endsWith('-bypass.json')) ?? '';
  const body = Uint8Array.from(bucket.objects.get(key) ?? []);
  body[3] = (body[3] ?? 0) ^ 4;
  bucket.set(key, body);
  const second2 = agent();
  await second2.start();
  await goOn(10);
  // The node is moved: it receives data of other ranges.
  tokens = ['4711'];
  await goOn(10);
  const { problem } = second2.health();
  await stop(second2);
  const marks = [...bucket.objects.keys()].filter((each) => each.includes('/marks/') && each !== key);
  const told = marks.some((each) => logMarkDocument.read(bucket.text(each), each).reason.includes('tokens'));
  expect(told || problem !== undefined).toBe(true);
});

test('an agent that cannot look at Cassandra any more says so, or promises nothing', async () => {
  let denied = false;
  const { clock, bucket, agent, goOn, stop } = watched(
    () => {
      if (denied) throw new Error('the password was changed');
      return seen;
    },
    () => ({ schemaVersion: 'v', cql: '', tables: [], keyspaces: [] }),
  );
  const loop = agent();
  await loop.start();
  await goOn(10);
  denied = true;
  const from = clock.now().getTime() * 1000;
  // Whatever is truncated from now on is marked by nobody.
  await goOn(120);
  const { problem } = loop.health();
  const { watermark } = await shippedLog(bucket, 't0001', hostId);
  await stop(loop);
  const promised = instantOf(watermark?.at ?? '') > from + 60e6;
  expect(problem !== undefined || !promised).toBe(true);
});
