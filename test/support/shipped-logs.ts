import { encodeMutation } from '../../src/commitlog/mutation-writer.ts';
import { sha256 } from '../../src/model/sha256.ts';
import { chainOf, firstLink } from '../../src/commitlog/piece-chain.ts';
import { writePiece } from '../../src/commitlog/piece.ts';
import { SegmentWriter } from '../../src/commitlog/segment-writer.ts';
import type { StoredRow } from '../../src/commitlog/stored-mutation.ts';
import { TableLayout } from '../../src/commitlog/table-layout.ts';
import { formatInstant, micros } from '../../src/model/instant.ts';
import { type LogPieceHeader, logPieceHeader, logPieceKey } from '../../src/model/log-piece.ts';
import type { LogPlan } from '../../src/model/log-plan.ts';
import { type LoggedTable, logSchemaDocument, logSchemaKey, loggedTable } from '../../src/model/log-schema.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';

/** Cells of tables like JanusGraph's own (key, column1, value), written into segments and shipped to a bucket without any Cassandra. */
export interface LoggedWrite {
  readonly table: LoggedTable;
  readonly key: string | Uint8Array;
  readonly column: string | Uint8Array;
  /** Absent for a deletion of the row. */
  readonly value?: string;
  /** Microseconds since 1970. */
  readonly at: number;
}

export function graphTable(table: string, id: string, keyspace = 'bank'): LoggedTable {
  const column = (name: string, kind: 'partition_key' | 'clustering' | 'regular', position: number) => ({
    name,
    kind,
    position,
    type: 'blob',
    clusteringOrder: kind === 'clustering' ? 'asc' : 'none',
  });
  return loggedTable.parse({
    keyspace,
    table,
    id,
    columns: [column('key', 'partition_key', 0), column('column1', 'clustering', 0), column('value', 'regular', -1)],
  });
}

/** One mutation that holds all the writes, which have one key and keyspace. */
export function mutationOf(writes: readonly LoggedWrite[]): Uint8Array {
  return encodeMutation({ updates: writes.map(updateOf) });
}

type LoggedObject = LogPlan['strands'][number]['streams'][number]['objects'][number];

interface SegmentPlace {
  readonly timeline: string;
  readonly hostId: string;
  readonly segmentId: string;
  readonly sequence: number;
  /** `chain` of the piece before. */
  readonly previous: string;
  readonly coveredFrom: string;
  readonly coveredTo: string;
}

/** Ships one segment of the mutations as one piece of a node's chain. */
export async function shipPiece(
  bucket: ObjectStore,
  { timeline, hostId, segmentId, sequence, previous, coveredFrom, coveredTo }: SegmentPlace,
  mutations: readonly Uint8Array[],
): Promise<LogPieceHeader> {
  const writer = new SegmentWriter(8, BigInt(segmentId));
  for (const mutation of mutations) writer.add(mutation);
  const plain = Buffer.concat(writer.finish().slice(0, -1));
  const sum = sha256(plain);
  const link = { sequence, from: 0, to: plain.length, sha256: sum, previous, coveredFrom, coveredTo };
  const header = logPieceHeader.body.parse({
    timeline,
    hostId,
    node: `node-${hostId.at(-1)}`,
    segment: { id: segmentId, file: writer.fileName },
    from: 0,
    to: plain.length,
    sha256: sum,
    closesSegment: true,
    pieces: [{ ...link, chain: chainOf(link, segmentId) }],
  });
  await bucket.put(logPieceKey(header), await writePiece(header, plain));
  return header;
}

/** Ships one segment of the mutations as a node's first; gives the object as a plan names it. */
export async function shipSegment(
  bucket: ObjectStore,
  {
    hostId,
    segmentId,
    timeline = 't0001',
  }: { readonly hostId: string; readonly segmentId: string; readonly timeline?: string },
  mutations: readonly Uint8Array[],
): Promise<LoggedObject> {
  const now = formatInstant(micros(1_771_466_400_000_000));
  const previous = firstLink(timeline, hostId);
  const place = { timeline, hostId, segmentId, sequence: 1, previous, coveredFrom: now, coveredTo: now };
  const header = await shipPiece(bucket, place, mutations);
  return { key: logPieceKey(header), sha256: header.sha256, bytes: header.to };
}

/** Ships the schema of the tables; gives its key. */
export async function shipSchema(bucket: ObjectStore, tables: readonly LoggedTable[]): Promise<string> {
  const schema = logSchemaDocument.body.parse({
    timeline: 't0001',
    at: '2026-02-19T01:00:00.000000Z',
    schemaVersion: 'one',
    tables,
    keyspaces: [],
    cql: '',
  });
  const key = logSchemaKey(schema);
  await bucket.put(key, logSchemaDocument.write(schema));
  return key;
}

function updateOf({ table, key, column, value, at }: LoggedWrite) {
  const layout = new TableLayout(table);
  const name = Buffer.from('value');
  const laid = layout.column(name, 0, name.length);
  const row: StoredRow = {
    kind: 'row',
    clustering: [Buffer.from(column)],
    liveness: value === undefined ? undefined : { at, expiry: undefined },
    deletion: value === undefined ? { at, localTime: Math.floor(at / 1_000_000) } : undefined,
    shadowable: false,
    columns:
      value === undefined || laid === undefined
        ? []
        : [
            {
              column: laid,
              deletion: undefined,
              cells: [{ at, deletedAt: undefined, expiry: undefined, path: undefined, value: Buffer.from(value) }],
            },
          ],
  };
  return {
    layout,
    key: Buffer.from(key),
    body: {
      base: { timestamp: at, localDeletionTime: Math.floor(at / 1_000_000), ttl: 0 },
      staticColumns: [],
      columns: value === undefined || laid === undefined ? [] : [laid],
      deletion: undefined,
      staticRow: undefined,
      rowEstimate: 1,
      items: [row],
    },
  };
}
