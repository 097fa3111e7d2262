import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { type IndexedPiece, writeLogIndex } from '../src/commitlog/log-index.ts';
import { chainOf, firstLink } from '../src/commitlog/piece-chain.ts';
import { canonicalJson } from '../src/model/canonical-json.ts';
import { runId, timelineId } from '../src/model/identifiers.ts';
import { formatInstant, type Micros, micros } from '../src/model/instant.ts';
import {
  logPieceHeader,
  logPieceKey,
  type PieceLink,
  watermarkDocument,
  watermarkKey,
} from '../src/model/log-piece.ts';
import { logSchemaDocument, logSchemaKey } from '../src/model/log-schema.ts';
import { restorePointDocument, restorePointKey } from '../src/model/restore-point.ts';
import { sha256 } from '../src/model/sha256.ts';
import { timelineDocument, timelineKey } from '../src/model/timeline.ts';

/** A node that writes 1 MB of log a second: 5,000 writes a second of a ring of five with three replicas. */
const segmentBytes = 32 * 1024 * 1024;
const bytesPerSecond = 1_000_000;
const streams = 5;
const hour = 3_600_000_000;
const day = 24 * hour;
const timeline = timelineId.parse('t0001');

export interface MonthBucket {
  readonly objects: number;
  readonly pieces: number;
  readonly indexes: number;
  /** Microseconds: where the log ends. */
  readonly end: Micros;
}

/**
 * A bucket as the agents of five nodes leave it after so many days, with a base each night: real keys, headers, chains and indexes; the bytes of
 * the log itself are left out, since nobody reads them who asks how far it reaches.
 */
export async function makeMonthBucket(folder: string, days: number): Promise<MonthBucket> {
  const end = micros(Date.parse('2026-03-01T00:00:00Z') * 1000);
  const start = micros(end - days * day);
  const put = (key: string, body: string | Uint8Array) => {
    const file = join(folder, key);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, body);
  };
  const opened = { id: timeline, environment: 'prod', exclusions: [], openedAt: formatInstant(start), why: 'begun' };
  put(timelineKey(timeline), timelineDocument.write(opened));
  const schema = schemaAt(start);
  put(logSchemaKey(schema), logSchemaDocument.write(schema));
  for (let night = 0; night < days; night += 1) {
    const point = pointAt(micros(start + night * day + 2 * hour));
    put(restorePointKey(point.id), restorePointDocument.write(point));
  }
  const made = { objects: 0, pieces: 0, indexes: 0 };
  for (let node = 0; node < streams; node += 1) {
    const counts = await makeStream(put, node, { start, end });
    for (const name of ['objects', 'pieces', 'indexes'] as const) made[name] += counts[name];
  }
  return { ...made, end };
}

