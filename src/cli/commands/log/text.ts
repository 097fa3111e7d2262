import type { DumpedSection } from '../../../commitlog/log-dump.ts';
import { makerOfVersion } from '../../../commitlog/log-version.ts';
import type { SegmentHeader } from '../../../commitlog/segment-header.ts';
import { formatBytes } from '../../../model/bytes.ts';
import { formatInstant, micros } from '../../../model/instant.ts';
import { table } from '../../terminal/table.ts';

interface TableSummary {
  readonly name: string;
  updates: number;
  operations: number;
  bytes: number;
}

/** What one segment holds, in numbers. */
export class SegmentSummary {
  readonly segment: string;
  readonly header: SegmentHeader;
  readonly bytes: number;
  sections = 0;
  mutations = 0;
  plain = 0;
  /** Where its last section ends. */
  end: number;
  /** Of all write times that a clock can have told, microseconds. */
  first: number | undefined;
  last: number | undefined;
  readonly tables = new Map<string, TableSummary>();

  constructor(segment: string, header: SegmentHeader, bytes: number) {
    this.segment = segment;
    this.header = header;
    this.bytes = bytes;
    this.end = header.length;
  }

  add({ mutations, plain, to }: DumpedSection): void {
    this.sections += 1;
    this.mutations += mutations.length;
    this.plain += plain;
    this.end = to;
    for (const updates of mutations) {
      for (const { keyspace, table: name, tableId, offset, end, operations } of updates) {
        const called = keyspace === null || name === null ? `table ${tableId}` : `${keyspace}.${name}`;
        const of = this.tables.get(called) ?? { name: called, updates: 0, operations: 0, bytes: 0 };
        of.updates += 1;
        of.operations += operations.length;
        // Those of one mutation share its bytes.
        of.bytes += Math.round((end - offset) / updates.length);
        this.tables.set(called, of);
        for (const { at } of operations) this.#notes(Number(at));
      }
    }
  }

  #notes(at: number): void {
    // `USING TIMESTAMP` writes anything; what is no time of this or the last century says nothing of when it was written.
    if (at < 946_684_800e6 || at > 4_102_444_800e6) return;
    if (this.first === undefined || at < this.first) this.first = at;
    if (this.last === undefined || at > this.last) this.last = at;
  }
}

export function segmentText(summary: SegmentSummary, withSchema: boolean): string {
  const { segment, header, bytes, sections, mutations, plain, end, first, last } = summary;
  const form = header.compression ?? 'not compressed';
  const maker = makerOfVersion(header.version);
  const times = first === undefined || last === undefined ? 'none' : `${instant(first)} to ${instant(last)}`;
  const facts = [
    ['format', `version ${header.version}${maker === undefined ? '' : ` (${maker})`}, ${form}, id ${header.id}`],
    ['size', `${formatBytes(bytes)}; its chain of sections ends at ${end}`],
    ['holds', `${sections} sections, ${mutations} mutations, ${formatBytes(plain)} not compressed`],
    ['written', times],
  ];
  const rows = [...summary.tables.values()].toSorted((a, b) => b.bytes - a.bytes);
  const tables = table(rows, [
    { title: 'TABLE', cell: ({ name }) => name },
    { title: 'UPDATES', right: true, cell: ({ updates }) => String(updates) },
    { title: 'OPERATIONS', right: true, cell: ({ operations }) => (withSchema ? String(operations) : '') },
    { title: 'BYTES', right: true, cell: ({ bytes: own }) => formatBytes(own) },
  ]);
  return [
    segment,
    ...facts.map(([name = '', value = '']) => `  ${name.padEnd(8)} ${value}`),
    ...(rows.length === 0 ? [] : [tables]),
    ...(withSchema ? [] : ['Without --schema only the tables and keys of mutations are told.']),
  ].join('\n');
}

function instant(at: number): string {
  return formatInstant(micros(at));
}
