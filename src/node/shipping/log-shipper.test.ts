import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { expectWhole, type ShippedLog, shippedLog } from '../../../test/support/shipped-log.ts';
import { type SegmentKind, SimulatedCommitLog } from '../../../test/support/simulated-commit-log.ts';
import { timelineId } from '../../model/identifiers.ts';
import { instantOf } from '../../model/instant.ts';
import { logPieceKey } from '../../model/log-piece.ts';
import { LogShipper, type ShipperParts } from './log-shipper.ts';

const timeline = timelineId.parse('t0001');
const hostId = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01';

/** A node in memory: its Cassandra, its bucket, and agents that come and go. */
class Node {
  readonly clock: FakeClock;
  readonly bucket: MemoryStore;
  readonly log: SimulatedCommitLog;
  writer = 'agent-1';
  readonly said: string[] = [];
  /** Its Cassandra stands still. */
  paused = false;
  /** Whether it is known when Cassandra is stopped. */
  sure = true;
  shipper: LogShipper | undefined;
  settings: ShipperParts['settings'] = {
    maximumPinned: 1024 ** 3,
    minimumFree: 1024,
    syncPeriod: 10,
  };

  /** With the clock and the bucket of another one, when it is a copy of that. */
  constructor({
    clock = new FakeClock(),
    bucket = new MemoryStore(),
    kind = 'mapped',
    version = 8,
  }: { clock?: FakeClock; bucket?: MemoryStore; kind?: SegmentKind; version?: number } = {}) {
    this.clock = clock;
    this.bucket = bucket;
    this.log = new SimulatedCommitLog(clock, { kind, version });
    this.log.start();
  }

  async agent(after: string | null = null): Promise<LogShipper> {
    this.shipper = await LogShipper.open(
      {
        node: 'node-1',
        clock: this.clock,
        log: { write: (event) => this.said.push(event) },
        bucket: this.bucket,
        files: this.log,
        settings: this.settings,
        running: async () => (this.log.running ? 'running' : this.sure ? 'stopped' : 'unsure'),
        answers: async () => this.log.running && !this.paused,
      },
      { timeline, hostId, after, writer: this.writer },
    );
    return this.shipper;
  }

  /** An agent's rounds: looks every 50 ms, ships every 250. */
  async rounds(ms: number, each: () => void = () => undefined): Promise<void> {
    for (let at = 0; at < ms; at += 50) {
      this.clock.leap(50);
      each();
      await this.shipper?.look();
      if (at % 250 === 0) await this.shipper?.ship().catch(() => undefined);
    }
    await settle();
  }

  async shipped(): Promise<ShippedLog> {
    return shippedLog(this.bucket, timeline, hostId);
  }
}

/** What the watermark promises and the bucket does not hold. */
function brokenPromises({ log }: Node, { objects, marks, watermark }: ShippedLog): readonly string[] {
  if (watermark === undefined) return [];
  const [from, to] = [instantOf(watermark.since), instantOf(watermark.at)];
  return log.writes
    .filter(
      ({ acknowledgedAt, lost }) =>
        !lost && acknowledgedAt !== undefined && acknowledgedAt > from && acknowledgedAt <= to,
    )
    .filter(
      ({ acknowledgedAt = 0 }) =>
        !marks.some((mark) => instantOf(mark.at) <= acknowledgedAt && acknowledgedAt <= instantOf(mark.until)),
    )
    .filter(
      ({ segment, end }) =>
        !objects.some(({ header }) => header.segment.file === segment.file && header.from < end && end <= header.to),
    )
    .map(
      ({ segment, end, acknowledgedAt }) => `${segment.id}/${end} acknowledged at ${acknowledgedAt}, watermark ${to}`,
    );
}

/** Every shipped byte is what lay in the segment. */
function expectTrueBytes({ log }: Node, { objects }: ShippedLog): void {
  for (const { header, plain } of objects) {
    const segment = log.all.find(({ file }) => file === header.segment.file);
    expect(Buffer.compare(plain, segment?.bytes.subarray(header.from, header.to) ?? new Uint8Array())).toBe(0);
  }
}

