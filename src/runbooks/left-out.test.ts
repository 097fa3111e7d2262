import { describe, expect, test } from 'vitest';
import { beginningOf, type Outcome, Played } from '../../test/support/recovery-history.ts';
import { writtenAt } from '../../test/support/graph-changes.ts';
import { GraphLog } from '../../test/support/graph-log.ts';
import { TableRows } from '../../test/support/table-rows.ts';
import { noDatabase } from '../../test/support/no-database.ts';
import { hosts, second, secondText, ShippedBucket } from '../../test/support/shipped-bucket.ts';
import { decideTarget, rehearsable } from '../cli/commands/restore/target.ts';
import type { CliContext } from '../cli/context.ts';
import type { EnvironmentConfig } from '../model/config.ts';
import { graphSchemaDocument, graphSchemaKey, toSchemaDocument } from '../graph/schema-document.ts';
import { readSchema } from '../graph/schema.ts';
import { commitSlot, cutAfter } from '../model/commit-slot.ts';
import { runId, timelineId } from '../model/identifiers.ts';
import { formatInstant } from '../model/instant.ts';
import { Problem, RetryableProblem } from '../model/problem.ts';
import type { Platform } from '../ports/platform.ts';
import { removeOldLogs } from './catalog/log-removal.ts';
import { choosePointsToRemove } from './catalog/point-removal.ts';
import { listPoints } from './catalog/point-catalog.ts';
import { acceptRunbook, backupRunbook, restoreRunbook, revertRunbook } from './index.ts';
import { chooseBase } from './recovery/choose-base.ts';
import { extendLogPlan, makeLogPlan } from './recovery/make-log-plan.ts';
import { planLogs } from './recovery/plan-logs.ts';
import { pointAfterRehearsal, provedInstant } from './recovery/proved-instant.ts';
import { readRecoveryFacts, withPieces } from './recovery/recovery-facts.ts';
import { verifyLogs } from './recovery/verify-logs.ts';
import { computeWindow } from './recovery/window.ts';
import { startShipping } from './steps/shipping-steps.ts';

const [a, b, c] = hosts;
const t0002 = timelineId.parse('t0002');

function servicesIn({ store }: ShippedBucket, now: number) {
  const platform = { bucket: store, environment: 'local', database: noDatabase } as unknown as Platform;
  const config = {
    backup: { log: { settleMargin: '10s' }, retention: { keep: '30d', atLeast: 1 } },
  } as unknown as EnvironmentConfig;
  const clock = { now: () => new Date(second(now) / 1000), monotonic: () => 0, sleep: async () => {} };
  return { platform, config, clock };
}

async function decidedIn(bucket: ShippedBucket, asked: Parameters<typeof decideTarget>[2], now = 100) {
  const { platform, config, clock } = servicesIn(bucket, now);
  const context = {
    clock,
    signal: new AbortController().signal,
    environment: async () => ({ name: 'local', config }),
    platform: async () => platform,
  } as unknown as CliContext;
  return decideTarget(context, 'local', asked);
}

async function refusal(work: Promise<unknown>): Promise<Problem> {
  const thrown: unknown = await work.then(
    (done) => done,
    (error: unknown) => error,
  );
  if (!(thrown instanceof Problem)) throw new Error(`was not refused: ${JSON.stringify(thrown)?.slice(0, 400)}`);
  return thrown;
}

async function shipOn(
  bucket: ShippedBucket,
  timeline: string,
  host: string,
  since: number,
  until: number,
  segment = 7,
) {
  await bucket.begin(timeline, host, since);
  await bucket.ship(timeline, host, { segment, covered: until });
  await bucket.watermark(timeline, host, until);
}

describe('the end of a log that was left is no end', () => {
  test('newest is refused when the log of the timeline that was left ends before the fork, after a revert', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.point(10, 12, { nodeCount: 3, replicationFactor: 3 });
    // Two agents died at 50. The third one shipped up to the stop of the restore, which is where the revert forked.
    await shipOn(bucket, 't0001', a, 0, 70);
    await shipOn(bucket, 't0001', b, 0, 50);
    await shipOn(bucket, 't0001', c, 0, 50);
    await bucket.timeline('t0003', { id: 't0001', fork: 70 }, { opened: 80 });
    for (const host of hosts) {
      await shipOn(bucket, 't0003', host, 80, 1000, 9);
      await bucket.mark('t0003', host, 'bypass', 80, 80, 'the old data may hold writes that were never shipped');
    }
    // 950 seconds of acknowledged and shipped data lie on t0003.
    const refused = await refusal(decidedIn(bucket, { to: 'newest' }, 1000));
    expect(refused.code).toBe('end-unreachable');
  });

  test('newest is refused after any revert on a ring of three, whose nodes paused a tenth of a second apart', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.point(10, 12, { nodeCount: 3, replicationFactor: 3 });
    // All is well: each agent shipped its log to its end, by its own clock.
    await shipOn(bucket, 't0001', a, 0, 70.1);
    await shipOn(bucket, 't0001', b, 0, 70.2);
    await shipOn(bucket, 't0001', c, 0, 70.3);
    await bucket.timeline('t0002', { id: 't0001', fork: 12 }, { opened: 75 });
    // The latest instant that any node's stream reached: see `leftTimeline`.
    await bucket.timeline('t0003', { id: 't0001', fork: 70.3 }, { opened: 80 });
    for (const host of hosts) {
      await shipOn(bucket, 't0003', host, 80, 1000, 9);
      await bucket.mark('t0003', host, 'bypass', 80, 80, 'the old data may hold writes that were never shipped');
    }
    const refused = await refusal(decidedIn(bucket, { to: 'newest' }, 1000));
    expect(refused.code).toBe('end-unreachable');
  });

  test('newest is refused after a plain restore of a point whose time the log does not reach', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1 });
    // Shipping broke at 50; the backup at 60 is good all the same, and was restored as it was.
    await shipOn(bucket, 't0001', a, 0, 50);
    await bucket.point(60, 62, { nodeCount: 1, replicationFactor: 1 });
    await bucket.timeline('t0002', { id: 't0001', fork: 62 }, { opened: 80 });
    await shipOn(bucket, 't0002', a, 80, 1000, 9);
    await bucket.mark('t0002', a, 'bypass', 80, 80, 'was restored without its log, taken while applications wrote');
    const refused = await refusal(decidedIn(bucket, { to: 'newest' }, 1000));
    expect(refused.code).toBe('end-unreachable');
  });

  test('the window warns that nothing later can be restored without a new base', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1 });
    await shipOn(bucket, 't0001', a, 0, 50);
    await bucket.timeline('t0002', { id: 't0001', fork: 62 }, { opened: 80 });
    await shipOn(bucket, 't0002', a, 80, 1000, 9);
    const report = computeWindow(await readRecoveryFacts(servicesIn(bucket, 1000)));
    expect(report.newest).toBe(secondText(50));
    expect(report.warnings.join('\n')).toMatch(/Nothing later can be restored/);
  });
});

