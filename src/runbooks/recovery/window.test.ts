import { describe, expect, test } from 'vitest';
import { factsAt } from '../../../test/support/facts-of.ts';
import { ShippedBucket, hosts, secondText } from '../../../test/support/shipped-bucket.ts';
import { listPoints } from '../catalog/point-catalog.ts';
import { computeWindow } from './window.ts';

const [a, b, c] = hosts;

async function windowAt(log: ShippedBucket, now: number, timeline?: string) {
  return computeWindow(await factsAt(log.store, now), timeline);
}

/** Every host ships on the timeline from `since`, a piece at each of these seconds. */
async function shipAll(
  log: ShippedBucket,
  timeline: string,
  ids: readonly string[],
  since: number,
  ...seconds: number[]
) {
  for (const host of ids) {
    await log.begin(timeline, host, since);
    for (const covered of seconds) await log.ship(timeline, host, { segment: 7, covered });
    await log.watermark(timeline, host, seconds.at(-1) ?? since);
  }
}

async function threeNodes(): Promise<ShippedBucket> {
  const log = new ShippedBucket();
  await log.timeline('t0001');
  await shipAll(log, 't0001', hosts, 0, 50, 100);
  await log.point(10, 12, { nodeCount: 3 });
  return log;
}

describe('the window of what was shipped', () => {
  test('before anything is shipped there is none', async () => {
    const log = new ShippedBucket();
    const report = await windowAt(log, 100);
    expect(report).toMatchObject({ timeline: 't0001', oldest: null, newest: null, rpoSeconds: null, gaps: [] });
  });

  test('without a base there is none, however much is shipped', async () => {
    const log = new ShippedBucket();
    await log.timeline('t0001');
    await shipAll(log, 't0001', [a], 0, 100);
    const report = await windowAt(log, 100);
    expect(report.newest).toBeNull();
    expect(report.warnings.join()).toContain('No good base on t0001');
    expect(report.streams).toMatchObject([{ newest: secondText(100), lagSeconds: 0 }]);
  });

  test('H: it goes from the end of the first snapshot to what two of three replicas have shipped', async () => {
    const log = await threeNodes();
    await log.watermark('t0001', a, 130);
    await log.watermark('t0001', b, 120);
    const report = await windowAt(log, 121.5);
    expect(report).toMatchObject({
      oldest: secondText(12),
      newest: secondText(120),
      settled: secondText(110),
      rpoSeconds: 1.5,
      gaps: [],
      stretches: [{ from: secondText(12), to: secondText(120), base: 'backup-20260219-020010', timeline: 't0001' }],
    });
  });

  test('a new base is wanted after what no log tells, and not again when one was taken that does not help', async () => {
    const log = await threeNodes();
    for (const host of hosts) await log.watermark('t0001', host, 300);
    expect((await windowAt(log, 300)).baseWanted).toBeNull();
    await log.mark('t0001', a, 'truncate', 200, 210);
    const { baseWanted, newest } = await windowAt(log, 300);
    expect(newest).toBe(secondText(199.999_999));
    expect(baseWanted).toContain('told by a test');
    await log.point(220, 222, { nodeCount: 3 });
    expect((await windowAt(log, 300)).baseWanted).toBeNull();
    await log.timeline('t0002', { id: 't0001', fork: 290 });
    expect((await windowAt(log, 300)).baseWanted).toContain('no good base on t0002');
  });

  test('one replica that stopped does not end it, two do', async () => {
    const log = await threeNodes();
    await log.watermark('t0001', a, 300);
    expect((await windowAt(log, 300)).newest).toBe(secondText(100));
    await log.watermark('t0001', c, 300);
    const report = await windowAt(log, 300);
    expect(report.newest).toBe(secondText(300));
    expect(report.streams.find(({ hostId }) => hostId === b)?.problems.join()).toContain('shipping has stopped');
  });

  test('a quiet node counts as far as its watermark says, and a piece after the quiet goes on from there', async () => {
    const log = await threeNodes();
    for (const host of hosts) {
      await log.watermark('t0001', host, 200);
      await log.ship('t0001', host, { segment: 7, covered: 210 });
    }
    expect((await windowAt(log, 210)).newest).toBe(secondText(210));
  });

  test('a gap of one stream of three is covered by the others; of two it needs a new base', async () => {
    const log = await threeNodes();
    await log.mark('t0001', a, 'gap', 60, 70, 'its disk was full');
    expect(await windowAt(log, 100)).toMatchObject({ newest: secondText(100), gaps: [] });
    await log.mark('t0001', b, 'gap', 80, 85, 'its disk was full');
    const report = await windowAt(log, 100);
    expect(report.newest).toBe(secondText(79.999999));
    expect(report.warnings.join()).toMatch(/Nothing later .* its disk was full/);
    await log.point(90, 91, { nodeCount: 3 });
    const later = await windowAt(log, 100);
    expect(later.newest).toBe(secondText(100));
    expect(later.gaps).toMatchObject([{ from: secondText(79.999999), to: secondText(90.999999) }]);
    expect(later.gaps[0]?.reason).toContain('its disk was full');
    expect(later.gaps[0]?.reason).toContain('backup-20260219-020130 is the next base');
  });

  test.each(['truncate', 'bypass', 'schema'] as const)(
    'after a %s on any node every instant needs a later base',
    async (what) => {
      const log = await threeNodes();
      await log.mark('t0001', c, what, 60, 65, 'it happened');
      expect((await windowAt(log, 100)).newest).toBe(secondText(59.999999));
      await log.point(64, 66, { nodeCount: 3 });
      expect((await windowAt(log, 100)).newest, 'a base that began before its end').toBe(secondText(59.999999));
      await log.point(65, 67, { nodeCount: 3 });
      expect((await windowAt(log, 100)).gaps).toMatchObject([
        { from: secondText(59.999999), to: secondText(66.999999) },
      ]);
    },
  );

  test('a point of before the log began serves nothing, and one that is only taken is no base', async () => {
    const log = new ShippedBucket();
    await log.timeline('t0001');
    await shipAll(log, 't0001', hosts, 20, 100);
    await log.point(10, 12, { nodeCount: 3 });
    await log.point(30, 31, { nodeCount: 3, proof: 'taken' });
    const report = await windowAt(log, 100);
    expect(report.newest).toBeNull();
    expect(report.bases).toMatchObject([{ point: 'backup-20260219-020010', from: null }]);
    expect(report.bases[0]?.why).toContain(`its log begins at ${secondText(20)}`);
  });

  test('a point without the times of its snapshots is thought to have taken as long as it says', async () => {
    const log = await threeNodes();
    await log.point(40, 42, { nodeCount: 3, snapshot: undefined, seconds: { taken: 5 } });
    const report = await windowAt(log, 100);
    expect(report.stretches.map(({ from }) => from)).toEqual([secondText(12), secondText(42)]);
  });

  test('the base of each stretch is the latest that serves it', async () => {
    const log = await threeNodes();
    await log.point(60, 63, { nodeCount: 3, proof: 'checked' });
    const report = await windowAt(log, 100);
    expect(report.stretches).toMatchObject([
      { from: secondText(12), to: secondText(62.999999), base: 'backup-20260219-020010' },
      { from: secondText(63), to: secondText(100), base: 'backup-20260219-020100' },
    ]);
    expect(report.warnings.join()).toContain('checked but not proven');
  });

  test("writers' clocks that run ahead move the beginning; beyond the limit it is said", async () => {
    const log = await threeNodes();
    await log.watermark('t0001', a, 100, { clockLead: 1.5 });
    expect((await windowAt(log, 100)).oldest).toBe(secondText(13.5));
    await log.watermark('t0001', a, 100, { clockLead: 30 });
    expect((await windowAt(log, 100)).warnings.join()).toContain('ahead of the nodes');
  });
});