describe('the log of a node', () => {
  test('is shipped in pieces of one chain, merged when a segment closes, and nothing is kept that is not needed', async () => {
    const node = new Node();
    await node.agent();
    await node.rounds(20_000, () => {
      node.log.write(100);
      node.log.mark();
      node.log.mark();
      node.log.flush();
    });
    const shipped = await node.shipped();
    expectWhole(shipped, timeline, hostId);
    expectTrueBytes(node, shipped);
    expect(shipped.marks).toEqual([]);
    expect(brokenPromises(node, shipped)).toEqual([]);
    const closed = shipped.objects.filter(({ header }) => header.closesSegment);
    expect(closed.length).toBeGreaterThanOrEqual(2);
    for (const { header } of closed) {
      expect(shipped.objects.filter((each) => each.header.segment.id === header.segment.id)).toHaveLength(1);
      expect(header.from).toBe(0);
    }
    // The one in use and the spare.
    expect(node.log.links.size).toBeLessThanOrEqual(3);
  });

  test('an agent that comes back to a damaged object names it', async () => {
    const node = new Node();
    await node.agent();
    node.log.write(100);
    node.log.markAll();
    await node.rounds(3000);
    const key = (await node.shipped()).objects.map(({ header }) => logPieceKey(header)).at(-1) ?? '';
    const body = Buffer.from((await node.bucket.get(key))?.body ?? []);
    body[3] = (body[3] ?? 0) ^ 1;
    await node.bucket.put(key, body);
    const happened: unknown = expect.stringContaining(key);
    await expect(node.agent()).rejects.toMatchObject({ code: 'log-damaged', happened });
  });

  test('a quiet node advances about once a second and writes no pieces', async () => {
    const node = new Node();
    await node.agent();
    node.log.write(100);
    node.log.markAll();
    await node.rounds(3000);
    const before = await node.shipped();
    await node.rounds(10_000);
    const after = await node.shipped();
    expect(after.links).toHaveLength(before.links.length);
    expect(node.clock.now().getTime() * 1000 - instantOf(after.watermark?.at ?? '')).toBeLessThan(2.5e6);
  });

  test('a write that no marker covers holds the watermark back, also when it lies far behind one that is not finished', async () => {
    const node = new Node();
    await node.agent();
    node.log.markAll();
    await node.rounds(3000);
    const stalled = node.log.begin(9000);
    await node.rounds(1000);
    node.log.write(50);
    const acknowledgedAt = node.log.writes.at(-1)?.acknowledgedAt ?? 0;
    await node.rounds(5000);
    expect(instantOf((await node.shipped()).watermark?.at ?? '')).toBeLessThan(acknowledgedAt);
    stalled?.finish();
    node.log.markAll();
    await node.rounds(3000);
    const shipped = await node.shipped();
    expect(instantOf(shipped.watermark?.at ?? '')).toBeGreaterThan(acknowledgedAt);
    expect(brokenPromises(node, shipped)).toEqual([]);
  });

  test('of a log that reaches its file only when it is synced, the watermark keeps back as long as a sync may take', async () => {
    const node = new Node({ kind: 'appended' });
    await node.agent();
    await node.rounds(30_000);
    const lag = node.clock.now().getTime() * 1000 - instantOf((await node.shipped()).watermark?.at ?? '');
    expect(lag).toBeGreaterThanOrEqual(10e6);
    expect(lag).toBeLessThan(18e6);
  });

  test('a log of a format that nobody can read is shipped, and the agent says so', async () => {
    const node = new Node({ version: 101 });
    await node.agent();
    node.log.write(100);
    node.log.markAll();
    await node.rounds(3000);
    expect((await node.shipped()).objects.length).toBeGreaterThan(0);
    expect(node.shipper?.tail.unreadable).toContain('version 101 (a later core of HCD on Cassandra 4.0)');
  });

  test('a Cassandra that is killed and stays down holds nothing back', async () => {
    const node = new Node();
    await node.agent();
    node.log.write(100);
    node.log.kill();
    await node.rounds(6000);
    const lag = node.clock.now().getTime() * 1000 - instantOf((await node.shipped()).watermark?.at ?? '');
    expect(lag).toBeLessThan(2.5e6);
  });
});

test('where nothing proves that it is stopped, segments that appear while it does not answer hold the watermark back', async () => {
  const node = new Node();
  node.sure = false;
  node.log.write(100);
  node.log.running = false;
  await node.agent();
  const from = node.clock.now().getTime() * 1000;
  await node.rounds(10_000);
  expect(instantOf((await node.shipped()).watermark?.at ?? '')).toBeLessThanOrEqual(from);
  node.log.running = true;
  node.log.markAll();
  await node.rounds(3000);
  expect(instantOf((await node.shipped()).watermark?.at ?? '')).toBeGreaterThan(from);
});