describe('a truncate that was marked while an agent caught up', () => {
  test('no piece that holds writes of after the base is left out of the plan', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.schema('t0001', 0, ['edgestore']);
    await bucket.begin('t0001', a, 0);
    // Away from 0 to 4000; then one go of three pieces, of which only the last says how far it reaches.
    const going: string[] = [];
    for (const covered of [0, 0, 0, 0]) going.push(await bucket.ship('t0001', a, { segment: 7, covered }));
    // Truncated at 4010, seen at once. The base is taken at 4020, while the go of what was written up to 4060 is shipped.
    await bucket.mark('t0001', a, 'truncate', 4010, 4012);
    await bucket.point(4020, 4021, { nodeCount: 1, replicationFactor: 1 });
    for (const covered of [0, 0, 4060]) going.push(await bucket.ship('t0001', a, { segment: 8, covered }));
    await bucket.watermark('t0001', a, 4060);
    const facts = await readRecoveryFacts(servicesIn(bucket, 4070));
    const choice = chooseBase(facts, { instant: second(4050), timeline: 't0001' });
    const plan = planLogs(await withPieces(facts, choice.point), choice, { idsKnown: true });
    const planned = plan.strands.flatMap(({ streams }) =>
      streams.flatMap(({ objects }) => objects.map(({ key }) => key)),
    );
    expect(planned).toEqual(expect.arrayContaining(going.slice(4)));
    // But what was emptied before the base lies in the same go.
    const refused = await refusal(decidedIn(bucket, { to: secondText(4050) }, 4070));
    expect(refused.code).toBe('log-holds-emptied');
    expect(refused.next).toContain(secondText(4009.999999));
  });

  test('a segment that was merged since is taken apart, and only what was written after it is replayed', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.schema('t0001', 0, ['edgestore']);
    await bucket.begin('t0001', a, 0);
    const keys: string[] = [];
    for (let covered = 1; covered <= 60; covered += 1)
      keys.push(await bucket.ship('t0001', a, { segment: 7, covered }));
    await bucket.mark('t0001', a, 'truncate', 20.2, 20.9);
    await bucket.point(30, 31, { nodeCount: 1, replicationFactor: 1 });
    await bucket.merge('t0001', a, 7, 1, 60);
    await bucket.watermark('t0001', a, 60);
    const { platform, config, clock } = servicesIn(bucket, 62);
    const { plan } = await makeLogPlan(
      { platform: { ...platform, keyspace: 'janusgraph' }, config, clock },
      {
        point: (await decidedIn(bucket, { to: secondText(40) }, 62)).point.id,
        run: 'restore-20260219-020300-k3f9',
        signal: new AbortController().signal,
        replay: true,
        toEnd: false,
        logs: { instant: secondText(40), timeline: timelineId.parse('t0001'), exclusions: [] },
      },
      { idsKnown: true },
    );
    const planned = plan.strands.flatMap(({ streams }) =>
      streams.flatMap(({ objects }) => objects.map(({ key }) => key)),
    );
    // The 21st covers from 20 on, so it may hold what was emptied at 20.2.
    expect(planned).toEqual(keys.slice(21));
  });
});

