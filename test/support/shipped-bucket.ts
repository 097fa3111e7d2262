import { sha256 } from '../../src/model/sha256.ts';
import { firstLink, chainOf } from '../../src/commitlog/piece-chain.ts';
import { writePiece } from '../../src/commitlog/piece.ts';
import { type Micros, formatInstant, micros } from '../../src/model/instant.ts';
import {
  type LogMark,
  type LogPieceHeader,
  type PieceLink,
  type Watermark,
  logMarkDocument,
  logPieceHeader,
  logPieceKey,
  watermarkDocument,
  watermarkKey,
} from '../../src/model/log-piece.ts';
import { type LogSchema, logSchemaDocument, logSchemaKey } from '../../src/model/log-schema.ts';
import { type RestorePoint, restorePointDocument, restorePointKey } from '../../src/model/restore-point.ts';
import { type Timeline, timelineDocument, timelineKey } from '../../src/model/timeline.ts';
import { putMark } from '../../src/ports/log-marks.ts';
import { MemoryStore } from './memory-store.ts';

/** The second, of the histories that tests tell: 0 is 2026-02-19 02:00:00 UTC. */
export function second(count: number): Micros {
  return micros(Date.parse('2026-02-19T02:00:00Z') * 1000 + Math.round(count * 1_000_000));
}

export function secondText(count: number): string {
  return formatInstant(second(count));
}

export const hosts = [
  '00000000-0000-4000-8000-00000000000a',
  '00000000-0000-4000-8000-00000000000b',
  '00000000-0000-4000-8000-00000000000c',
] as const;

interface Shipped {
  readonly header: LogPieceHeader;
  readonly plain: Uint8Array;
}

/** A bucket as agents leave it, filled without agents: real pieces, watermarks, marks, timelines and points. */
export class ShippedBucket {
  readonly store = new MemoryStore();
  readonly #streams = new Map<string, { sequence: number; chain: string; covered: number; since: number }>();
  readonly #pieces = new Map<string, Shipped[]>();

  async timeline(
    id: string,
    parent?: { id: string; fork: number },
    more: Partial<Timeline> & { opened?: number } = {},
  ) {
    const { opened = 0, ...rest } = more;
    const body = timelineDocument.body.parse({
      id,
      environment: 'local',
      ...(parent === undefined ? {} : { parent: { id: parent.id, forkedAt: secondText(parent.fork) } }),
      openedAt: secondText(opened),
      why: 'told by a test',
      ...rest,
    });
    await this.store.put(timelineKey(id), timelineDocument.write(body));
  }