describe('what is lost is told', () => {
  test('segments that came and went while no agent was there are a gap, and so is an end that was deleted', async () => {
    const node = new Node();
    await node.agent();
    node.log.write(100);
    node.log.markAll();
    await node.rounds(2000);
    node.shipper = undefined;
    for (let turn = 0; turn < 600; turn += 1) {
      node.log.write(100);
      node.log.mark();
    }
    node.log.markAll();
    node.log.flush();
    await node.agent();
    await node.rounds(2000);
    const shipped = await node.shipped();
    expect(shipped.marks).toMatchObject([{ what: 'gap', reason: expect.stringContaining('were written and deleted') }]);
    expect(brokenPromises(node, shipped)).toEqual([]);
    expectWhole(shipped, timeline, hostId);
  });

  test('restarts of agent and Cassandra alone are none', async () => {
    const node = new Node();
    await node.agent();
    for (let turn = 0; turn < 6; turn += 1) {
      await node.rounds(1000, () => {
        node.log.write(100);
        node.log.mark();
        node.log.mark();
      });
      if (turn % 2 === 0) await node.agent();
      node.log.kill();
      node.clock.leap(20_000);
      node.log.start();
      if (turn % 3 === 0) await node.agent();
    }
    node.log.markAll();
    await node.rounds(3000);
    const shipped = await node.shipped();
    expect(shipped.marks).toEqual([]);
    expectWhole(shipped, timeline, hostId);
    expect(brokenPromises(node, shipped)).toEqual([]);
  });

  test.each([
    ['at once', 0],
    ['when it had shipped the end of the log', 400],
    ['when it had shipped and closed the last segment', 8000],
  ])('a Cassandra that is drained and started again while its agent stops %s leaves no gap', async (_when, ms) => {
    const node = new Node();
    await node.agent();
    await node.rounds(3000, () => {
      node.log.write(100);
      node.log.mark();
      node.log.mark();
    });
    node.log.drain();
    await node.rounds(ms);
    node.clock.leap(20_000);
    node.log.start();
    await node.agent();
    node.log.write(100);
    node.log.markAll();
    await node.rounds(3000);
    const shipped = await node.shipped();
    expect(shipped.marks).toEqual([]);
    expectWhole(shipped, timeline, hostId);
    expect(brokenPromises(node, shipped)).toEqual([]);
  });

  test('beyond the limit the oldest is given up, a gap is told, and shipping goes on', async () => {
    const node = new Node();
    node.settings = { ...node.settings, maximumPinned: 40_000 };
    await node.agent();
    node.bucket.unreachable = true;
    await node.rounds(60_000, () => {
      node.log.write(100);
      node.log.mark();
      node.log.mark();
      node.log.flush();
    });
    const pinned = [...node.log.links.values()].filter(({ file }) => !node.log.directory.has(file));
    expect(pinned.length * 16 * 1024).toBeLessThanOrEqual(40_000 + 16 * 1024);
    node.bucket.unreachable = false;
    await node.rounds(3000);
    const shipped = await node.shipped();
    expect(shipped.marks).toMatchObject([
      { what: 'gap', reason: expect.stringContaining('was dropped before it was shipped') },
    ]);
    expect(brokenPromises(node, shipped)).toEqual([]);
    expectWhole(shipped, timeline, hostId);
    expectTrueBytes(node, shipped);
  });

  test('a nearly full disk is given back at once', async () => {
    const node = new Node();
    await node.agent();
    node.bucket.unreachable = true;
    await node.rounds(20_000, () => {
      node.log.write(100);
      node.log.mark();
      node.log.mark();
      node.log.flush();
    });
    node.log.free = 0;
    await node.rounds(2000);
    // One may be on its way to the store.
    expect([...node.log.links.values()].filter(({ file }) => !node.log.directory.has(file)).length).toBeLessThanOrEqual(
      1,
    );
  });
});

