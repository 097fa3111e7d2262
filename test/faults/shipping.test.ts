import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { instantOf } from '../../src/model/instant.ts';
import {
  expectLostByCassandra,
  type LoggedWrite,
  type LoggedWrites,
  startWrites,
  writesIn,
} from '../support/logged-writes.ts';
import { killNow, sandboxUp, type TestSandbox } from '../support/sandbox.ts';
import { expectWhole, type ShippedLog, shippedLog } from '../support/shipped-log.ts';
import { type AwayStore, storeThatGoesAway } from '../support/store-away.ts';

const timeline = 't0001';
const random = seeded(4_102_026);

/** One node under load, and everything that can be done to it. */
class ShippingNode {
  readonly sandbox: TestSandbox;
  readonly hostId: string;
  readonly name: string;
  readonly address: string;
  readonly writes: LoggedWrites;
  /** Microseconds of the kills of Cassandra: what it had not marked then it lost itself. */
  readonly kills: number[] = [];

  private constructor(parts: Pick<ShippingNode, 'sandbox' | 'hostId' | 'name' | 'address' | 'writes'>) {
    ({
      sandbox: this.sandbox,
      hostId: this.hostId,
      name: this.name,
      address: this.address,
      writes: this.writes,
    } = parts);
  }

  static async up(sandbox: TestSandbox, options: Parameters<typeof startWrites>[2]): Promise<ShippingNode> {
    const [member] = await sandbox.platform.database.ring();
    const report = await sandbox.status();
    if (member === undefined) throw new TypeError('there is no node');
    return new ShippingNode({
      sandbox,
      hostId: member.hostId,
      name: report.nodes[0]?.name ?? '',
      address: member.address,
      writes: await startWrites(member.address, 9042, options),
    });
  }

  async shipped(): Promise<ShippedLog> {
    return shippedLog(this.sandbox.platform.bucket, timeline, this.hostId);
  }

  async watermark(): Promise<number> {
    return instantOf((await this.shipped()).watermark?.at ?? '2000-01-01T00:00:00.000000Z');
  }

  async reached(at: number, timeout: number): Promise<ShippedLog> {
    await vi.waitFor(async () => expect(await this.watermark()).toBeGreaterThanOrEqual(at), { timeout, interval: 200 });
    return this.shipped();
  }

  async start(): Promise<void> {
    await this.sandbox.answer(z.unknown(), 'sandbox', 'up', 'local');
    await this.writes.reconnect();
  }

  async killAgent(): Promise<void> {
    killNow((await this.sandbox.status()).nodes[0]?.agentPid);
  }

  async killDatabase(): Promise<void> {
    killNow((await this.sandbox.status()).nodes[0]?.pid);
    this.kills.push(Date.now() * 1000);
  }

  async written(more: number): Promise<number> {
    const from = this.writes.acknowledged.length;
    await expect
      .poll(() => this.writes.acknowledged.length, { timeout: 120_000, interval: 50 })
      .toBeGreaterThan(from + more);
    return this.writes.acknowledged.at(-1)?.acknowledgedAt ?? 0;
  }

  /** What the watermark promises, and no gap takes back, and the bucket does not hold. */
  missing(log: ShippedLog): readonly LoggedWrite[] {
    const until = instantOf(log.watermark?.at ?? '2000-01-01T00:00:00.000000Z');
    const found = writesIn(log);
    const gaps = log.marks
      .filter(({ what }) => what === 'gap')
      .map((mark) => [instantOf(mark.at), instantOf(mark.until)] as const);
    return this.writes.acknowledged.filter(
      ({ number, acknowledgedAt: at }) =>
        at <= until && !found.has(number) && !gaps.some(([from, to]) => from <= at && at <= to),
    );
  }
}

let store: AwayStore;
let sandbox: TestSandbox | undefined;
let node: ShippingNode | undefined;

beforeEach(() => {
  store = storeThatGoesAway();
});