  /** Begins a stream and says so, as an agent does. */
  async begin(timeline: string, hostId: string, since: number): Promise<void> {
    this.#streams.set(`${timeline}/${hostId}`, {
      sequence: 0,
      chain: firstLink(timeline, hostId),
      covered: since,
      since,
    });
    await this.watermark(timeline, hostId, since);
  }

  /** Ships one piece of `bytes` bytes of the segment, after what was shipped of it; covered up to that second. Its key. */
  async ship(
    timeline: string,
    hostId: string,
    piece: { segment: number; covered: number; bytes?: number },
  ): Promise<string> {
    const { segment, covered, bytes = 40 } = piece;
    const stream = this.#streamOf(timeline, hostId);
    const sequence = stream.sequence + 1;
    const earlier = this.#shipped(timeline, hostId, segment);
    const from = earlier.at(-1)?.header.to ?? 0;
    const plain = Buffer.from(`${timeline} ${hostId} ${sequence} `.repeat(20).slice(0, bytes).padEnd(bytes, '.'));
    const link: Omit<PieceLink, 'chain'> = {
      sequence,
      from,
      to: from + bytes,
      sha256: sha256(plain),
      previous: stream.chain,
      coveredFrom: secondText(stream.covered),
      coveredTo: secondText(covered),
    };
    const chain = chainOf(link, String(segment));
    const header = headerOf(timeline, hostId, segment, [{ ...link, chain }], plain);
    const key = logPieceKey(header);
    await this.store.put(key, await writePiece(header, plain));
    earlier.push({ header, plain });
    this.#streams.set(`${timeline}/${hostId}`, { ...stream, sequence, chain, covered });
    return key;
  }

  /** One object instead of those of the segment whose sequences lie between; `keep`: the parts stay, as they do for a moment. Its key. */
  async merge(
    timeline: string,
    hostId: string,
    segment: number,
    first: number,
    last: number,
    keep = false,
  ): Promise<string> {
    const parts = this.#shipped(timeline, hostId, segment).filter(({ header }) => {
      const sequence = header.pieces[0]?.sequence ?? 0;
      return sequence >= first && sequence <= last;
    });
    const plain = Buffer.concat(parts.map((part) => part.plain));
    const header = headerOf(
      timeline,
      hostId,
      segment,
      parts.flatMap((part) => part.header.pieces),
      plain,
    );
    const key = logPieceKey(header);
    await this.store.put(key, await writePiece(header, plain));
    if (!keep) for (const part of parts) await this.store.delete(logPieceKey(part.header));
    return key;
  }

  async watermark(timeline: string, hostId: string, at: number, more: Partial<Watermark> = {}): Promise<void> {
    const { sequence, chain, since } = this.#streamOf(timeline, hostId);
    const body = watermarkDocument.body.parse({
      timeline,
      hostId,
      node: nodeOf(hostId),
      at: secondText(at),
      since: secondText(since),
      sequence,
      chain,
      ...more,
    });
    await this.store.put(watermarkKey(timeline, hostId), watermarkDocument.write(body));
    const stream = this.#streamOf(timeline, hostId);
    this.#streams.set(`${timeline}/${hostId}`, { ...stream, covered: at });
  }

  async mark(
    timeline: string,
    hostId: string,
    what: LogMark['what'],
    at: number,
    until: number,
    reason = 'told by a test',
  ) {
    const body = logMarkDocument.body.parse({
      timeline,
      hostId,
      node: nodeOf(hostId),
      what,
      at: secondText(at),
      until: secondText(until),
      reason,
    });
    await putMark(this.store, body);
  }

  async schema(timeline: string, at: number, tables: readonly string[], more: Partial<LogSchema> = {}): Promise<void> {
    const body = logSchemaDocument.body.parse({
      timeline,
      at: secondText(at),
      schemaVersion: `v${at}`,
      tables: tables.map(tableOf),
      keyspaces: [
        {
          keyspace: 'janusgraph',
          durableWrites: true,
          replication: { class: 'NetworkTopologyStrategy', 'hcd-paris': '3' },
        },
      ],
      cql: '',
      ...more,
    });
    await this.store.put(logSchemaKey(body), logSchemaDocument.write(body));
  }

  /** A restore point whose snapshots were taken between the two seconds. Its id. */
  async point(from: number, to: number, more: Partial<RestorePoint> & { nodeCount?: number } = {}): Promise<string> {
    const { nodeCount = 2, ...rest } = more;
    const stamp = new Date(second(from) / 1000).toISOString().replaceAll(/[-:]/g, '').slice(0, 15).replace('T', '-');
    const body = restorePointDocument.body.parse({
      id: `backup-${stamp}`,
      environment: 'local',
      timeline: 't0001',
      run: `backup-${stamp}-abcd`,
      takenAt: new Date(second(to) / 1000).toISOString(),
      snapshot: { from: secondText(from), to: secondText(to) },
      mode: 'full',
      cut: 'fuzzy',
      proof: 'proven',
      nodes: hosts.slice(0, nodeCount).map((hostId, at) => ({
        node: nodeOf(hostId),
        hostId,
        tokens: [String(at * 100)],
        datacenter: 'hcd-paris',
        rack: 'rack1',
        bytes: 0,
        files: 0,
        newBytes: 0,
        inventory: 'inventories/x',
      })),
      bytes: 0,
      newBytes: 0,
      cassandraVersion: '5.0.6',
      schemaVersion: 'v',
      keyspace: 'janusgraph',
      replicationFactor: Math.min(3, nodeCount),
      seconds: { taken: 1 },
      ...rest,
    });
    await this.store.put(restorePointKey(body.id), restorePointDocument.write(body));
    return body.id;
  }

  #streamOf(timeline: string, hostId: string) {
    const stream = this.#streams.get(`${timeline}/${hostId}`);
    if (stream === undefined) throw new TypeError(`${hostId} ships nothing on ${timeline}`);
    return stream;
  }

  #shipped(timeline: string, hostId: string, segment: number): Shipped[] {
    const key = `${timeline}/${hostId}/${segment}`;
    const shipped = this.#pieces.get(key) ?? [];
    this.#pieces.set(key, shipped);
    return shipped;
  }
}

export function nodeOf(hostId: string): string {
  return `local-rack1-sts-${hostId.codePointAt(hostId.length - 1) === 97 ? 0 : hostId.endsWith('b') ? 1 : 2}`;
}

function headerOf(timeline: string, hostId: string, segment: number, pieces: readonly PieceLink[], plain: Uint8Array) {
  return logPieceHeader.body.parse({
    timeline,
    hostId,
    node: nodeOf(hostId),
    segment: { id: String(segment), file: `CommitLog-8-${segment}.log` },
    from: pieces[0]?.from,
    to: pieces.at(-1)?.to,
    sha256: sha256(plain),
    closesSegment: false,
    pieces,
  });
}

/** `name` or `name:columns`, so that a test can alter one; a name with a `'` is the same name made anew. */
function tableOf(text: string): LogSchema['tables'][number] {
  const [written = '', columns = 'key value'] = text.split(':');
  const table = written.replaceAll("'", '');
  return {
    keyspace: 'janusgraph',
    table,
    id: `00000000-0000-4000-8000-${Buffer.from(written).toString('hex').padStart(12, '0').slice(-12)}`,
    columns: columns.split(' ').map((name, at) => ({
      name,
      kind: at === 0 ? 'partition_key' : 'regular',
      position: at === 0 ? 0 : -1,
      type: 'blob',
      clusteringOrder: 'none',
    })),
    dropped: [],
  };
}