describe('a clock that is set back', () => {
  /** The node's clock shows this much less from now on; time itself goes on. */
  function setBack({ clock }: Node, ms: number): void {
    const now = clock.now.bind(clock);
    clock.now = () => new Date(now().getTime() - ms);
  }

  const busy = (node: Node) => () => {
    node.log.write(100);
    node.log.mark();
    node.log.mark();
  };

  test('by less than restores reckon with leaves no mark, and what is covered is told by the new time', async () => {
    const node = new Node();
    await node.agent();
    await node.rounds(10_000, busy(node));
    setBack(node, 400);
    await node.rounds(1000, busy(node));
    const { watermark, marks } = await node.shipped();
    expect(marks).toEqual([]);
    expect(instantOf(watermark?.at ?? '')).toBeLessThanOrEqual(node.clock.now().getTime() * 1000);
    expect(brokenPromises(node, await node.shipped())).toEqual([]);
  });

  test('while no agent is there makes the next one mark what the clock tells twice, and take its promise back', async () => {
    const node = new Node();
    await node.agent();
    await node.rounds(10_000, busy(node));
    const promised = instantOf((await node.shipped()).watermark?.at ?? '');
    setBack(node, 600_000);
    await node.agent();
    await node.rounds(3000, busy(node));
    const { watermark, marks } = await node.shipped();
    const now = node.clock.now().getTime() * 1000;
    const at = instantOf(watermark?.at ?? '');
    expect(at).toBeLessThanOrEqual(now);
    expect(now - at).toBeLessThan(2.5e6);
    const [mark] = marks;
    expect(mark).toMatchObject({ what: 'gap', reason: expect.stringContaining('set back') });
    expect(instantOf(mark?.at ?? '')).toBeLessThanOrEqual(now - 3e6);
    expect(instantOf(mark?.until ?? '')).toBeGreaterThanOrEqual(promised);
    expect(marks).toHaveLength(1);
  });
});

test('segments up to a given one belong to no stream', async () => {
  const node = new Node();
  node.log.write(100);
  node.log.markAll();
  const before = node.log.all.at(-1)?.id ?? 0n;
  node.log.kill();
  node.clock.leap(5000);
  node.log.start();
  await node.agent(String(before));
  node.log.write(100);
  node.log.markAll();
  await node.rounds(2000);
  const shipped = await node.shipped();
  expect(shipped.objects.map(({ header }) => BigInt(header.segment.id) > before)).toEqual([true]);
});

test('a piece whose put was stored and not answered is recognised by the agent and by the next one', async () => {
  const node = new Node();
  await node.agent();
  node.bucket.loseAnswerOf = /\/\d{10}-\d{10}$/;
  node.log.write(100);
  node.log.markAll();
  await node.rounds(1000);
  expect((await node.shipped()).links).toHaveLength(1);
  node.bucket.loseAnswerOf = /\/\d{10}-\d{10}$/;
  node.log.write(100);
  node.log.markAll();
  node.clock.leap(50);
  await node.shipper?.look();
  await expect(node.shipper?.ship()).rejects.toMatchObject({ code: 'store-unreachable' });
  await node.agent();
  node.log.write(100);
  node.log.markAll();
  await node.rounds(2000);
  const shipped = await node.shipped();
  expectWhole(shipped, timeline, hostId);
  expect(brokenPromises(node, shipped)).toEqual([]);
});

test('an object in the way that nobody of this stream wrote stops it with its name', async () => {
  const node = new Node();
  await node.agent();
  node.log.write(100);
  node.log.markAll();
  await node.rounds(1000);
  const own = (await node.shipped()).objects[0]?.header;
  if (own === undefined) throw new TypeError('nothing was shipped');
  const first = node.bucket.objects.get(logPieceKey(own));
  await node.shipper?.look();
  const { to } = own;
  node.log.write(100);
  const next = { ...own, from: to, to: to + 108 };
  node.bucket.set(logPieceKey(next), first ?? '');
  node.log.markAll();
  await node.shipper?.look();
  await expect(node.shipper?.ship()).rejects.toMatchObject({ code: 'log-stream-foreign' });
});

