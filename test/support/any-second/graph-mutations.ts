import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { entriesOf } from '../../../src/commitlog/entries.ts';
import { decodeMutation } from '../../../src/commitlog/mutation-reader.ts';
import type { Mutation, WriteTime } from '../../../src/commitlog/mutation.ts';
import { wholeSections } from '../../../src/commitlog/section-chain.ts';
import { readSegmentHeader } from '../../../src/commitlog/segment-header.ts';
import { isSystemKeyspace } from '../../../src/commitlog/system-tables.ts';
import { commitSlot } from '../../../src/model/commit-slot.ts';
import { type Micros, micros } from '../../../src/model/instant.ts';
import type { LoggedTable } from '../../../src/model/log-schema.ts';
import type { KeptNode } from './history.ts';

/** A mutation of the graph’s data: the transactions in it by their slots, sorted. One, as JanusGraph writes; several, as read repair does. */
export interface GraphMutation {
  readonly node: string;
  readonly table: string;
  readonly slots: readonly Micros[];
}

/** Every such mutation in the kept segments. */
export function mergedMutations(
  nodes: readonly Pick<KeptNode, 'name' | 'segments'>[],
  schema: ReadonlyMap<string, LoggedTable>,
): readonly GraphMutation[] {
  return graphMutations(nodes, schema).filter(({ slots }) => slots.length > 1);
}

/** What nodes were told about the graph's data. Locks and id claims carry times of their own and are left aside. */
export function graphMutations(
  nodes: readonly Pick<KeptNode, 'name' | 'segments'>[],
  schema: ReadonlyMap<string, LoggedTable>,
): readonly GraphMutation[] {
  return nodes.flatMap(({ name: node, segments }) =>
    readdirSync(segments).flatMap((file) =>
      [...mutationsOf(join(segments, file), schema)].flatMap(({ updates }) => {
        const tables = ['edgestore', 'graphindex'];
        const own = updates.filter(({ table }) => tables.includes(table.table));
        const slots = [...new Set(own.flatMap((update) => timesOf({ updates: [update] })).map(slotOf))].sort(
          (a, b) => a - b,
        );
        return slots.length === 0 ? [] : [{ node, table: own[0]?.table.table ?? '', slots }];
      }),
    ),
  );
}

function* mutationsOf(file: string, schema: ReadonlyMap<string, LoggedTable>): Generator<Mutation> {
  const bytes = readFileSync(file);
  const header = readSegmentHeader(bytes);
  for (const { from, to } of wholeSections(bytes.subarray(header.length), header, header.length)) {
    for (const entry of entriesOf(bytes.subarray(from, to), header)) {
      const first = schema.get(tableIdOf(entry));
      if (first === undefined || isSystemKeyspace(first.keyspace)) continue;
      yield decodeMutation(entry, header.version, schema);
    }
  }
}

/** Of the mutation's first update, after a count that is below 128. */
function tableIdOf(entry: Uint8Array): string {
  const hex = Buffer.from(entry.subarray(1, 17)).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function timesOf({ updates }: Mutation): WriteTime[] {
  return updates.flatMap(({ partitionDeletion, rows, rangeTombstones }) =>
    [
      partitionDeletion,
      ...rangeTombstones.map(({ at }) => at),
      ...rows.flatMap(({ liveness, deletion, cells, complexDeletions }) => [
        liveness,
        deletion,
        ...cells.map(({ at }) => at),
        ...complexDeletions.map(({ at }) => at),
      ]),
    ].filter((at) => at !== undefined),
  );
}

function slotOf(at: WriteTime): Micros {
  return commitSlot(micros(Number(at)));
}
