import { describe, expect, test } from 'vitest';
import { factsAt } from '../../../test/support/facts-of.ts';
import { ShippedBucket, hosts, second, secondText } from '../../../test/support/shipped-bucket.ts';
import { type Problem, RefusedProblem } from '../../model/problem.ts';
import { type Wanted, chooseBase } from './choose-base.ts';
import { type Extent, planLogs } from './plan-logs.ts';

const [a, b, c] = hosts;

async function shipAll(bucket: ShippedBucket, timeline: string, since: number, ...seconds: number[]): Promise<void> {
  for (const host of hosts) {
    await bucket.begin(timeline, host, since);
    for (const covered of seconds) await bucket.ship(timeline, host, { segment: 7, covered });
    await bucket.watermark(timeline, host, seconds.at(-1) ?? since);
  }
}

/** Bases of seconds 12 and 63, log of seconds 0 to 100. */
async function shipped(): Promise<ShippedBucket> {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  await shipAll(bucket, 't0001', 0, 5, 50, 80, 100);
  await bucket.point(10, 12, { nodeCount: 3 });
  await bucket.point(60, 63, { nodeCount: 3, proof: 'checked' });
  return bucket;
}

async function choose(bucket: ShippedBucket, at: number, more: Partial<Wanted> = {}, now = 100) {
  return chooseBase(await factsAt(bucket.store, now), { instant: second(at), timeline: 't0001', ...more });
}

async function refusal(bucket: ShippedBucket, at: number, more: Partial<Wanted> = {}, now = 100): Promise<Problem> {
  try {
    await choose(bucket, at, more, now);
  } catch (error) {
    expect(error).toBeInstanceOf(RefusedProblem);
    return error as Problem;
  }
  throw new TypeError(`second ${at} was not refused`);
}

describe('the base of an instant', () => {
  test('is the latest that was whole before it', async () => {
    const bucket = await shipped();
    expect((await choose(bucket, 62)).point.id).toBe('backup-20260219-020010');
    const later = await choose(bucket, 63);
    expect(later.point.id).toBe('backup-20260219-020100');
    expect(later.warnings.join()).toContain('checked, not proven');
  });

  test('can be named, when it serves the instant', async () => {
    const bucket = await shipped();
    expect((await choose(bucket, 90, { base: 'backup-20260219-020010' })).point.id).toBe('backup-20260219-020010');
    expect((await refusal(bucket, 50, { base: 'backup-20260219-020100' })).next).toContain(secondText(63));
  });

  test('is one of before every transaction that is to be left out', async () => {
    const bucket = await shipped();
    expect((await choose(bucket, 90, { exclusions: [second(61)] })).point.id).toBe('backup-20260219-020010');
    const problem = await refusal(bucket, 90, { exclusions: [second(11)] });
    expect(problem.code).toBe('no-base');
    expect(problem.details.join()).toContain('undone transaction');
  });

  test('comes with a warning in the last moments of the log', async () => {
    const bucket = await shipped();
    expect((await choose(bucket, 95)).warnings.join()).toContain('may be incomplete');
    expect((await choose(bucket, 50)).warnings).toEqual([]);
    expect((await choose(bucket, 50)).settledUntil).toBe(second(90));
  });

  test('names the tables that were made since and have to be created', async () => {
    const bucket = await shipped();
    await bucket.schema('t0001', 1, ['edgestore']);
    await bucket.schema('t0001', 70, ['edgestore', 'extra']);
    expect((await choose(bucket, 69)).tablesToCreate).toEqual([]);
    expect((await choose(bucket, 90)).tablesToCreate.map(({ table }) => table)).toEqual(['extra']);
  });
});

