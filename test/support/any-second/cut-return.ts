import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CutCounts, MutationCut, noCounts } from '../../../src/commitlog/cut.ts';
import { entriesOf } from '../../../src/commitlog/entries.ts';
import { wholeSections } from '../../../src/commitlog/section-chain.ts';
import { readSegmentHeader } from '../../../src/commitlog/segment-header.ts';
import { SegmentWriter } from '../../../src/commitlog/segment-writer.ts';
import { cutAfter } from '../../../src/model/commit-slot.ts';
import type { Micros } from '../../../src/model/instant.ts';
import type { LoggedTable } from '../../../src/model/log-schema.ts';
import type { KeptNode } from './history.ts';
import type { LogReturn } from './replay-ring.ts';

/** Cardea's cut alone, of the whole segments of all nodes to each of them: neither shipping nor the agent's job take part. */
export function cutReturn(
  nodes: readonly KeptNode[],
  schema: ReadonlyMap<string, LoggedTable>,
  instant: Micros,
  counts: CutCounts = noCounts(),
): LogReturn {
  const idsOf = (wanted: (table: string) => boolean) =>
    new Set([...schema.values()].filter(({ table }) => wanted(table)).map(({ id }) => id));
  const rule = {
    lastKept: cutAfter(instant),
    exclusions: new Set<number>(),
    uncut: idsOf((table) => table === 'janusgraph_ids'),
    omitted: idsOf((table) => table.endsWith('_lock_')),
  };
  return {
    place(_node, commitlog) {
      const cut = new MutationCut(schema, rule, counts);
      let writer: SegmentWriter | undefined;
      const write = (parts: readonly Uint8Array[]) => {
        for (const part of parts) appendFileSync(join(commitlog, writer?.fileName ?? ''), part);
      };
      for (const file of nodes.flatMap(({ segments }) => readdirSync(segments).map((name) => join(segments, name)))) {
        const bytes = readFileSync(file);
        const header = readSegmentHeader(bytes);
        const body = bytes.subarray(header.length);
        for (const { from, to } of wholeSections(body, header, header.length)) {
          for (const mutation of entriesOf(bytes.subarray(from, to), header)) {
            const kept = cut.cut(mutation);
            if (kept === undefined) continue;
            writer ??= new SegmentWriter(header.version, BigInt(Date.now()));
            if (!writer.add(kept)) throw new TypeError('the kept mutations do not fit one segment');
          }
        }
      }
      if (writer !== undefined) write(writer.finish());
      return Promise.resolve();
    },
  };
}