describe('retention of the log after an agent caught up', () => {
  async function caughtUp(): Promise<ShippedBucket> {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.begin('t0001', a, 0);
    await bucket.ship('t0001', a, { segment: 1, covered: 10 });
    // Away for three hours; the go that is shipped while the base is taken (10 800 to 10 802) says only with its last
    // piece that it reaches to 10 860.
    for (const segment of [2, 3, 4, 5]) await bucket.ship('t0001', a, { segment, covered: 10 });
    await bucket.point(10_800, 10_802, { nodeCount: 1, replicationFactor: 1 });
    for (const segment of [6, 7, 8]) await bucket.ship('t0001', a, { segment, covered: 10 });
    await bucket.ship('t0001', a, { segment: 9, covered: 10_860 });
    await bucket.ship('t0001', a, { segment: 10, covered: 20_000 });
    await bucket.watermark('t0001', a, 20_000);
    return bucket;
  }

  test('what the oldest kept point needs stays', async () => {
    const bucket = await caughtUp();
    const services = servicesIn(bucket, 20_000);
    const before = computeWindow(await readRecoveryFacts(services));
    expect(before.oldest).toBe(secondText(10_802));
    await removeOldLogs(bucket.store, { signal: new AbortController().signal, log: () => {}, clock: services.clock });
    const after = computeWindow(await readRecoveryFacts(services));
    expect(after.oldest).toBe(before.oldest);
  });

  test('the quick look of status says the same as the window', async () => {
    const bucket = await caughtUp();
    const services = servicesIn(bucket, 20_000);
    const quick = computeWindow(await readRecoveryFacts(services, { since: second(10_800) }));
    expect(quick.newest).toBe(computeWindow(await readRecoveryFacts(services)).newest);
  });
});

describe('segments that last long, each merged into one object when it was closed', () => {
  /** A node that fills a segment in an hour. */
  async function quiet(): Promise<ShippedBucket> {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.begin('t0001', a, 0);
    let sequence = 0;
    for (const segment of [1, 2, 3, 4]) {
      const first = sequence + 1;
      for (let minute = 1; minute <= 60; minute += 1) {
        sequence += 1;
        await bucket.ship('t0001', a, { segment, covered: (segment - 1) * 3600 + minute * 60 });
      }
      if (segment < 4) await bucket.merge('t0001', a, segment, first, sequence);
    }
    await bucket.watermark('t0001', a, 4 * 3600);
    // In the middle of the second segment.
    await bucket.point(5400, 5402, { nodeCount: 1, replicationFactor: 1 });
    return bucket;
  }

  test('retention keeps the log that the oldest kept point needs', async () => {
    const bucket = await quiet();
    const services = servicesIn(bucket, 4 * 3600);
    const before = computeWindow(await readRecoveryFacts(services));
    expect(before).toMatchObject({ oldest: secondText(5402), newest: secondText(4 * 3600) });
    await removeOldLogs(bucket.store, { signal: new AbortController().signal, log: () => {}, clock: services.clock });
    const after = computeWindow(await readRecoveryFacts(services));
    expect(after).toMatchObject({ oldest: before.oldest, newest: before.newest });
  });

  test('the quick look of status says the same as the window', async () => {
    const bucket = await quiet();
    const services = servicesIn(bucket, 4 * 3600);
    const quick = computeWindow(await readRecoveryFacts(services, { since: second(5400) }));
    expect(quick.newest).toBe(secondText(4 * 3600));
  });
});

/** A command to its end, and the time that a lease lasts after it. */
async function run(played: Played, work: (process: ReturnType<Played['newProcess']>) => Promise<Outcome>) {
  const outcome = await work(played.newProcess());
  await played.clock.sleep(40_000);
  return outcome;
}

function wordOf(outcome: Outcome): string {
  return outcome instanceof Problem ? outcome.code : (outcome.problem?.code ?? outcome.status);
}

function runOf(outcome: Outcome): string {
  if (outcome instanceof Problem) throw outcome;
  expect(outcome.problem?.happened ?? outcome.status).toBe('succeeded');
  return outcome.run;
}

const keysOf = (played: Played) =>
  [...played.ring.content('edgestore').cells]
    .map((name) => Buffer.from(name.split(' ')[1] ?? '', 'hex').toString())
    .sort();
const writeName = (count: number) => `w${String(count).padStart(4, '0')}`;

describe('the end of the log, played', () => {
  /** Agents of two nodes have died: what these nodes acknowledge is shipped by the third one alone. */
  async function twoDied() {
    const played = new Played({ faults: [], person: [] }, await beginningOf(3, 1));
    const [point] = await listPoints(played.bucket);
    for (const node of played.ring.nodes.slice(1)) {
      node.shipping.paused = true;
      node.faults.set(
        'pause-shipping',
        Array.from({ length: 9 }, () => 'refused' as const),
      );
    }
    await played.clock.sleep(60_000);
    await played.write();
    await played.clock.sleep(60_000);
    return { played, point };
  }

  test('a restore to newest after a revert without a base leaves nothing out without a word', async () => {
    const { played, point } = await twoDied();
    const restored = runOf(
      await run(played, (process) => played.begin(process, restoreRunbook, { point: point?.id, newBase: false }, true)),
    );
    for (const node of played.ring.nodes) node.faults.clear();
    const reverted = runOf(
      await run(played, (process) => played.begin(process, revertRunbook, { restore: restored, newBase: false }, true)),
    );
    runOf(await run(played, (process) => played.begin(process, acceptRunbook, { restore: reverted }, true)));
    // On the timeline of the revert every agent ships, for an hour.
    for (let at = 0; at < 3; at += 1) {
      await played.clock.sleep(1_200_000);
      await played.write();
    }
    await played.clock.sleep(20_000);
    await played.ring.ship();
    const outcome = await run(played, (process) => played.carryOut({ deed: 'instant' }, process));
    // Refused is right; or nothing is lost.
    if (wordOf(outcome) === 'succeeded') expect(keysOf(played)).toContain(writeName(played.writes));
    else expect(wordOf(outcome)).toBe('end-unreachable');
  });

  test('an undo by restore loses nothing that was acknowledged and shipped', async () => {
    const { played } = await twoDied();
    const wanted = played.oracle.lastWrite;
    const before = writeName(played.writes);
    // Undo the last write but one: what the third node alone has shipped must stay.
    const undone = { ...wanted };
    expect(undone.name).toContain(Buffer.from(before).toString('hex'));
    await played.write();
    const last = writeName(played.writes);
    const process = played.newProcess();
    Object.defineProperty(played.oracle, 'lastWrite', { value: wanted, configurable: true });
    const outcome = await run(played, () => played.carryOut({ deed: 'undo' }, process));
    if (wordOf(outcome) === 'succeeded') expect(keysOf(played)).toContain(last);
    expect(played.oracle.wrong).toEqual([]);
  });
});