afterEach(async () => {
  await node?.writes.stop();
  await sandbox?.down();
  node = undefined;
  sandbox = undefined;
  store.remove();
});

test('agent, Cassandra and store go and come in any order under load: nothing that was promised is missing', async () => {
  sandbox = await sandboxUp(1, store.path);
  node = await ShippingNode.up(sandbox, { pauseMs: 5 });
  await node.written(500);
  for (let turn = 0; turn < 12; turn += 1) {
    // Some or all of the three, in an order of their own.
    const gone = ['agent', 'database', 'store'].filter(() => random() < 0.6).sort(() => random() - 0.5);
    for (const each of gone) {
      if (each === 'agent') await node.killAgent();
      else if (each === 'database') await node.killDatabase();
      else store.take();
      await new Promise((resolve) => setTimeout(resolve, random() * 2000));
    }
    store.bring();
    await node.start();
    await node.written(200);
    const log = await node.shipped();
    expectWhole(log, timeline, node.hostId);
    await expectLostByCassandra(node.sandbox.platform.database, node.missing(log), node.kills);
  }
  const until = await node.written(200);
  const log = await node.reached(until, 120_000);
  expectWhole(log, timeline, node.hostId);
  await expectLostByCassandra(node.sandbox.platform.database, node.missing(log), node.kills);
  expect(log.marks.filter(({ what }) => what === 'gap')).toEqual([]);
});

test('a store that is gone for ten minutes: the lag is told, no write is refused, and nothing is missing afterwards', async () => {
  sandbox = await sandboxUp(1, store.path);
  node = await ShippingNode.up(sandbox, { pauseMs: 5, bytes: 2000 });
  await node.written(500);
  store.take();
  const goneAt = Date.now();
  const shipping = async () => (await node?.sandbox.platform.agent(node.name).health())?.shipping;
  await vi.waitFor(async () => expect((await shipping())?.lagSeconds ?? 0).toBeGreaterThan(595), {
    timeout: 660_000,
    interval: 5000,
  });
  expect(Date.now() - goneAt).toBeGreaterThan(590_000);
  expect((await shipping())?.problem).toEqual(expect.any(String));
  store.bring();
  const until = await node.written(100);
  const log = await node.reached(until, 180_000);
  expectWhole(log, timeline, node.hostId);
  expect(node.missing(log)).toEqual([]);
  expect(log.marks.filter(({ what }) => what === 'gap')).toEqual([]);
  expect(node.writes.failed).toEqual([]);
});

/** Only root can mount a small file system for it. */
const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)('a small disk and a store that is gone', () => {
  const mount = mkdtempSync(join(tmpdir(), 'cardea-small-'));

  afterAll(async () => {
    await execa('umount', [mount]);
    rmSync(mount, { recursive: true, force: true });
  });

  test('the log is given up before the disk is full, no write is refused, and the gap is told', async () => {
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=1200m', 'tmpfs', mount]);
    vi.stubEnv('TMPDIR', mount);
    sandbox = await sandboxUp(1, store.path);
    node = await ShippingNode.up(sandbox, { lanes: 8, pauseMs: 1, bytes: 20_000, overwrite: true });
    await node.written(200);
    store.take();
    // More log than the disk has room for.
    await vi.waitFor(() => expect((node?.writes.acknowledged.length ?? 0) * 20_000).toBeGreaterThan(1.6e9), {
      timeout: 1_200_000,
      interval: 1000,
    });
    expect(node.writes.failed).toEqual([]);
    store.bring();
    const until = await node.written(100);
    const log = await node.reached(until, 180_000);
    expectWhole(log, timeline, node.hostId);
    expect(node.missing(log)).toEqual([]);
    const gaps = log.marks.filter(({ what }) => what === 'gap');
    expect(gaps.length).toBeGreaterThan(0);
    expect(gaps[0]?.reason).toContain('nearly full');
    expect(node.writes.failed).toEqual([]);
  });
});

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}