describe('two agents of one host id', () => {
  /** What lies in the bucket besides the watermark, which the claim itself replaces. */
  const pieces = ({ bucket }: Node) => [...bucket.objects.keys()].filter((key) => !key.endsWith('watermark.json'));

  test('an agent whose machine was paused, and whose stream another has taken, puts nothing more', async () => {
    const first = new Node();
    await first.agent();
    first.log.write(100);
    first.log.markAll();
    await first.rounds(2000);
    const second = new Node(first);
    second.writer = 'agent-2';
    const opening = second.agent();
    await first.clock.advance(25_000);
    await opening;
    second.log.write(100);
    second.log.markAll();
    await second.rounds(2000);
    const before = pieces(first);
    // It wakes up and has more to tell, of another length.
    first.log.write(700);
    first.log.markAll();
    await first.shipper?.look();
    await expect(first.shipper?.ship()).rejects.toMatchObject({ code: 'log-stream-foreign' });
    expect(pieces(first)).toEqual(before);
    expectWhole(await second.shipped(), timeline, hostId);
  });

  test('a copied machine, which has the memory of the first, takes the stream, and the first finds out at its next piece', async () => {
    const first = new Node();
    await first.agent();
    first.log.write(100);
    first.log.markAll();
    await first.rounds(2000);
    const copy = new Node(first);
    await copy.agent();
    await first.shipper?.look();
    first.clock.leap(2000);
    await first.shipper?.look();
    await expect(first.shipper?.ship()).rejects.toMatchObject({ code: 'log-stream-foreign' });
    copy.log.write(100);
    copy.log.markAll();
    await copy.rounds(2000);
    expectWhole(await copy.shipped(), timeline, hostId);
  });

  test('an agent that is alone is not disturbed by answers that are lost', async () => {
    const node = new Node();
    await node.agent();
    for (let turn = 0; turn < 20; turn += 1) {
      node.bucket.loseAnswerOf = /watermark/;
      node.log.write(100);
      node.log.markAll();
      await node.rounds(1000);
    }
    await node.rounds(2000);
    const shipped = await node.shipped();
    expectWhole(shipped, timeline, hostId);
    expect(shipped.marks).toEqual([]);
    const lag = node.clock.now().getTime() * 1000 - instantOf(shipped.watermark?.at ?? '');
    expect(lag).toBeLessThan(2.5e6);
  });

  test('an agent that has nothing new to tell shows that it lives', async () => {
    const node = new Node({ kind: 'appended' });
    // Nothing says that what may have been written is in the file, so the watermark stands still.
    node.paused = true;
    await node.agent();
    const beat = async () => (await node.shipped()).watermark?.writer?.beat ?? 0;
    const before = await beat();
    await node.rounds(12_000);
    expect(await beat()).toBeGreaterThan(before);
  });
});

/** What may happen to a node, in any order. */
const happening = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('write' as const), length: fc.integer({ min: 9, max: 3000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('begin' as const), length: fc.integer({ min: 9, max: 3000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('finish' as const) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('mark' as const) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('look' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('ship' as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 1500 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('start' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('agent' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('store' as const), gone: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose answer' as const) }) },
);

test('whatever happens in whatever order, the watermark promises nothing that the bucket does not hold', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 20, maxLength: 220 }), async (happenings) => {
      const node = new Node();
      const stalled: Array<{ finish(): void } | undefined> = [];
      await node.agent();
      for (const event of happenings) {
        switch (event.do) {
          case 'write':
            node.log.write(event.length);
            break;
          case 'begin':
            stalled.push(node.log.begin(event.length));
            break;
          case 'finish':
            stalled.shift()?.finish();
            break;
          case 'mark':
            node.log.mark();
            break;
          case 'look':
            await node.shipper?.look();
            break;
          case 'ship':
            await node.shipper?.ship().catch(() => undefined);
            await settle();
            break;
          case 'wait':
            node.clock.leap(event.ms);
            break;
          case 'flush':
            node.log.flush();
            break;
          case 'kill':
            node.log.kill();
            break;
          case 'start':
            if (node.log.running) break;
            node.clock.leap(5000);
            node.log.start();
            break;
          case 'agent':
            node.bucket.unreachable = false;
            await node.agent();
            break;
          case 'store':
            node.bucket.unreachable = event.gone;
            break;
          case 'lose answer':
            node.bucket.loseAnswerOf = /\d$/;
            break;
        }
        if (event.do === 'ship' && !node.bucket.unreachable) {
          expect(brokenPromises(node, await node.shipped())).toEqual([]);
        }
      }
      node.bucket.unreachable = false;
      for (const each of stalled) each?.finish();
      if (!node.log.running) {
        node.clock.leap(5000);
        node.log.start();
      }
      node.log.markAll();
      const end = node.clock.now().getTime() * 1000;
      // Near its end a mapped segment is taken for one that is not mapped, and waits for a period of Cassandra's syncs.
      await node.rounds(16_000);
      const shipped = await node.shipped();
      expectWhole(shipped, timeline, hostId);
      expectTrueBytes(node, shipped);
      expect(brokenPromises(node, shipped)).toEqual([]);
      expect(instantOf(shipped.watermark?.at ?? '')).toBeGreaterThan(end);
    }),
    { numRuns: 100 },
  );
}, 120_000);