describe('a restore that ends with nothing changed while the nodes were down', () => {
  test('leaves the shipping as it was', async () => {
    let played = new Played({ faults: [], person: [] }, await beginningOf(3, 1));
    let ended: Outcome | undefined;
    for (let at = 40; at < 200; at += 1) {
      const order = [...played.bucket.objects.keys()].includes('environment/shipping.json')
        ? played.bucket.text('environment/shipping.json')
        : '';
      if (order.includes('"paused"')) break;
      played = new Played({ faults: [], person: [] }, await beginningOf(3, 1));
      const [point] = await listPoints(played.bucket);
      played.ring.graph.up = false;
      for (const node of played.ring.nodes) node.stop();
      const process = played.newProcess({ at, before: true, how: 'interrupted' });
      const begin = async () => played.begin(process, restoreRunbook, { point: point?.id, newBase: false }, true);
      ended = await run(played, begin);
      if (!(ended instanceof Problem) && ended.status === 'succeeded') throw new Error('it went through');
    }
    const left = ended;
    if (left === undefined || left instanceof Problem) throw new Error('not begun');
    // The person gives it up.
    const { requestCancel } = await import('../runbook/engine.ts');
    await requestCancel(played.worldOf(played.newProcess()), left.run);
    const over = await run(played, (process) => played.resume(process, left.run));
    expect(wordOf(over)).toBe('cancelled');
    // Then the power is back, and everything is started.
    for (const node of played.ring.nodes) node.start();
    await played.ring.startGraph();
    await played.write();
    const order = played.bucket.text('environment/shipping.json');
    expect(order).not.toContain('"paused"');
  });
});

describe('a restore that was killed when its record was open and nothing was moved', () => {
  /** What `cardea restore local --to TO` decides in the played environment. */
  async function decidedOn(played: Played, to: string) {
    const process = played.newProcess();
    const config = {
      backup: { log: { settleMargin: '10s' } },
    } as unknown as EnvironmentConfig;
    const context = {
      clock: played.clock,
      signal: process.signal,
      environment: async () => ({ name: 'local', config, auditKey: '' }),
      platform: async () => played.ring.platformFor(process),
    } as unknown as CliContext;
    return decideTarget(context, 'local', { to });
  }

  test('what was acknowledged and shipped until its resume is not cut off by the revert', async () => {
    let seen = 0;
    for (let at = 30; at <= 110; at += 1) {
      const played = new Played({ faults: [], person: [] }, await beginningOf(3, 1));
      const [point] = await listPoints(played.bucket);
      const process = played.newProcess({ at, before: true, how: 'killed' });
      const ended = await Promise.race([
        played.begin(process, restoreRunbook, { point: point?.id, newBase: false }, true),
        process.death,
      ]);
      await played.clock.sleep(40_000);
      if (ended !== 'dead') break;
      const [record] = [...played.bucket.objects.keys()].filter((key) => /^restores\/[^/]+\.json$/.test(key));
      const run1 = /^restores\/(.*)\.json$/.exec(record ?? '')?.[1];
      if (run1 === undefined || played.ring.content('edgestore').cells.size < 4) continue;
      const moved = played.ring.nodes.some(({ disk }) => disk.read(`/var/aside/${run1}/aside.json`) !== undefined);
      if (moved) continue;
      // Somebody brings the service back: agents ship what is written. An hour later the restore is carried on.
      for (const node of played.ring.nodes) {
        node.start();
        node.shipping.paused = false;
      }
      await played.ring.startGraph();
      await played.clock.sleep(600_000);
      await played.write();
      const name = writeName(played.writes);
      await played.clock.sleep(600_000);
      await played.ring.ship();
      const instant = new Date(played.clock.now().getTime() - 60_000).toISOString();
      const resumed = await run(played, (next) => played.resume(next, run1, { confirmed: true }));
      if (wordOf(resumed) !== 'succeeded') continue;
      seen += 1;
      const reverted = runOf(
        await run(played, (next) => played.begin(next, revertRunbook, { restore: run1, newBase: false }, true)),
      );
      expect(keysOf(played)).toContain(name);
      runOf(await run(played, (next) => played.begin(next, acceptRunbook, { restore: reverted }, true)));
      const decided = await decidedOn(played, instant).catch((thrown: unknown) => (thrown as Problem).code);
      if (typeof decided === 'string') continue; // refused: nothing is lost
      const { choice } = decided.instant ?? {};
      const outcome = await run(played, (next) =>
        played.begin(
          next,
          restoreRunbook,
          {
            point: decided.point.id,
            newBase: false,
            replay: true,
            logs: { instant: instant.replace('Z', '000Z'), timeline: choice?.timeline, exclusions: [] },
          },
          true,
        ),
      );
      if (wordOf(outcome) === 'succeeded') expect(keysOf(played)).toContain(name);
    }
    expect(seen).toBeGreaterThan(0);
  });
});

