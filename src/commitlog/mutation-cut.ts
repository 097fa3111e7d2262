import type { LoggedTable } from '../model/log-schema.ts';
import { FailedProblem } from '../model/problem.ts';
import type { CutRule } from './cut-rule.ts';
import { firstTableOf } from './mutation-glance.ts';
import { isAllLater, readMutation } from './mutation-reader.ts';
import { encodeMutation } from './mutation-writer.ts';
import { isOfCore } from './log-version.ts';
import { refuseUnreadable } from './segment-header.ts';
import { cutDecoded, type Treatment } from './cut-decoded.ts';
import { isSystemKeyspace, isSystemTable } from './system-tables.ts';
import type { StoredMutation } from './stored-mutation.ts';
import { type TableIndex, tableIndexOf, type TableLayout } from './table-layout.ts';
import { FastCutScan, type Verdict } from './fast-cut.ts';

export type { CutRule } from './cut-rule.ts';

/** Mutations by what the cut did with them. */
export interface CutCounts {
  /** Kept as they are. */
  whole: number;
  /** Kept in part. */
  cut: number;
  /** Left out: written later than the last kept time, or at an excluded one. */
  dropped: number;
  /** Left out with their table. */
  omitted: number;
  /** Left out because another node holds the key. */
  foreign: number;
}

export function noCounts(): CutCounts {
  return { whole: 0, cut: 0, dropped: 0, omitted: 0, foreign: 0 };
}

/**
 * The part of a mutation that comes back: the same array when that is all of it, undefined when it is nothing. `schema` are the tables by
 * id that it may have been written under. Throws FailedProblem `log-version-unknown`, `log-table-unknown`, `log-damaged`, `log-not-understood`.
 */
export function cutMutation(
  bytes: Uint8Array,
  version: number,
  schema: ReadonlyMap<string, LoggedTable>,
  keep: CutRule,
): Uint8Array | undefined {
  refuseUnreadable({ version, encrypted: false });
  return new MutationCut(schema, keep).of(version).cut(bytes);
}

/** A cut by one rule under one schema, made once for many mutations; `of` gives that of each version of the log, with the same counts. */
export class MutationCut {
  readonly counts: CutCounts;
  readonly #schema: ReadonlyMap<string, LoggedTable>;
  readonly #version: number;
  #other: MutationCut | undefined;
  readonly #rule: CutRule;
  readonly #tables: TableIndex;
  readonly #treatments = new Map<TableLayout, Treatment>();
  readonly #scan: FastCutScan;

  constructor(schema: ReadonlyMap<string, LoggedTable>, rule: CutRule, counts: CutCounts = noCounts(), version = 8) {
    this.#schema = schema;
    this.#version = version;
    this.#rule = rule;
    this.counts = counts;
    this.#tables = tableIndexOf(schema, version);
    this.#scan = new FastCutScan(this.#tables, rule, (layout) => this.#treatmentOf(layout));
  }

  of(version: number): MutationCut {
    if (isOfCore(version) === isOfCore(this.#version)) return this;
    return (this.#other ??= new MutationCut(this.#schema, this.#rule, this.counts, version));
  }

  /** As `cutMutation`. */
  cut(bytes: Uint8Array): Uint8Array | undefined {
    const verdict = this.judge(bytes, 0, bytes.length);
    if (verdict === 'unsure') return this.takeApart(bytes);
    return verdict === 'whole' ? bytes : undefined;
  }

  /** What the scan says of the mutation at `bytes[from..to)`, counted unless it is `unsure`. */
  judge(bytes: Uint8Array, from: number, to: number): Verdict {
    const verdict = this.#scan.judge(bytes, from, to);
    if (verdict === 'whole') this.counts.whole += 1;
    else if (verdict === 'none') this.counts.dropped += 1;
    else if (verdict !== 'unsure') this.counts[verdict] += 1;
    return verdict;
  }

  /** What comes back of a mutation that the scan is unsure about. */
  takeApart(bytes: Uint8Array): Uint8Array | undefined {
    if (isOfSystem(bytes)) {
      this.counts.omitted += 1;
      return undefined;
    }
    const stored = this.#read(bytes);
    if (stored === undefined) {
      this.counts.dropped += 1;
      return undefined;
    }
    const { ownsToken } = this.#rule;
    const key = stored.updates[0]?.key;
    if (ownsToken !== undefined && key !== undefined && !ownsToken(key)) {
      this.counts.foreign += 1;
      return undefined;
    }
    const cut = cutDecoded(stored, this.#rule, (layout) => this.#treatmentOf(layout));
    if (cut === stored) {
      this.counts.whole += 1;
      return bytes;
    }
    // What is not understood to the last byte is not rewritten.
    if (Buffer.compare(encodeMutation(stored), bytes) !== 0) throw notUnderstood(stored.updates[0]?.layout);
    this.counts[cut === undefined ? this.#whyNothing(stored.updates) : 'cut'] += 1;
    return cut === undefined ? undefined : encodeMutation(cut);
  }

  /** Undefined for one that no schema tells of, and that was written after all that is kept: see `isAllLater`. */
  #read(bytes: Uint8Array): StoredMutation | undefined {
    try {
      return readMutation(bytes, this.#tables);
    } catch (thrown) {
      if (!(thrown instanceof FailedProblem) || thrown.code !== 'log-table-unknown') throw thrown;
      if (!isAllLater(bytes, this.#tables, this.#rule)) throw thrown;
      return undefined;
    }
  }

  #whyNothing(updates: ReadonlyArray<{ readonly layout: TableLayout }>): 'omitted' | 'dropped' {
    return updates.every(({ layout }) => this.#treatmentOf(layout) === 'omitted') ? 'omitted' : 'dropped';
  }

  #treatmentOf(layout: TableLayout): Treatment {
    const known = this.#treatments.get(layout);
    if (known !== undefined) return known;
    const { keyspace, id } = layout.table;
    const treatment =
      isSystemKeyspace(keyspace) || this.#rule.omitted.has(id) ? 'omitted' : this.#rule.uncut.has(id) ? 'uncut' : 'cut';
    this.#treatments.set(layout, treatment);
    return treatment;
  }
}

/** Works even if the schema lacks Cassandra's own tables. */
function isOfSystem(bytes: Uint8Array): boolean {
  const table = firstTableOf(bytes);
  return table !== undefined && isSystemTable(table);
}

function notUnderstood(layout: TableLayout | undefined): FailedProblem {
  const { keyspace = '?', table = '?' } = layout?.table ?? {};
  return new FailedProblem({
    code: 'log-not-understood',
    happened: `A mutation of ${keyspace}.${table} must be cut, but Cardea cannot write the rest back byte for byte.`,
    state: 'Nothing was replayed.',
    next: 'Choose another instant, or restore to a restore point. Report this as a defect of Cardea.',
  });
}