describe('wrong use is refused with the nearest instant that would work', () => {
  test('before the window: every base is newer', async () => {
    const problem = await refusal(await shipped(), 11);
    expect(problem.happened).toContain('every base was taken after it');
    expect(problem.next).toContain(`${secondText(12)} (after it)`);
  });

  test('after what is shipped', async () => {
    const problem = await refusal(await shipped(), 105, {}, 110);
    expect(problem.happened).toContain('nothing later is shipped yet');
    expect(problem.next).toContain(`${secondText(100)} (before it)`);
  });

  test('in the future', async () => {
    const problem = await refusal(await shipped(), 101);
    expect(problem.code).toBe('in-the-future');
    expect(problem.next).toContain(secondText(100));
  });

  test('in a gap', async () => {
    const bucket = await shipped();
    await bucket.mark('t0001', a, 'gap', 30, 31, 'its disk was full');
    await bucket.mark('t0001', b, 'gap', 30, 31, 'its disk was full');
    const problem = await refusal(bucket, 40);
    expect(problem.happened).toContain('its disk was full');
    expect(problem.next).toContain(`${secondText(29.999999)} (before it) or ${secondText(63)} (after it)`);
  });

  test('after the schema changed', async () => {
    const bucket = await shipped();
    await bucket.schema('t0001', 1, ['edgestore', 'graphindex']);
    await bucket.schema('t0001', 30, ['edgestore']);
    const problem = await refusal(bucket, 40);
    expect(problem.happened).toContain('janusgraph.graphindex was dropped');
    expect(problem.next).toContain(secondText(29.999999));
  });

  test('after the ring changed', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    for (const host of [a, b]) {
      await bucket.begin('t0001', host, 0);
      await bucket.watermark('t0001', host, 100);
    }
    await bucket.point(10, 12, { nodeCount: 2 });
    await bucket.begin('t0001', c, 40);
    await bucket.watermark('t0001', c, 100);
    const problem = await refusal(bucket, 50);
    expect(problem.happened).toContain('the ring changed');
    expect(problem.next).toContain(secondText(39.999999));
  });

  test("with writers' clocks too far apart, naming what does not depend on them", async () => {
    const bucket = await shipped();
    await bucket.watermark('t0001', b, 100, { clockLead: 7 });
    const problem = await refusal(bucket, 80);
    expect(problem.code).toBe('clocks-apart');
    expect(problem.next).toContain('--to backup-20260219-020100');
  });

  test('without any base', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await shipAll(bucket, 't0001', 0, 100);
    expect((await refusal(bucket, 50)).code).toBe('no-base');
  });
});