async function makeStream(
  put: (key: string, body: string | Uint8Array) => void,
  index: number,
  { start, end }: { readonly start: Micros; readonly end: Micros },
) {
  const { hostId, node } = nodeAt(index);
  const counts = { objects: 0, pieces: 0, indexes: 0 };
  const packed = zstdCompressSync(Buffer.alloc(64));
  const segmentMicros = Math.floor((segmentBytes / bytesPerSecond) * 1_000_000);
  let at = start;
  let before = { sequence: 0, chain: firstLink(timeline, hostId), covered: start };
  let run: IndexedPiece[] = [];
  const writeRun = async () => {
    if (run.length === 0) return;
    const { key, body } = await writeLogIndex({ timeline, hostId, node }, run);
    put(key, body);
    counts.indexes += 1;
    run = [];
  };
  // Today's hours have an index each, and of the hour that is not over there is none.
  const today = Math.floor((end - 1) / day);
  const periodOf = (instant: number) =>
    Math.floor(instant / day) < today ? Math.floor(instant / day) * 24 : Math.floor(instant / hour);
  for (let segment = 0; at + segmentMicros <= end; segment += 1) {
    const id = String(Math.floor(start / 1000) + segment);
    const pieces: PieceLink[] = [];
    const seconds = Math.ceil(segmentMicros / 1_000_000);
    for (let second = 0; second < seconds; second += 1) {
      const from = Math.min(segmentBytes, second * bytesPerSecond);
      const to = Math.min(segmentBytes, (second + 1) * bytesPerSecond);
      const covered = micros(Math.min(at + segmentMicros, at + (second + 1) * 1_000_000));
      const link: Omit<PieceLink, 'chain'> = {
        sequence: before.sequence + 1,
        from,
        to,
        sha256: before.chain,
        previous: before.chain,
        coveredFrom: formatInstant(before.covered),
        coveredTo: formatInstant(covered),
      };
      const chain = chainOf(link, id);
      pieces.push({ ...link, chain });
      before = { sequence: link.sequence, chain, covered };
    }
    const header = {
      timeline,
      hostId,
      node,
      segment: { id, file: `CommitLog-8-${id}.log` },
      from: 0,
      to: segmentBytes,
      sha256: sha256(id),
      closesSegment: true,
      pieces,
    };
    const { kind, version } = logPieceHeader;
    const line = JSON.stringify({ kind, version, ...header, check: sha256(canonicalJson(header)) });
    const body = Buffer.concat([Buffer.from(`${line}\n`), packed]);
    const key = logPieceKey(header);
    put(key, body);
    counts.objects += 1;
    counts.pieces += pieces.length;
    const [first] = pieces;
    const last = pieces.at(-1);
    if (first === undefined || last === undefined) throw new TypeError('a segment without pieces');
    const piece = {
      key,
      node,
      segment: id,
      from: 0,
      to: segmentBytes,
      stored: body.length,
      sha256: header.sha256,
      first: first.sequence,
      last: last.sequence,
      previous: first.previous,
      chain: last.chain,
      coveredFrom: micros(at),
      coveredTo: before.covered,
      proves: micros(at + 1_000_000),
    };
    if (run[0] !== undefined && periodOf(run[0].coveredTo) !== periodOf(piece.coveredTo)) await writeRun();
    run.push(piece);
    at = micros(at + segmentMicros);
  }
  if (run[0] !== undefined && periodOf(run[0].coveredTo) < Math.floor(end / hour)) await writeRun();
  const watermark = {
    timeline,
    hostId,
    node,
    at: formatInstant(micros(end - 500_000)),
    since: formatInstant(start),
    sequence: before.sequence,
    chain: before.chain,
    clockLead: 0,
  };
  put(watermarkKey(timeline, hostId), watermarkDocument.write(watermark));
  return counts;
}

function nodeAt(index: number) {
  return {
    hostId: `00000000-0000-4000-8000-00000000000${index}`,
    node: `hcd-paris-rack${(index % 3) + 1}-sts-${index}`,
  };
}

function schemaAt(at: Micros) {
  const replication = { class: 'NetworkTopologyStrategy', 'hcd-paris': '3' };
  return logSchemaDocument.body.parse({
    timeline,
    at: formatInstant(at),
    schemaVersion: 'v1',
    tables: ['edgestore', 'graphindex'].map((table, number) => ({
      keyspace: 'janusgraph',
      table,
      id: `00000000-0000-4000-8000-10000000000${number}`,
      columns: ['key', 'value'].map((name, position) => ({
        name,
        kind: position === 0 ? 'partition_key' : 'regular',
        position: position === 0 ? 0 : -1,
        type: 'blob',
        clusteringOrder: 'none',
      })),
      dropped: [],
    })),
    keyspaces: [{ keyspace: 'janusgraph', durableWrites: true, replication }],
    cql: '',
  });
}

function pointAt(at: Micros) {
  const stamp = new Date(at / 1000).toISOString().replaceAll(/[-:]/g, '').slice(0, 15).replace('T', '-');
  return restorePointDocument.body.parse({
    id: `backup-${stamp}`,
    environment: 'prod',
    timeline,
    run: runId.parse(`backup-${stamp}-abcd`),
    takenAt: new Date(at / 1000 + 600_000).toISOString(),
    snapshot: { from: formatInstant(at), to: formatInstant(micros(at + 20_000_000)) },
    mode: 'differential',
    cut: 'fuzzy',
    proof: 'checked',
    nodes: Array.from({ length: streams }, (_, index) => ({
      ...nodeAt(index),
      tokens: [String((index - 2) * 3_000_000_000_000_000_000)],
      datacenter: 'hcd-paris',
      rack: `rack${(index % 3) + 1}`,
      bytes: 0,
      files: 0,
      newBytes: 0,
      inventory: 'inventories/x',
    })),
    bytes: 0,
    newBytes: 0,
    cassandraVersion: '5.0.6',
    schemaVersion: 'v1',
    keyspace: 'janusgraph',
    replicationFactor: 3,
    seconds: { taken: 1 },
  });
}
