import { expect, test } from 'vitest';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { pointTakenAt } from '../../../test/support/example-point.ts';
import type { Platform } from '../../ports/platform.ts';
import type { LogPlan } from '../../model/log-plan.ts';
import { requireRestoreRoom, restoreDemands } from './restore-room.ts';

const gib = 2 ** 30;
const names = ['n0', 'n1', 'n2', 'n3', 'n4'];
const host = (at: number) => `6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f0${at}`;
/** Five nodes in a ring of equal ranges, three replicas of each. */
const point = pointTakenAt(new Date('2026-02-19T02:00:00Z'), {
  replicationFactor: 3,
  nodes: names.map((node, at) => ({
    node,
    hostId: host(at),
    datacenter: 'dc1',
    rack: 'r1',
    tokens: [String((BigInt(at) * 2n ** 64n) / 5n - 2n ** 63n)],
    bytes: 10 * gib,
    files: 1,
    newBytes: 0,
    inventory: 'inventories/x',
  })),
});
const platform = { bucket: new MemoryStore(), nodes: names.map((name) => ({ name })) } as unknown as Platform;
const instant = '2026-02-19T02:30:00.000000Z';
const plan = {
  instant,
  strands: [
    {
      until: instant,
      schemas: [],
      streams: names.map((node, at) => ({
        node,
        hostId: host(at),
        objects: [{ key: `log/${at}`, sha256: '0', bytes: 10 * gib }],
      })),
    },
  ],
} as unknown as LogPlan;
const disks = (free: number, staged?: number) =>
  names.map((node) => ({
    node,
    value: { total: 100 * gib, free: free * gib, liveData: 0, aside: 0, snapshots: 0, staged },
  }));

test('a node is asked for its own part of the log, not for the streams of all nodes', async () => {
  const demands = await restoreDemands(platform, { point, plan }, disks(90));
  // Of its own stream all, of two neighbours two thirds, of the others one third: 30 of the 50 GiB that are read.
  for (const { writes } of demands) expect(writes / gib).toBeCloseTo(11 + 2 * 30 * 1.2, 3);
  const everywhere = { ...point, replicationFactor: 5 };
  const [all] = await restoreDemands(platform, { point: everywhere, plan }, disks(90));
  expect((all?.writes ?? 0) / gib).toBeCloseTo(11 + 2 * 50, 3);
  const [plain] = await restoreDemands(platform, { point, plan: undefined }, disks(90));
  expect((plain?.writes ?? 0) / gib).toBeCloseTo(11, 3);
});

test('what was staged before is not asked for again', async () => {
  const [first] = await restoreDemands(platform, { point, plan: undefined }, disks(90, 4 * gib));
  expect((first?.writes ?? 0) / gib).toBeCloseTo(7, 3);
});

test('a disk that is too small for staging is refused with node, bytes and the slower order; one that fits nothing without it', async () => {
  const wanted = { stage: true, share: 0.2 };
  const refusal = async (free: number, stage: boolean) => {
    const demands = await restoreDemands(platform, { point, plan: undefined }, disks(free));
    try {
      requireRestoreRoom(demands, { ...wanted, stage });
      return undefined;
    } catch (error) {
      return error as { code: string; next: string; details: string[] };
    }
  };
  expect(await refusal(17, true)).toBeUndefined();
  const tight = await refusal(12, true);
  expect(tight?.code).toBe('disk-too-small');
  expect(tight?.details[0]).toMatch(
    /^n0: 12\.0 GiB of 100 GiB are free; 11\.0 GiB will be written and 5\.0 GiB must stay free/,
  );
  expect(tight?.next).toContain('--without-staging');
  expect(await refusal(12, false)).toBeUndefined();
  expect((await refusal(10, true))?.next).not.toContain('--without-staging');
  expect((await refusal(10, false))?.code).toBe('disk-too-small');
});