describe('tables that change', () => {
  test('added ones do not matter, a dropped, altered or remade one needs a later base', async () => {
    for (const [changed, why] of [
      [['edgestore'], 'janusgraph.graphindex was dropped'],
      [['edgestore', 'graphindex:key value more'], 'janusgraph.graphindex was altered'],
      [['edgestore', "graphindex'"], 'janusgraph.graphindex was dropped and created again'],
    ] as const) {
      const log = await threeNodes();
      await log.schema('t0001', 1, ['edgestore', 'graphindex']);
      await log.schema('t0001', 40, ['edgestore', 'graphindex', 'extra']);
      expect((await windowAt(log, 100)).newest).toBe(secondText(100));
      await log.schema('t0001', 60, [...changed, 'extra']);
      const report = await windowAt(log, 100);
      expect(report.newest).toBe(secondText(59.999999));
      expect(report.warnings.join()).toContain(why);
      await log.point(70, 71, { nodeCount: 3 });
      expect((await windowAt(log, 100)).newest).toBe(secondText(100));
    }
  });

  test('what follows a damaged one needs a base that is later than the next, and the object is named', async () => {
    const log = await threeNodes();
    await log.schema('t0001', 1, ['edgestore']);
    await log.schema('t0001', 40, ['edgestore', 'graphindex']);
    const key = [...log.store.objects.keys()].filter((each) => each.includes('/schema/')).sort()[1] ?? '';
    const stored = await log.store.get(key);
    await log.store.put(
      key,
      Buffer.from(stored?.body ?? [])
        .toString()
        .replace('graphindex', 'graphindey'),
    );
    const report = await windowAt(log, 100);
    expect(report.newest).toBe(secondText(39.999999));
    expect(report.warnings.join()).toContain(key);
    await log.point(50, 51, { nodeCount: 3 });
    expect((await windowAt(log, 100)).newest).toBe(secondText(39.999999));
    await log.schema('t0001', 60, ['edgestore', 'graphindex']);
    await log.point(70, 71, { nodeCount: 3 });
    expect((await windowAt(log, 100)).newest).toBe(secondText(100));
  });

  test('while a keyspace is not logged no base helps', async () => {
    const log = await threeNodes();
    const keyspace = { keyspace: 'janusgraph', replication: { class: 'NetworkTopologyStrategy', 'hcd-paris': '3' } };
    await log.schema('t0001', 1, ['edgestore']);
    await log.schema('t0001', 60, ['edgestore'], { keyspaces: [{ ...keyspace, durableWrites: false }] });
    await log.point(70, 71, { nodeCount: 3 });
    expect((await windowAt(log, 100)).newest).toBe(secondText(59.999999));
    await log.schema('t0001', 80, ['edgestore'], { keyspaces: [{ ...keyspace, durableWrites: true }] });
    await log.point(85, 86, { nodeCount: 3 });
    expect((await windowAt(log, 100)).newest).toBe(secondText(100));
  });
});

