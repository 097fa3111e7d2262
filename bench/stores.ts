import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryStore } from '../src/adapters/directory/directory-store.ts';
import { systemClock } from '../src/adapters/system/clock.ts';
import { systemProcesses } from '../src/adapters/system/processes.ts';
import { runEventDocument } from '../src/journal/event.ts';
import { eventKey, noHash, runPrefix } from '../src/journal/event-file.ts';
import { listRuns } from '../src/journal/runs.ts';
import { compactSecond, pointId, runId, timelineId } from '../src/model/identifiers.ts';
import { restorePointDocument, restorePointKey } from '../src/model/restore-point.ts';
import { listPoints } from '../src/runbooks/catalog/point-catalog.ts';
import { sideBySide } from './rounds.ts';
import { type BenchRow, medianMs } from './row.ts';

const count = 10_000;
const eventsPerRun = 50;

/** A directory with 10,000 runs of 50 events and 10,000 restore points: listing them, and writing one object more. */
export async function benchListing(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'cardea-bench-'));
  try {
    fill(folder);
    const store = new DirectoryStore(folder);
    const newest = { limit: 20 };
    const readers = { store, clock: systemClock, processes: systemProcesses() };
    return [
      await sideBySide(
        5,
        {
          name: `ids of ${grouped(count)} runs with ${eventsPerRun} events each`,
          note: 'bare readdir; we also look that each folder holds an object. Aim: well under 1000',
        },
        () => Array.fromAsync(store.children('runs/')),
        () => readdir(join(folder, 'runs')),
      ),
      {
        name: `newest 20 of ${grouped(count)} runs, with their state`,
        ours: await medianMs(5, () => listRuns(readers, newest)),
        unit: 'ms',
        note: 'what `cardea runs` does',
      },
      await sideBySide(
        5,
        {
          name: `${grouped(count)} restore points, read and validated`,
          note: 'readdir, then read and JSON.parse each file',
        },
        () => listPoints(store),
        () => readAll(folder),
      ),
      await sideBySide(
        5,
        {
          name: `create ${writes} objects of 1 KiB, each durable`,
          note: 'write, sync, rename, sync of the folder, by hand',
        },
        () => putMany(store),
        () => writeMany(folder),
      ),
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

const writes = 100;
const body = Buffer.alloc(1024, 'x');
let written = 0;

async function putMany(store: DirectoryStore): Promise<void> {
  for (let at = 0; at < writes; at += 1) await store.put(`writes/ours/${(written += 1)}`, body, { ifAbsent: true });
}

async function writeMany(folder: string): Promise<void> {
  const target = join(folder, 'writes', 'theirs');
  mkdirSync(target, { recursive: true });
  for (let at = 0; at < writes; at += 1) {
    const path = join(target, String((written += 1)));
    const file = await open(`${path}.new`, 'w');
    await file.writeFile(body);
    await file.sync();
    await file.close();
    await rename(`${path}.new`, path);
    const parent = await open(target, 'r');
    await parent.sync();
    await parent.close();
  }
}

async function readAll(folder: string): Promise<number> {
  let bytes = 0;
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  for (let at = 0; at < names.length; at += 64) {
    const texts = await Promise.all(names.slice(at, at + 64).map((name) => readFile(join(folder, name), 'utf8')));
    for (const text of texts) bytes += Object.keys(JSON.parse(text) as object).length;
  }
  return bytes;
}

/** Written without syncs: only their number matters here. */
function fill(folder: string): void {
  const start = Date.parse('2026-01-01T00:00:00Z');
  for (let number = 0; number < count; number += 1) {
    const at = new Date(start + number * 60_000);
    const run = runId.parse(`backup-${compactSecond(at)}-aaaa`);
    mkdirSync(join(folder, runPrefix(run)), { recursive: true });
    const first = eventText(run, 1, at);
    writeFileSync(join(folder, eventKey(run, 1)), first);
    for (let sequence = 2; sequence <= eventsPerRun; sequence += 1) {
      writeFileSync(
        join(folder, eventKey(run, sequence)),
        sequence === eventsPerRun ? eventText(run, sequence, at) : '{}',
      );
    }
    const point = pointId.parse(`backup-${compactSecond(at)}`);
    writeFileSync(join(folder, restorePointKey(point)), pointText(point, run, at));
  }
}

function eventText(run: string, sequence: number, at: Date): string {
  return runEventDocument.write({
    run,
    sequence,
    previous: noHash,
    at: at.toISOString(),
    epoch: 1,
    event:
      sequence === 1
        ? {
            type: 'run-started',
            runbook: 'backup',
            runbookVersion: 1,
            environment: 'local',
            params: {},
            planHash: noHash,
            actor: { name: 'bench', via: 'cli', host: 'localhost' },
            holder: systemProcesses().self,
            leased: true,
          }
        : { type: 'run-succeeded', seconds: 60 },
  });
}

function pointText(id: ReturnType<typeof pointId.parse>, run: ReturnType<typeof runId.parse>, at: Date): string {
  const node = (number: number) => ({
    node: `hcd-paris-rack1-sts-${number}`,
    hostId: '00000000-0000-4000-8000-000000000000',
    tokens: Array.from({ length: 16 }, (_, token) => String(BigInt(token) * 576_460_752_303_423_488n)),
    datacenter: 'hcd-paris',
    rack: 'rack1',
    bytes: 1_000_000,
    files: 100,
    newBytes: 1000,
    inventory: `inventories/${id}/${number}.json`,
  });
  return restorePointDocument.write({
    id,
    environment: 'local',
    timeline: timelineId.parse('t0001'),
    run,
    takenAt: at.toISOString(),
    mode: 'differential',
    cut: 'quiesced',
    proof: 'checked',
    nodes: [node(0), node(1), node(2)],
    bytes: 3_000_000,
    newBytes: 3000,
    cassandraVersion: '5.0.6',
    schemaVersion: '00000000-0000-4000-8000-000000000000',
    keyspace: 'janusgraph',
    replicationFactor: 3,
    seconds: { taken: 10, checked: 2 },
  });
}

function grouped(number: number): string {
  return number.toLocaleString('en');
}