describe('a damaged schema of a history that was left', () => {
  test('does not refuse a restore of the living history, which needs only ids of it', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.schema('t0001', 0, ['edgestore']);
    await shipOn(bucket, 't0001', a, 0, 50);
    await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1 });
    // Left by a revert to what t0001 was.
    await bucket.timeline('t0002', { id: 't0001', fork: 20 }, { opened: 60 });
    await bucket.schema('t0002', 60, ['edgestore']);
    await shipOn(bucket, 't0002', a, 60, 80, 9);
    await bucket.timeline('t0003', { id: 't0001', fork: 50 }, { opened: 90 });
    await bucket.schema('t0003', 90, ['edgestore']);
    await shipOn(bucket, 't0003', a, 90, 200, 11);
    const key = [...bucket.store.objects.keys()].find((each) => each.startsWith('log/t0002/schema/')) ?? '';
    bucket.store.set(key, Buffer.from('{'));
    const facts = await readRecoveryFacts(servicesIn(bucket, 200));
    const choice = chooseBase(facts, { instant: second(150), timeline: 't0003' });
    // The database is gone, so the ids of every timeline are read.
    const pieces = await withPieces(facts, choice.point);
    expect(() => planLogs(pieces, choice, { idsKnown: false })).not.toThrow();
  });
});

describe('an agent whose stream does not exist yet when it answers', () => {
  test.each([
    ['is named as a node that does not ship', { state: 'starting', problem: 'The store does not answer.' }, 1],
    ['is not missed when it ships nothing by its configuration', undefined, 0],
  ])('%s', async (_what, shipping, count) => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    const platform = {
      bucket: bucket.store,
      nodes: [{ name: 'node-0' }],
      agent: () => ({
        run: async () => ({ timeline: 't0001', since: null }),
        health: async () => ({ shipping }),
      }),
    } as unknown as Platform;
    const { clock } = servicesIn(bucket, 100);
    const { missed } = await startShipping(
      {
        run: 'restore-20260219-020300-k3f9',
        step: 'start-shipping',
        epoch: 1,
        environment: 'local',
        signal: new AbortController().signal,
        progress: () => {},
        log: () => {},
        services: { platform, clock },
      },
      timelineId.parse('t0001'),
      'as-before',
    );
    expect(missed.count).toBe(count);
  });
});

describe('a lead of clocks that grows by milliseconds', () => {
  test('a point that was proved with its log is restored to just that afterwards', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await shipOn(bucket, 't0001', a, 0, 50);
    await bucket.watermark('t0001', a, 50, { clockLead: 0.005 });
    await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1, proof: 'checked' });
    const facts = await readRecoveryFacts(servicesIn(bucket, 60));
    const [checked] = facts.points;
    if (checked === undefined) throw new TypeError('no point');
    const rehearsal = (await rehearsable(facts, checked)).instant?.choice;
    expect(rehearsal).toBeDefined();
    const instant = formatInstant(rehearsal?.instant ?? second(0));
    // As the rehearsal records it.
    await bucket.point(10, 12, {
      nodeCount: 1,
      replicationFactor: 1,
      cut: 'instant',
      instant,
      instantHistory: { timeline: timelineId.parse('t0001'), exclusions: [] },
    });
    expect((await decidedIn(bucket, {})).instant?.choice.instant).toBe(rehearsal?.instant);
    // Weeks later a write came from a clock that was three milliseconds further ahead.
    await bucket.watermark('t0001', a, 90, { clockLead: 0.008 });
    const decided = await decidedIn(bucket, {}).catch((thrown: unknown) => thrown);
    expect(decided).not.toBeInstanceOf(Problem);
  });

  test('a restored quiet point serves the timeline that began with it', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await shipOn(bucket, 't0001', a, 0, 50);
    await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1, cut: 'quiesced' });
    await bucket.timeline('t0002', { id: 't0001', fork: 12 }, { opened: 60 });
    await shipOn(bucket, 't0002', a, 60, 100, 9);
    expect(computeWindow(await readRecoveryFacts(servicesIn(bucket, 100))).newest).toBe(secondText(100));
    await bucket.watermark('t0002', a, 100, { clockLead: 0.001 });
    expect(computeWindow(await readRecoveryFacts(servicesIn(bucket, 100))).newest).toBe(secondText(100));
  });
});

describe('a table that is made right after the snapshot of a base', () => {
  test('is created before its log is replayed over that base', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.schema('t0001', 0, ['edgestore']);
    await shipOn(bucket, 't0001', a, 0, 200);
    await bucket.point(49, 51, { nodeCount: 1, replicationFactor: 1, schemaVersion: 'v0' });
    // Made at 52. The witness could not look between 40 and 53 (Cassandra was busy with the snapshot), so it dates the
    // change with the last look that did not see it.
    await bucket.schema('t0001', 40, ['edgestore', 'later']);
    const facts = await readRecoveryFacts(servicesIn(bucket, 200));
    const choice = await Promise.resolve()
      .then(() => chooseBase(facts, { instant: second(150), timeline: 't0001' }))
      .catch((thrown: unknown) => (thrown as Problem).code);
    // Refused is right, too.
    if (typeof choice !== 'string') expect(choice.tablesToCreate.map(({ table }) => table)).toEqual(['later']);
  });
});

