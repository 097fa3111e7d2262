import { encodeMutation } from '../../src/commitlog/mutation-writer.ts';
import { firstLink } from '../../src/commitlog/piece-chain.ts';
import { TableLayout } from '../../src/commitlog/table-layout.ts';
import type { StoredChange } from '../../src/graph/transactions/stored-change.ts';
import { formatInstant, type Micros } from '../../src/model/instant.ts';
import { watermarkDocument, watermarkKey } from '../../src/model/log-piece.ts';
import { logSchemaDocument, logSchemaKey } from '../../src/model/log-schema.ts';
import { timelineDocument, timelineKey } from '../../src/model/timeline.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import { graphTable, shipPiece } from './shipped-logs.ts';

const tables = ['edgestore', 'graphindex', 'janusgraph_ids'].map((table, at) =>
  graphTable(table, `00000000-0000-4000-8000-0000000000${10 + at}`, 'janusgraph'),
);

/** Ships changes of a graph as agents ship them, object by object, each a segment of its own. */
export class GraphLog {
  readonly #bucket: ObjectStore;
  readonly #streams = new Map<string, { sequence: number; chain: string; since: Micros; at: Micros }>();

  constructor(bucket: ObjectStore) {
    this.#bucket = bucket;
  }

  async open(timeline: string, at: Micros, more: object = {}): Promise<void> {
    const body = timelineDocument.body.parse({
      id: timeline,
      environment: 'local',
      openedAt: formatInstant(at),
      why: 'told by a test',
      ...more,
    });
    await this.#bucket.put(timelineKey(timeline), timelineDocument.write(body));
    const schema = logSchemaDocument.body.parse({
      timeline,
      at: formatInstant(at),
      schemaVersion: 'one',
      tables,
      keyspaces: [],
      cql: '',
    });
    await this.#bucket.put(logSchemaKey(schema), logSchemaDocument.write(schema));
  }

  /** What the node logged from the end of its last object, or from `from`, up to `to` by its clock. Changes stand in mutations of one key each. */
  async ship(
    place: { readonly timeline: string; readonly host: string; readonly from: Micros; readonly to: Micros },
    changes: readonly StoredChange[],
  ): Promise<void> {
    const { timeline, host } = place;
    const name = `${timeline}/${host}`;
    const known = this.#streams.get(name) ?? {
      sequence: 0,
      chain: firstLink(timeline, host),
      since: place.from,
      at: place.from,
    };
    const segmentId = String(1_771_466_400_000 + known.sequence);
    if (changes.length > 0) {
      const ofKeys = Map.groupBy(changes, ({ key }) => Buffer.from(key).toString('hex'));
      const { pieces } = await shipPiece(
        this.#bucket,
        {
          timeline,
          hostId: host,
          segmentId,
          sequence: known.sequence + 1,
          previous: known.chain,
          coveredFrom: formatInstant(known.at),
          coveredTo: formatInstant(place.to),
        },
        [...ofKeys.values()].map(mutationOf),
      );
      known.sequence += 1;
      known.chain = pieces.at(-1)?.chain ?? known.chain;
    }
    known.at = place.to;
    this.#streams.set(name, known);
    const watermark = watermarkDocument.body.parse({
      timeline,
      hostId: host,
      node: `node-${host.at(-1)}`,
      at: formatInstant(known.at),
      since: formatInstant(known.since),
      sequence: known.sequence,
      chain: known.chain,
    });
    await this.#bucket.put(watermarkKey(timeline, host), watermarkDocument.write(watermark));
  }
}

/** The changes have one key; those of several tables are updates of one mutation. */
function mutationOf(changes: readonly StoredChange[]): Uint8Array {
  const updates = [...Map.groupBy(changes, ({ table }) => table)].map(([name, rows]) => {
    const table = tables.find((each) => each.table === name);
    if (table === undefined) throw new TypeError(`there is no table ${name}`);
    const layout = new TableLayout(table);
    const valueName = Buffer.from('value');
    const laid = layout.column(valueName, 0, valueName.length);
    if (laid === undefined) throw new TypeError('the table has no values');
    const base = Math.min(...rows.map(({ at }) => at));
    return {
      layout,
      key: Buffer.from(rows[0]?.key ?? []),
      body: {
        base: { timestamp: base, localDeletionTime: Math.floor(base / 1_000_000), ttl: 0 },
        staticColumns: [],
        columns: [laid],
        deletion: undefined,
        staticRow: undefined,
        rowEstimate: rows.length,
        items: rows
          .toSorted((a, b) => Buffer.compare(Buffer.from(a.column ?? []), Buffer.from(b.column ?? [])))
          .map(({ column, value, at }) => ({
            kind: 'row' as const,
            clustering: [Buffer.from(column ?? [])],
            liveness: value === undefined ? undefined : { at, expiry: undefined },
            deletion: value === undefined ? { at, localTime: Math.floor(at / 1_000_000) } : undefined,
            shadowable: false,
            columns:
              value === undefined
                ? []
                : [
                    {
                      column: laid,
                      deletion: undefined,
                      cells: [
                        { at, deletedAt: undefined, expiry: undefined, path: undefined, value: Buffer.from(value) },
                      ],
                    },
                  ],
          })),
      },
    };
  });
  return encodeMutation({ updates });
}