describe('the logs of an instant', () => {
  async function planOf(bucket: ShippedBucket, at: number, more: Partial<Wanted> = {}, extent: Extent = {}) {
    const facts = await factsAt(bucket.store, 400);
    return planLogs(facts, chooseBase(facts, { instant: second(at), timeline: 't0001', ...more }), extent);
  }

  test('begin with what may hold writes of the snapshot and go to the end: late writes and ids lie there', async () => {
    const plan = await planOf(await shipped(), 55);
    expect(plan.instant).toBe(secondText(55));
    expect(plan.strands).toHaveLength(1);
    const [strand] = plan.strands;
    expect(strand).toMatchObject({ timeline: 't0001', until: secondText(55), exclusions: [] });
    // The first is covered up to second 5 and the snapshot began in second 10; but what is proved may lag behind what is held.
    expect(strand?.streams.map(({ hostId, objects }) => [hostId, objects.length])).toEqual(
      hosts.map((host) => [host, 4]),
    );
    expect(strand?.streams[0]?.objects.map(({ key }) => key.slice(-21))).toEqual([
      '0000000000-0000000040',
      '0000000040-0000000080',
      '0000000080-0000000120',
      '0000000120-0000000160',
    ]);
    expect(plan.uncut).toEqual(['janusgraph.janusgraph_ids']);
    expect(plan.omitted).toContain('janusgraph.edgestore_lock_');
  });

  test('begin with all pieces of the go that the snapshot began in: only the last of them says how far it reaches', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await shipAll(bucket, 't0001', 0, 100, 200, 200, 200, 350, 500);
    await bucket.point(400, 402, { nodeCount: 3 });
    const facts = await factsAt(bucket.store, 600);
    const plan = planLogs(facts, chooseBase(facts, { instant: second(450), timeline: 't0001' }));
    expect(plan.strands[0]?.streams.map(({ objects }) => objects[0]?.key.slice(-21))).toEqual(
      hosts.map(() => '0000000040-0000000080'),
    );
  });

  /** At second 200 restored to second 40 without one transaction; at second 300 the old history again. */
  async function forked(): Promise<ShippedBucket> {
    const bucket = await shipped();
    await bucket.timeline('t0002', { id: 't0001', fork: 40 }, { opened: 200, exclusions: [secondText(35)] });
    await shipAll(bucket, 't0002', 201, 250, 300);
    await bucket.schema('t0001', 1, ['edgestore']);
    await bucket.schema('t0002', 201, ['edgestore']);
    return bucket;
  }

  test('go over the fork, each strand up to its end and less what was left out', async () => {
    const plan = await planOf(await forked(), 260, { timeline: 't0002', exclusions: [second(230)] });
    expect(plan.strands.map(({ timeline, until, exclusions }) => [timeline, until, exclusions])).toEqual([
      ['t0001', secondText(40), [secondText(35)]],
      ['t0002', secondText(260), [secondText(230)]],
    ]);
    expect(plan.strands[1]?.streams[0]?.objects).toHaveLength(2);
    expect(plan.strands.map(({ schemas }) => schemas.length)).toEqual([1, 1]);
  });

  test('take of other timelines the ids alone, for none may be given out again', async () => {
    const plan = await planOf(await forked(), 90);
    expect(plan.strands.map(({ timeline, until }) => [timeline, until])).toEqual([
      ['t0002', '1970-01-01T00:00:00.000000Z'],
      ['t0001', secondText(90)],
    ]);
  });

  test('end a little after the instant when the ids are known: later writes, and other timelines, are not read', async () => {
    const bucket = await forked();
    for (const host of hosts) {
      for (const covered of [110, 120, 130, 140, 170, 180, 190, 200])
        await bucket.ship('t0001', host, { segment: 8, covered });
      await bucket.watermark('t0001', host, 200);
    }
    const ends = ({ strands }: Awaited<ReturnType<typeof planOf>>) =>
      strands.map(({ timeline, streams }) => [timeline, streams[0]?.objects.length]);
    expect(ends(await planOf(bucket, 45))).toEqual([
      ['t0002', 2],
      ['t0001', 12],
    ]);
    // A write may reach its node two minutes after its time, and by a clock that is two seconds off: up to second 167.
    expect(ends(await planOf(bucket, 45, {}, { idsKnown: true }))).toEqual([['t0001', 9]]);
    expect(ends(await planOf(bucket, 60, {}, { idsKnown: true }))).toEqual([['t0001', 11]]);
    expect(ends(await planOf(bucket, 38, { timeline: 't0002' }, { idsKnown: true }))).toEqual([
      ['t0001', 9],
      ['t0002', undefined],
    ]);
  });

  test('to the end of a log that grows are cut where it is settled; the extension takes what reached the nodes since then', async () => {
    const bucket = await forked();
    const wanted = { timeline: 't0002', exclusions: [second(230), second(295)] };
    const plan = await planOf(bucket, 300, wanted, { idsKnown: true, settled: second(240) });
    expect(plan.instant).toBe(secondText(300));
    expect(plan.strands.map(({ timeline, until, exclusions }) => [timeline, until, exclusions])).toEqual([
      ['t0001', secondText(40), [secondText(35)]],
      ['t0002', secondText(240), [secondText(230)]],
    ]);
    expect(plan.strands[1]?.streams[0]?.objects).toHaveLength(2);
    const extension = await planOf(bucket, 300, wanted, { since: second(251) });
    expect(extension.strands).toMatchObject([
      { timeline: 't0002', until: secondText(300), exclusions: [secondText(230), secondText(295)] },
    ]);
    expect(extension.strands[0]?.streams[0]?.objects).toHaveLength(2);
  });

  test('before a fork lie on the older timeline, and still leave out what the child left out', async () => {
    const plan = await planOf(await forked(), 38, { timeline: 't0002' });
    expect(plan.strands.map(({ timeline, until, exclusions }) => [timeline, until, exclusions])).toEqual([
      ['t0001', secondText(38), [secondText(35)]],
      ['t0002', secondText(38), []],
    ]);
  });
});

test('a log whose pieces need a damaged schema is refused by the name of the object, also for an earlier instant', async () => {
  const bucket = await shipped();
  await bucket.schema('t0001', 1, ['edgestore']);
  await bucket.schema('t0001', 70, ['edgestore', 'graphindex']);
  const key = [...bucket.store.objects.keys()].filter((each) => each.includes('/schema/')).sort()[1] ?? '';
  await bucket.store.put(key, '{');
  const facts = await factsAt(bucket.store, 100);
  const choice = chooseBase(facts, { instant: second(65), timeline: 't0001' });
  expect(() => planLogs(facts, choice)).toThrow(
    expect.objectContaining({ kind: 'refused', code: 'log-schema-damaged', happened: expect.stringContaining(key) }),
  );
});