describe('a ring that changes', () => {
  test('a node that joins ends what the bases of before it serve', async () => {
    const log = new ShippedBucket();
    await log.timeline('t0001');
    await shipAll(log, 't0001', [a, b], 0, 100);
    await log.point(10, 12, { nodeCount: 2 });
    await shipAll(log, 't0001', [c], 50, 100);
    const report = await windowAt(log, 100);
    expect(report.newest).toBe(secondText(49.999999));
    expect(report.warnings.join()).toContain('is not among the nodes of');
    await log.point(60, 61, { nodeCount: 3 });
    expect(await windowAt(log, 100)).toMatchObject({ newest: secondText(100), gaps: [{ to: secondText(60.999999) }] });
  });

  test('a later point of other tokens ends it where the ring was last seen as it was', async () => {
    const log = await threeNodes();
    await log.point(30, 31, { nodeCount: 3 });
    const moved = new ShippedBucket();
    const id = await moved.point(60, 61, { nodeCount: 3 });
    const [point] = await listPoints(moved.store);
    if (point === undefined) throw new TypeError(id);
    await log.point(60, 61, { nodes: point.nodes.map((node, at) => ({ ...node, tokens: [String(at * 100 + 7)] })) });
    const report = await windowAt(log, 100);
    expect(report.gaps).toMatchObject([{ from: secondText(31), to: secondText(60.999999) }]);
    expect(report.gaps[0]?.reason).toContain('different rings');
  });
});

describe('timelines', () => {
  /** Restored at second 200 to second 40 without one transaction. */
  async function restored(): Promise<ShippedBucket> {
    const log = await threeNodes();
    await log.timeline('t0002', { id: 't0001', fork: 40 }, { opened: 200, exclusions: [secondText(35)] });
    await shipAll(log, 't0002', hosts, 203, 250, 300);
    return log;
  }

  test('the new one goes back over the fork, and what followed on the parent is not in it', async () => {
    const log = await restored();
    expect(await windowAt(log, 300)).toMatchObject({
      timeline: 't0002',
      oldest: secondText(12),
      newest: secondText(300),
      gaps: [],
      rpoSeconds: 0,
    });
    await log.point(80, 81, { nodeCount: 3 });
    const report = await windowAt(log, 300);
    expect(report.stretches.map(({ base }) => base)).toEqual(['backup-20260219-020010']);
    expect(report.bases.find(({ point }) => point === 'backup-20260219-020120')?.why).toContain(
      'after the end of the timeline',
    );
  });

  test('the old one is kept, closed, and shown', async () => {
    const report = await windowAt(await restored(), 300, 't0001');
    expect(report).toMatchObject({
      timeline: 't0001',
      oldest: secondText(12),
      newest: secondText(100),
      rpoSeconds: null,
    });
    expect(report.timelines).toMatchObject([
      { id: 't0001', parent: null, current: false },
      { id: 't0002', parent: 't0001', forkedAt: secondText(40), exclusions: [secondText(35)], current: true },
    ]);
  });

  test('a base that holds an undone transaction serves its own timeline only', async () => {
    const log = await restored();
    await log.point(36, 37, { nodeCount: 3 });
    expect((await windowAt(log, 300, 't0001')).stretches.map(({ base }) => base)).toContain('backup-20260219-020036');
    const report = await windowAt(log, 300);
    expect(report.stretches.map(({ base }) => base)).toEqual(['backup-20260219-020010']);
    expect(report.bases.find(({ point }) => point === 'backup-20260219-020036')?.why).toContain('undone transaction');
  });

  test('a stream that began too long after the timeline was opened has missed something', async () => {
    const log = await threeNodes();
    await log.timeline('t0002', { id: 't0001', fork: 40 }, { opened: 200 });
    await shipAll(log, 't0002', hosts, 500, 600);
    const report = await windowAt(log, 600);
    expect(report.newest).toBe(secondText(199.999999));
    expect(report.warnings.join()).toContain(`its log begins at ${secondText(500)}`);
    await log.point(550, 551, { nodeCount: 3, timeline: 't0002' as never });
    expect((await windowAt(log, 600)).newest).toBe(secondText(600));
  });

  test('a mark of after the fork is of no concern to the child', async () => {
    const log = await restored();
    await log.mark('t0001', a, 'truncate', 60, 61);
    expect((await windowAt(log, 300)).newest).toBe(secondText(300));
    await log.mark('t0001', a, 'truncate', 39, 39.5);
    expect((await windowAt(log, 300)).newest).toBe(secondText(38.999999));
  });
});