describe('an instant that lies between the fork and the opening of the current timeline', () => {
  test('is not restored as the fork without a word: the history of that time goes on elsewhere', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await shipOn(bucket, 't0001', a, 0, 1000);
    await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1 });
    // At 1000 somebody restored to 60, and it was too early: what was wanted is the state at 500.
    await bucket.timeline('t0002', { id: 't0001', fork: 60 }, { opened: 1000 });
    await shipOn(bucket, 't0002', a, 1000, 1100, 9);
    const decided = await decidedIn(bucket, { to: secondText(500) }, 1100).catch(
      (thrown: unknown) => thrown as Problem,
    );
    if (decided instanceof Problem) return; // Refused, with a way: right as well.
    const told = decided.warnings.some((each) => each.includes('t0001') || each.includes(secondText(60)));
    expect(told || decided.instant?.choice.timeline === 't0001').toBe(true);
  });
});

describe('a timeline on which nothing was shipped after a revert', () => {
  test('the instant that the refusal of newest names can be planned', async () => {
    const schema = await readSchema(new TableRows(), 'janusgraph');
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.schema('t0001', 0, ['edgestore', 'graphindex', 'janusgraph_ids']);
    await bucket.begin('t0001', a, 0);
    await bucket.watermark('t0001', a, 70);
    const point = await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1 });
    const document = toSchemaDocument(schema, { keyspace: 'janusgraph', at: secondText(12), shapes: [] });
    await bucket.store.put(graphSchemaKey(point), graphSchemaDocument.write(document));
    // A restore was reverted; its agents never came back, and then the cluster was lost.
    await bucket.timeline('t0003', { id: 't0001', fork: 70 }, { opened: 80 });
    await bucket.mark('t0003', a, 'bypass', 80, 80, 'the old data may hold writes that were never shipped');
    const refused = await refusal(decidedIn(bucket, { to: 'newest' }));
    expect(refused.code).toBe('end-unreachable');
    const named = /--to (\S+Z)/.exec(refused.next)?.[1] ?? '';
    const { point: base, instant } = await decidedIn(bucket, { to: named });
    const { platform, config, clock } = servicesIn(bucket, 100);
    const services = { platform: { ...platform, keyspace: 'janusgraph' } as Platform, config, clock };
    const made = makeLogPlan(
      services,
      {
        point: base.id,
        run: 'restore-20260219-020300-k3f9',
        signal: new AbortController().signal,
        replay: true,
        toEnd: false,
        logs: {
          instant: formatInstant(instant?.choice.instant ?? second(0)),
          timeline: timelineId.parse('t0003'),
          exclusions: [],
        },
      },
      { idsKnown: true },
    );
    await expect(made).resolves.toBeDefined();
  });
});

describe('the end of the log on a machine whose clock is behind', () => {
  test('a damaged object that another one replaces does not make the end of the log the future', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.begin('t0001', a, 0);
    const keys: string[] = [];
    for (const covered of [5, 20, 30, 40, 50, 60, 70, 80])
      keys.push(await bucket.ship('t0001', a, { segment: 100, covered }));
    await bucket.watermark('t0001', a, 100);
    const base = await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1 });
    // As the extension of a restore to the end is planned: the clocks of the nodes decide what the present is.
    const facts = await readRecoveryFacts(servicesIn(bucket, 100));
    const choice = chooseBase(facts, { instant: second(100), timeline: 't0001' });
    const plan = {
      run: runId.parse('restore-20260219-020000-abcd'),
      ...planLogs(await withPieces(facts, choice.point), choice, { since: second(40) }),
    };
    await bucket.merge('t0001', a, 100, 7, 8, true);
    const key = keys.at(-1) ?? '';
    const body = Buffer.from(bucket.store.objects.get(key) ?? []);
    body[body.length - 6] = (body[body.length - 6] ?? 0) ^ 1;
    bucket.store.set(key, body);
    const verify = async (now: number) =>
      verifyLogs(servicesIn(bucket, now), plan, base, {
        signal: new AbortController().signal,
        extent: { since: second(40) },
      });
    expect((await verify(100)).left).toHaveLength(1);
    // This machine is 45 seconds behind.
    const behind = await verify(55).catch((thrown: unknown) => thrown as Problem);
    expect(behind).not.toBeInstanceOf(Problem);
  });
});

describe('an instant that was proved without half of a transaction', () => {
  test('comes back without it later, too', async () => {
    const rows = new TableRows();
    const schema = await readSchema(rows, 'janusgraph');
    const loop = writtenAt(rows, schema, 1).filter(
      ({ table, key }) => table === 'edgestore' && schema.ids.fromKey(key) === 4296,
    );
    const slot = commitSlot(second(13));
    const bucket = new ShippedBucket();
    const log = new GraphLog(bucket.store);
    await log.open('t0001', second(0));
    const place = { timeline: 't0001', host: a };
    // The server that wrote it died in the midst: the rest never comes.
    await log.ship(
      { ...place, from: second(0), to: second(15) },
      loop.slice(-1).map((change) => ({ ...change, at: slot })),
    );
    const id = await bucket.point(1, 2, { nodeCount: 1, replicationFactor: 1, proof: 'checked' });
    const document = toSchemaDocument(schema, { keyspace: 'janusgraph', at: secondText(2), shapes: [] });
    await bucket.store.put(graphSchemaKey(id), graphSchemaDocument.write(document));
    const planAt = async (now: number, exclusions: readonly string[]) => {
      const { platform, config, clock } = servicesIn(bucket, now);
      const services = { platform: { ...platform, keyspace: 'janusgraph' } as Platform, config, clock };
      const logs = {
        instant: secondText(15),
        timeline: timelineId.parse('t0001'),
        exclusions: [...exclusions],
      };
      const { plan } = await makeLogPlan(
        services,
        {
          point: id,
          run: 'rehearse-20260219-020300-k3f9',
          signal: new AbortController().signal,
          replay: true,
          toEnd: false,
          logs,
        },
        { idsKnown: true },
      );
      return { plan };
    };
    const { plan } = await planAt(16, []);
    expect(plan.incomplete).toEqual([formatInstant(slot)]);
    const [checked] = await listPoints(bucket.store);
    if (checked === undefined) throw new TypeError('no point');
    const proven = {
      at: '2026-02-19T02:01:00.000Z',
      run: runId.parse('rehearse-20260219-020300-k3f9'),
      seconds: { restore: 1, start: 1, open: 1, check: 1 },
    };
    const after = pointAfterRehearsal(checked, proven, plan);
    // An hour later it is restored to what was proved.
    await log.ship({ ...place, from: second(15), to: second(3600) }, []);
    const wanted = provedInstant(after);
    const later = await planAt(3601, (wanted?.exclusions ?? []).map(formatInstant));
    expect(later.plan.strands.at(-1)?.exclusions).toEqual(plan.strands.at(-1)?.exclusions);
  });
});

