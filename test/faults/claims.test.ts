import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { openLoggedDatabase } from '../../src/adapters/cassandra-node/logged-database.ts';
import { openLogFiles } from '../../src/adapters/node-files/log-files.ts';
import { sectionContent } from '../../src/commitlog/entries.ts';
import { wholeSections } from '../../src/commitlog/section-chain.ts';
import { readSegmentHeader } from '../../src/commitlog/segment-header.ts';
import { timelineId } from '../../src/model/identifiers.ts';
import { LogShipper } from '../../src/node/shipping/log-shipper.ts';
import { port } from '../../src/platforms/sandbox/topology.ts';
import { openLogTable } from '../support/log-table.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { oneCassandra, type OneCassandra } from '../support/one-cassandra.ts';
import { sandboxUp, type TestSandbox } from '../support/sandbox.ts';
import { shippedLog } from '../support/shipped-log.ts';

/**
 * What an agent claims of the log of a real Cassandra, in each way in which it writes its files: written to now and then, with times of quiet longer
 * than a period of its syncs. Longer than by default with CARDEA_CLAIM_MINUTES.
 */
const minutes = Number(process.env['CARDEA_CLAIM_MINUTES'] ?? 3);
const timeline = timelineId.parse('t0001');
const hostId = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01';
const keyspace = 'claims_test';

let sandbox: TestSandbox;
let cassandra: OneCassandra;
let address: string;

beforeAll(async () => {
  sandbox = await sandboxUp(1);
  address = (await sandbox.status()).nodes[0]?.host ?? '';
  cassandra = await oneCassandra(sandbox);
});

afterAll(async () => sandbox?.down());

interface Claim {
  readonly covered: number;
  readonly segment: bigint;
  readonly to: number;
}

interface Write {
  readonly number: number;
  /** Microseconds. */
  readonly acknowledgedAt: number;
}

test.each([
  { name: 'mapped', settings: {} },
  { name: 'direct', settings: { commitlog_disk_access_mode: 'direct' } },
  { name: 'compressed', settings: { commitlog_compression: '[{class_name: LZ4Compressor}]' } },
])('nothing is claimed that no file holds, of segments that are $name', async ({ name, settings }) => {
  await cassandra.kill();
  cassandra.wipe();
  await cassandra.start(settings);
  const links = mkdtempSync(join(tmpdir(), 'cardea-claims-'));
  const database = openLoggedDatabase({ address, port: port.cql });
  const client = await openLogTable(address, port.cql, keyspace);
  try {
    const bucket = new MemoryStore();
    const shipper = await LogShipper.open(
      {
        node: 'node-1',
        clock: systemClock,
        log: { write: () => undefined },
        bucket,
        files: openLogFiles({ commitlog: cassandra.commitlog, links }),
        settings: { maximumPinned: 1024 ** 3, minimumFree: 1024, syncPeriod: 10 },
        running: async () => 'running',
        answers: async () => (await database.glance()) !== undefined,
      },
      { timeline, hostId, after: null, writer: 'agent-1' },
    );
    const end = performance.now() + minutes * 60_000;
    const writes: Write[] = [];
    const claims: Claim[] = [];
    const lags: number[] = [];
    const writing = (async () => {
      for (let number = 1; performance.now() < end - 20_000; number += 1) {
        await client.execute(
          `INSERT INTO ${keyspace}.rows (key, column1, value) VALUES (?, ?, ?)`,
          ['1', String(number), textOf(number)],
          { prepare: true },
        );
        writes.push({ number, acknowledgedAt: microsNow() });
        // Now and then longer than a period and all that shows that it is over.
        await systemClock.sleep(number % 6 === 0 ? 16_000 * Math.random() : 1500 * Math.random());
      }
    })();
    while (performance.now() < end) {
      await shipper.look();
      await shipper.ship();
      const { covered, segment } = shipper.stream.position;
      if (covered !== claims.at(-1)?.covered && segment !== undefined)
        claims.push({ covered, segment: BigInt(segment.id), to: segment.to });
      lags.push(microsNow() - covered);
      await systemClock.sleep(100);
    }
    await writing;
    await shipper.close();
    const found = placesIn(await shippedLog(bucket, timeline, hostId));
    const falsely = writes.filter(({ number, acknowledgedAt }) => {
      const claim = claims.find(({ covered }) => covered >= acknowledgedAt);
      if (claim === undefined) return false;
      const place = found.get(number);
      return (
        place === undefined || place.segment > claim.segment || (place.segment === claim.segment && place.to > claim.to)
      );
    });
    const claimed = writes.filter(({ acknowledgedAt }) => claims.some(({ covered }) => covered >= acknowledgedAt));
    const [half = 0, most = 0] = [0.5, 0.99].map(
      (share) => lags.sort((a, b) => a - b)[Math.floor(lags.length * share)],
    );
    process.stdout.write(
      `${name}: ${claimed.length} of ${writes.length} writes claimed, ${falsely.length} falsely; lag p50 ${seconds(half)}, p99 ${seconds(most)}\n`,
    );
    expect(falsely).toEqual([]);
    expect(claimed.length).toBeGreaterThan(10);
    // What was written before the quiet end is claimed in it.
    expect(claimed).toHaveLength(writes.length);
  } finally {
    await client.shutdown();
    await database.close();
    rmSync(links, { recursive: true, force: true });
  }
});

/** Where the section ends that holds a write. */
function placesIn({
  objects,
}: Awaited<ReturnType<typeof shippedLog>>): ReadonlyMap<number, { readonly segment: bigint; readonly to: number }> {
  const segments = new Map<string, Uint8Array>();
  for (const { header, plain } of objects) {
    const file = segments.get(header.segment.file) ?? new Uint8Array();
    const longer = new Uint8Array(Math.max(file.length, header.to));
    longer.set(file);
    longer.set(plain, header.from);
    segments.set(header.segment.file, longer);
  }
  const places = new Map<number, { readonly segment: bigint; readonly to: number }>();
  for (const bytes of segments.values()) {
    const header = readSegmentHeader(bytes);
    for (const { from, to } of wholeSections(bytes.subarray(header.length), header, header.length)) {
      const text = Buffer.from(sectionContent(bytes.subarray(from, to), header)).toString('latin1');
      for (const [, number] of text.matchAll(/#(\d{9})#/g)) places.set(Number(number), { segment: header.id, to });
    }
  }
  return places;
}

function textOf(number: number): Buffer {
  return Buffer.from(`#${String(number).padStart(9, '0')}#`);
}

function microsNow(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

function seconds(micros: number): string {
  return `${(micros / 1e6).toFixed(1)} s`;
}
