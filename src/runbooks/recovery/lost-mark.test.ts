import { describe, expect, test } from 'vitest';
import { factsAt } from '../../../test/support/facts-of.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { hosts, second, secondText, ShippedBucket } from '../../../test/support/shipped-bucket.ts';
import { timelineId } from '../../model/identifiers.ts';
import { Problem, RetryableProblem } from '../../model/problem.ts';
import { markBaseRequired } from '../steps/shipping-steps.ts';
import { chooseBase } from './choose-base.ts';
import { computeWindow } from './window.ts';

/** A stream of each node with a mark of the seconds 50 to 52, over a base of before it. */
async function marked(what: 'truncate' | 'gap' | 'bypass'): Promise<ShippedBucket> {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  await bucket.schema('t0001', 0, ['edgestore']);
  for (const host of hosts) {
    await bucket.begin('t0001', host, 0);
    await bucket.ship('t0001', host, { segment: 7, covered: 100 });
    await bucket.mark('t0001', host, what, 50, 52, 'told by a test');
    await bucket.watermark('t0001', host, 100);
  }
  await bucket.point(10, 12, { nodeCount: 3 });
  return bucket;
}

/** The window, and how a restore to the 80th second ends. */
async function seen({ store }: ShippedBucket) {
  const facts = await factsAt(store, 110);
  const { stretches, gaps, warnings, streams } = computeWindow(facts);
  const problems = streams.flatMap((each) => each.problems);
  const restore = () => {
    try {
      return chooseBase(facts, { instant: second(80), timeline: 't0001' }).point.id;
    } catch (thrown) {
      if (thrown instanceof Problem) return thrown.code;
      throw thrown;
    }
  };
  return { window: { stretches, gaps, warnings, restore: restore() }, problems };
}

const keysOf = ({ store }: ShippedBucket, folder: string) =>
  [...store.objects.keys()].filter((key) => key.includes(folder));

describe.each(['truncate', 'gap', 'bypass'] as const)('the mark of a %s', (what) => {
  test('that the store has lost goes on to count, exactly as it was, and is named', async () => {
    const bucket = await marked(what);
    const before = await seen(bucket);
    expect(before.window.restore).toBe('instant-unreachable');
    const marks = keysOf(bucket, '/marks/');
    expect(marks).toHaveLength(3);
    for (const key of marks) bucket.store.remove(key);
    const { window, problems } = await seen(bucket);
    expect(window).toEqual(before.window);
    for (const key of marks) expect(problems).toContainEqual(expect.stringMatching(`^${key}: the mark is lost`));
  });

  test('of which the store has only an older version counts as its copy tells it, and is named', async () => {
    const bucket = await marked(what);
    const before = await seen(bucket);
    const [key = ''] = keysOf(bucket, '/marks/');
    const newest = bucket.store.text(key);
    const [copy = ''] = keysOf(bucket, 'log-marks/').filter((each) =>
      key.endsWith(each.slice('log-marks/'.length + 43)),
    );
    await bucket.mark('t0001', hosts[0], what, 50, 51);
    bucket.store.set(copy, newest);
    const { window, problems } = await seen(bucket);
    expect(window).toEqual(before.window);
    expect(problems).toContainEqual(expect.stringMatching(`^${key}: it is an older version`));
  });

  test('that cannot be read counts as its copy tells it, not until the day on which it was written', async () => {
    const bucket = await marked(what);
    const before = await seen(bucket);
    for (const key of keysOf(bucket, '/marks/')) bucket.store.set(key, '{');
    const { window, problems } = await seen(bucket);
    expect(window).toEqual(before.window);
    expect(problems.filter((line) => line.includes('cannot be read'))).toHaveLength(3);
  });

  test('counts by the name of its copy when it is lost and the copy cannot be read', async () => {
    const bucket = await marked(what);
    for (const key of keysOf(bucket, '/marks/')) bucket.store.remove(key);
    for (const key of keysOf(bucket, 'log-marks/')) bucket.store.set(key, '{');
    const { window, problems } = await seen(bucket);
    expect(window.restore).toBe('instant-unreachable');
    expect(window.stretches.every(({ to }) => to <= secondText(50))).toBe(true);
    expect(problems.filter((line) => line.startsWith('log-marks/') && line.includes('cannot be read'))).toHaveLength(3);
  });

  test.each(['absent, as in a bucket of an older Cardea', 'damaged'])(
    'says all that it says without its copy: %s',
    async (how) => {
      const bucket = await marked(what);
      const before = await seen(bucket);
      for (const key of keysOf(bucket, 'log-marks/')) {
        if (how === 'damaged') bucket.store.set(key, '{');
        else bucket.store.remove(key);
      }
      expect(await seen(bucket)).toEqual(before);
    },
  );
});

test('the mark by which a restore asks for a new base is kept twice as well, also after a put that did not answer', async () => {
  const bucket = new MemoryStore();
  const ring = hosts.map((hostId, at) => ({ address: `10.0.0.${at}`, hostId }));
  const nodes = ring.map(({ address }, at) => ({ address, name: `node-${at}` }));
  const platform = { bucket, nodes, database: { ring: async () => ring } };
  const work = { services: { platform } } as unknown as Parameters<typeof markBaseRequired>[0];
  const mark = async () =>
    markBaseRequired(work, { timeline: timelineId.parse('t0002'), at: secondText(50) }, 'told by a test');
  bucket.loseAnswerOf = /^log-marks/;
  await expect(mark()).rejects.toThrow(RetryableProblem);
  await mark();
  for (const { hostId } of ring) {
    const name = `${secondText(50).replaceAll(':', '')}-bypass.json`;
    const told = bucket.text(`log/t0002/${hostId}/marks/${name}`);
    expect(told).toContain('told by a test');
    expect(bucket.text(`log-marks/t0002/${hostId}/${name}`)).toBe(told);
  }
});