describe('an instant that is the even microsecond of an undone transaction', () => {
  test('is restored without that transaction: the cut keeps the odd microsecond of the slot', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.schema('t0001', 0, ['edgestore']);
    await shipOn(bucket, 't0001', a, 0, 50);
    await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1 });
    const slot = commitSlot(second(20));
    await bucket.timeline('t0002', { id: 't0001', fork: 50 }, { opened: 60, exclusions: [formatInstant(slot)] });
    await bucket.schema('t0002', 60, ['edgestore']);
    await shipOn(bucket, 't0002', a, 60, 100, 9);
    const facts = await readRecoveryFacts(servicesIn(bucket, 100));
    // Second 20, to the microsecond: by `cutAfter` everything of its slot is kept.
    const choice = chooseBase(facts, { instant: second(20), timeline: 't0002' });
    const plan = planLogs(await withPieces(facts, choice.point), choice, { idsKnown: true });
    const first = plan.strands.find(({ timeline }) => timeline === 't0001');
    expect(cutAfter(second(20))).toBe(slot);
    expect(first?.exclusions).toEqual([formatInstant(slot)]);
  });
});

describe('the end of the log where writers run ahead of the nodes', () => {
  test('what a server wrote right before it stopped is not cut off by the clocks of the nodes', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.schema('t0001', 0, ['edgestore']);
    await bucket.begin('t0001', a, 0);
    for (const covered of [20, 60, 90]) await bucket.ship('t0001', a, { segment: 7, covered });
    // The graph's servers run 1.5 s ahead, within the limit. The last commit, of their second 101.3, was acknowledged at
    // the node's 99.8; then they stopped, and at its 100 the node's log was shipped to its end.
    await bucket.ship('t0001', a, { segment: 7, covered: 100 });
    await bucket.watermark('t0001', a, 100, { clockLead: 1.5 });
    const point = await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1 });
    const { platform, config, clock } = servicesIn(bucket, 102);
    const database = {
      rows: () => {
        throw new RetryableProblem({ code: 'database-unreachable', happened: 'It is down.', state: '', next: '' });
      },
    };
    const services = {
      platform: { ...platform, keyspace: 'janusgraph', database } as unknown as Platform,
      config,
      clock,
    };
    const wanted = {
      point,
      run: 'restore-20260219-020300-k3f9',
      signal: new AbortController().signal,
      replay: true,
      toEnd: true,
      logs: { instant: secondText(95), timeline: timelineId.parse('t0001'), exclusions: [] },
    };
    const { plan } = await makeLogPlan(services, wanted, { idsKnown: true });
    const { plan: rest } = await extendLogPlan(services, wanted, plan);
    const until = Date.parse(rest.strands.at(-1)?.until ?? '') * 1000;
    expect(until).toBeGreaterThanOrEqual(second(101.3));
  });
});

describe('ids after two restores whose databases could not be asked', () => {
  test('no id is given out twice', async () => {
    const played = new Played({ faults: [], person: [] }, await beginningOf(3, 1));
    const [point] = await listPoints(played.bucket);
    const disaster = () => {
      played.ring.graph.up = false;
      for (const node of played.ring.nodes) node.stop();
    };
    const restore = async () =>
      runOf(
        await run(played, (process) =>
          played.begin(process, restoreRunbook, { point: point?.id, newBase: false }, true),
        ),
      );
    disaster();
    const first = await restore();
    expect(played.ring.doubled).toBe(false);
    await played.write();
    runOf(await run(played, (process) => played.begin(process, acceptRunbook, { restore: first }, true)));
    disaster();
    await restore();
    expect(played.ring.doubled).toBe(false);
  });

  test('nor after a restore and its revert, while the graph had claimed nothing since the point', async () => {
    const played = new Played({ faults: [], person: [] }, await beginningOf(3, 1));
    const backup = await run(played, (process) => played.begin(process, backupRunbook, { cut: 'quiesced' }));
    const point = runOf(backup).slice(0, 'backup-YYYYMMDD-HHMMSS'.length);
    const disaster = () => {
      played.ring.graph.up = false;
      for (const node of played.ring.nodes) node.stop();
    };
    disaster();
    const restored = runOf(
      await run(played, (process) => played.begin(process, restoreRunbook, { point, newBase: false }, true)),
    );
    expect(played.ring.doubled).toBe(false);
    disaster();
    runOf(
      await run(played, (process) => played.begin(process, revertRunbook, { restore: restored, newBase: false }, true)),
    );
    expect(played.ring.doubled).toBe(false);
  });
});

