import { describe, expect, test } from 'vitest';
import { countingIds } from '../../test/support/fake-clock.ts';
import { FakeMachine } from '../../test/support/engine-world.ts';
import { HastyClock } from '../../test/support/hasty-clock.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { pointId, runId, timelineId } from '../model/identifiers.ts';
import { RetryableProblem } from '../model/problem.ts';
import type { ShippingHealth } from '../ports/node-agent.ts';
import { startRun } from '../runbook/engine.ts';
import { beginDecision, openRestore } from './catalog/restore-catalog.ts';
import { findShippingOrder, orderPause, orderShipping } from './catalog/shipping-order.ts';
import { openTimeline } from './catalog/timeline-record.ts';
import { shipRunbook } from './ship.ts';
import { pauseShipping, shipEverywhere, startShipping } from './steps/shipping-steps.ts';
import { linesOf, nodesOf } from './steps/some-names.ts';

const [first, second] = [timelineId.parse('t0001'), timelineId.parse('t0002')];
const restore = runId.parse('restore-20260219-020000-aaaa');
const at = '2026-02-19T02:00:00.000000Z';

/** Three nodes of which each test says what their agents are. */
class Ring {
  readonly clock = new HastyClock();
  readonly ids = countingIds();
  readonly bucket = new MemoryStore();
  readonly health = new Map<string, ShippingHealth | undefined | 'away'>();
  readonly told: Array<{ readonly node: string; readonly kind: string; readonly params: object }> = [];

  constructor() {
    for (const name of ['a', 'b', 'c']) this.health.set(name, shipping(first));
  }

  get services() {
    const agent = (node: string) => {
      const reach = () => {
        const health = this.health.get(node);
        if (health !== 'away') return health;
        throw new RetryableProblem({ code: 'agent-unreachable', happened: `${node} is away.`, state: '', next: '' });
      };
      return {
        health: async () => ({ node, shipping: reach() }),
        run: async (_key: object, kind: string, params: object) => {
          reach();
          this.told.push({ node, kind, params });
          if (kind === 'pause-shipping') return { newest: null, sequence: 0, chain: null };
          return { timeline: first, since: '2026-02-19T03:00:00.000000Z' };
        },
      };
    };
    const platform = {
      environment: 'local',
      bucket: this.bucket,
      nodes: [...this.health.keys()].map((name) => ({ name })),
      agent,
      ensureAgents: async () => {},
    };
    return { platform, clock: this.clock, config: { backup: { log: { ship: true } } } } as never;
  }

  get work() {
    const { signal } = new AbortController();
    const run = 'ship-20260219-030000-bbbb';
    const more = { progress: () => {}, log: () => {}, services: this.services };
    return { run, step: 's', environment: 'local', epoch: 1, signal, ...more };
  }

  async ship() {
    const processes = new FakeMachine().process();
    return startRun(
      {
        store: this.bucket,
        clock: this.clock,
        ids: this.ids,
        actor: { name: 'dana', via: 'cli', host: 'here' },
        processes,
      },
      shipRunbook,
      { environment: 'local', params: {}, services: this.services },
    );
  }
}

function shipping(timeline: string, state: ShippingHealth['state'] = 'shipping'): ShippingHealth {
  return { state, timeline, newest: null, lagSeconds: null, pinnedBytes: 0 };
}