describe('points of a history that was left', () => {
  async function forked(): Promise<{ bucket: ShippedBucket; living: string; abandoned: string }> {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await shipOn(bucket, 't0001', a, 0, 50);
    const living = await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1, cut: 'quiesced' });
    // The bad job ran at 20. It is in this one, which was proved.
    const abandoned = await bucket.point(30, 32, { nodeCount: 1, replicationFactor: 1, cut: 'quiesced' });
    await bucket.timeline(
      't0002',
      { id: 't0001', fork: 19 },
      { opened: 60, why: 'restored to just before the bad job' },
    );
    await shipOn(bucket, 't0002', a, 60, 100, 9);
    return { bucket, living, abandoned };
  }

  test('a restore without a target does not bring back an abandoned history without a word', async () => {
    const { bucket, living, abandoned } = await forked();
    const { point, warnings } = await decidedIn(bucket, {});
    expect([
      point.id === living,
      warnings.some((each) => each.includes(abandoned) || each.includes('t0001')),
    ]).toContain(true);
  });

  test('nor an undone transaction, after an undo by restore', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await shipOn(bucket, 't0001', a, 0, 50);
    await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1, cut: 'quiesced', proof: 'checked' });
    // Holds the bad transaction of second 20.
    const holds = await bucket.point(30, 32, { nodeCount: 1, replicationFactor: 1, cut: 'quiesced' });
    await bucket.timeline('t0002', { id: 't0001', fork: 50 }, { opened: 60, exclusions: [formatInstant(second(20))] });
    await shipOn(bucket, 't0002', a, 60, 100, 9);
    await bucket.point(70, 72, { nodeCount: 1, replicationFactor: 1, timeline: t0002, proof: 'checked' });
    const { point, warnings } = await decidedIn(bucket, {});
    // That it is older than the newest is said; that it brings back what was undone is not.
    const told = warnings.some((each) => /undone|left out|timeline|t0001/.test(each));
    expect(point.id !== holds || told).toBe(true);
  });

  test('retention keeps the newest proven point of the living history', async () => {
    const { bucket, living } = await forked();
    const day = 24 * 3600;
    await bucket.point(99 * day, 99 * day + 2, { nodeCount: 1, timeline: t0002, proof: 'checked' });
    const { going } = await choosePointsToRemove(servicesIn(bucket, 100 * day), () => {});
    expect(going.map(({ point }) => point)).not.toContain(living);
  });
});

describe("a writer's clock that was ahead once", () => {
  /** As agents say it: without the time an older agent may have seen it up to the present. */
  const seen = { clockLead: 2.5, clockLeads: [{ until: secondText(40), seconds: 2.5 }] };
  async function ahead(more: Parameters<ShippedBucket['point']>[2] = {}) {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.begin('t0001', a, 0);
    await bucket.ship('t0001', a, { segment: 7, covered: 50 });
    // One write at 40 came from a clock 2.5 s ahead; the clocks were synchronised at once.
    await bucket.watermark('t0001', a, 50, seen);
    return { bucket, more };
  }

  test('the backup that the refusal names is a way on', async () => {
    const { bucket } = await ahead();
    const asked = { to: secondText(9_000) };
    await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1 });
    await bucket.ship('t0001', a, { segment: 8, covered: 10_000 });
    await bucket.watermark('t0001', a, 10_000, seen);
    const refused = await refusal(decidedIn(bucket, asked, 10_000));
    expect(refused.code).toBe('clocks-apart');
    expect(refused.next).toContain('take a backup');
    await bucket.point(8_000, 8_002, { nodeCount: 1, replicationFactor: 1 });
    const decided = await decidedIn(bucket, asked, 10_000).catch((thrown: unknown) => (thrown as Problem).code);
    expect(decided).not.toBe('clocks-apart');
  });

  test('the restore that the refusal names, because it does not depend on clocks, is not refused for clocks', async () => {
    const { bucket } = await ahead();
    await bucket.point(10, 12, { nodeCount: 1, replicationFactor: 1, cut: 'instant', instant: secondText(12) });
    const refused = await refusal(decidedIn(bucket, { to: secondText(40) }));
    expect(refused.code).toBe('clocks-apart');
    const named = /cardea restore local --to (\S+?)\.?$/m.exec(refused.next)?.[1] ?? '';
    expect(named).toMatch(/^backup-/);
    const decided = await decidedIn(bucket, { to: named }).catch((thrown: unknown) => (thrown as Problem).code);
    expect(decided).not.toBe('clocks-apart');
    const usual = await decidedIn(bucket, {}).catch((thrown: unknown) => (thrown as Problem).code);
    expect(usual).not.toBe('clocks-apart');
  });
});

describe('an undo by restore while the log of most replicas lags', () => {
  test('is refused when the log of a node shows that more was written than can be restored', async () => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.point(10, 12, { nodeCount: 3, replicationFactor: 3 });
    await shipOn(bucket, 't0001', a, 0, 5_000);
    await shipOn(bucket, 't0001', b, 0, 50);
    await shipOn(bucket, 't0001', c, 0, 50);
    const refused = await refusal(decidedIn(bucket, { timeline: 't0001', exclusions: [second(30)] }, 5_000));
    expect(refused.code).toBe('end-unreachable');
  });
});