describe('cardea ship', () => {
  test('starts who is paused or on another timeline, after what was set aside, and leaves the others alone', async () => {
    const ring = new Ring();
    await opened(ring);
    await orderShipping(ring.bucket, { run: restore, at }, { timeline: second, after: { a: '7', b: null, c: '9' } });
    ring.health.set('a', shipping(second));
    ring.health.set('b', shipping(first, 'paused'));
    ring.health.set('c', shipping(first));
    const outcome = await ring.ship();
    expect(outcome).toMatchObject({ status: 'succeeded' });
    expect(outcome.results['start-shipping']).toMatchObject({
      timeline: second,
      started: { count: 2, first: ['b', 'c'] },
      problems: { count: 0 },
    });
    expect(ring.told.map(({ node, params }) => ({ node, params }))).toEqual([
      { node: 'b', params: { timeline: second, after: null } },
      { node: 'c', params: { timeline: second, after: '9' } },
    ]);
  });

  test('done again it changes nothing, and the order that stands is not given anew', async () => {
    const ring = new Ring();
    await ring.ship();
    const order = await findShippingOrder(ring.bucket);
    expect(order).toMatchObject({ state: 'shipping', timeline: first });
    expect(await ring.ship()).toMatchObject({ status: 'succeeded' });
    expect(await findShippingOrder(ring.bucket)).toEqual(order);
    expect(ring.told).toEqual([]);
  });

  test('fails when a node does not answer, names it, and has ordered it in the bucket', async () => {
    const ring = new Ring();
    ring.health.set('b', 'away');
    await orderPause(ring.bucket, { run: restore, at });
    const outcome = await ring.ship();
    expect(outcome).toMatchObject({
      status: 'failed',
      problem: { code: 'log-not-shipped', details: ['b: b is away.'] },
    });
    expect(await findShippingOrder(ring.bucket)).toMatchObject({ state: 'shipping' });
  });

  test('is refused while a revert has left its data half in place, and then nobody is told anything', async () => {
    const ring = new Ring();
    const record = { run: restore, environment: 'local', point: pointId.parse('backup-20260219-010000') };
    await openRestore(ring.bucket, { ...record, aside: restore, startedAt: '2026-02-19T02:00:00.000Z' });
    await beginDecision(ring.bucket, restore, {
      state: 'reverting',
      by: runId.parse('revert-20260219-023000-cccc'),
    });
    await orderPause(ring.bucket, { run: restore, at });
    expect(await ring.ship()).toMatchObject({ status: 'refused', problem: { code: 'restore-unfinished' } });
    expect(await findShippingOrder(ring.bucket)).toMatchObject({ state: 'paused' });
    expect(ring.told).toEqual([]);
  });

  test('an agent that is configured to ship nothing is told nothing', async () => {
    const ring = new Ring();
    ring.health.set('c', undefined);
    expect(await shipEverywhere(ring.work)).toMatchObject({ without: ['c'], started: [], problems: [] });
  });
});

describe('what a restore tells the agents stands in the bucket before', () => {
  test('a pause, also where no agent can be reached; the same run orders it once', async () => {
    const ring = new Ring();
    for (const name of ['a', 'b', 'c']) ring.health.set(name, 'away');
    await pauseShipping(ring.work);
    const order = await findShippingOrder(ring.bucket);
    expect(order).toMatchObject({ state: 'paused', timeline: first });
    await pauseShipping(ring.work);
    expect(await findShippingOrder(ring.bucket)).toEqual(order);
  });

  test('a start, with the last segment of each node; a node that is missed is told by name', async () => {
    const ring = new Ring();
    ring.health.set('b', 'away');
    const { number } = await orderPause(ring.bucket, { run: restore, at });
    const { problems, missed } = await startShipping(ring.work, second, { a: '7', b: '8' });
    expect({ problems, missed }).toEqual({ problems: linesOf(['b: b is away.']), missed: nodesOf(['b']) });
    const after = { a: '7', b: '8', c: null };
    const order = await findShippingOrder(ring.bucket);
    expect(order).toMatchObject({ state: 'shipping', timeline: second, after });
    expect(order?.number).toBeGreaterThan(number);
  });

  test('a start as before keeps what was ordered of the same timeline', async () => {
    const ring = new Ring();
    const after = { a: '7', b: '8', c: null };
    const begun = await orderShipping(ring.bucket, { run: restore, at }, { timeline: second, after });
    const paused = await orderPause(ring.bucket, { run: restore, at });
    expect(paused.number).toBeGreaterThan(begun.number);
    await startShipping(ring.work, second, 'as-before');
    const order = await findShippingOrder(ring.bucket);
    expect(order).toMatchObject({ state: 'shipping', timeline: second, after });
    expect(order?.number).toBeGreaterThan(paused.number);
    expect(ring.told[0]?.params).toEqual({ timeline: second, after: '7' });
  });

  test('an order whose answer was lost is not given twice', async () => {
    const ring = new Ring();
    ring.bucket.loseAnswerOf = /shipping\.json$/;
    await expect(orderPause(ring.bucket, { run: restore, at })).rejects.toMatchObject({ code: 'store-unreachable' });
    const order = await findShippingOrder(ring.bucket);
    expect(order).toMatchObject({ state: 'paused' });
    expect(await orderPause(ring.bucket, { run: restore, at })).toEqual(order);
  });
});

async function opened({ bucket }: Ring): Promise<void> {
  await openTimeline(bucket, { environment: 'local', run: restore, openedAt: at, exclusions: [], why: 'restored' });
}
