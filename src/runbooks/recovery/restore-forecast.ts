import { reportSlot, type SlotReport } from '../../graph/transactions/slot-report.ts';
import { cutAfter } from '../../model/commit-slot.ts';
import { type Micros, formatInstant, instantOf, micros } from '../../model/instant.ts';
import { Problem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';
import type { BaseChoice } from './choose-base.ts';
import { planLogs } from './plan-logs.ts';
import type { RecoveryFacts } from './recovery-facts.ts';
import { knownSchema, storedSchema } from '../catalog/schema-catalog.ts';
import { slotsIn } from './transaction-search.ts';
import { computeWindow } from './window.ts';

/** What a restore to an instant replays and what it leaves behind, before anything is done. */
export interface Forecast {
  readonly base: string;
  readonly timeline: string;
  readonly instant: string;
  /** The last write time that is restored: an odd microsecond, as in the log. */
  readonly cut: Micros;
  /** Everything acknowledged up to here is in the store; null when nothing can be said. */
  readonly newest: string | null;
  readonly settled: string | null;
  /** The last instant of which the log of any node says anything; later than `newest` where what is between cannot be restored. */
  readonly shipped: string | null;
  /** Seconds from the instant to `shipped`: what is left behind on the old timeline. */
  readonly leftSeconds: number | null;
  readonly replay: { readonly bytes: number; readonly objects: number; readonly streams: number };
  readonly left: LeftBehind;
}

/** The transactions after the instant, as far as they were counted. */
export interface LeftBehind {
  readonly transactions: number;
  /** False when there were too many to count: then every number is a lower bound. */
  readonly counted: boolean;
  /** By label. */
  readonly verticesAdded: Tally;
  readonly verticesRemoved: Tally;
  readonly edgesAdded: Tally;
  readonly edgesRemoved: Tally;
  /** Cells by table. */
  readonly tables: Tally;
  /** Why nothing was counted. */
  readonly unknown?: string;
}
type Tally = Readonly<Record<string, number>>;

/** `withinMs`: how long to count the later transactions at most. Never throws because they cannot be counted. */
export async function forecastOf(
  platform: Platform,
  facts: RecoveryFacts,
  choice: BaseChoice,
  { withinMs, signal }: { readonly withinMs: number; readonly signal: AbortSignal },
): Promise<Forecast> {
  const plan = planLogs(facts, choice, { idsKnown: true });
  const streams = plan.strands.flatMap((strand) => strand.streams);
  const objects = streams.flatMap((stream) => stream.objects);
  const { newest, settled } = computeWindow(facts, choice.timeline);
  const cut = cutAfter(choice.instant);
  const shipped = shippedUntil(facts, choice.timeline, newest);
  return {
    base: choice.point.id,
    timeline: choice.timeline,
    instant: formatInstant(choice.instant),
    cut,
    newest,
    settled,
    shipped: shipped === undefined ? null : formatInstant(shipped),
    leftSeconds: shipped === undefined ? null : Math.max(0, (shipped - choice.instant) / 1_000_000),
    replay: {
      bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0),
      objects: objects.length,
      streams: streams.length,
    },
    left: await leftBehind(platform, choice, cut, { withinMs, settleMargin: facts.limits.settleMargin, signal }),
  };
}

/** While everything is well, nodes ship a moment apart: then `newest` stands for all of them. */
function shippedUntil({ catalog, limits }: RecoveryFacts, timeline: string, newest: string | null): Micros | undefined {
  const streams = catalog.logs.get(timeline)?.streams ?? [];
  const last = Math.max(...streams.map(({ covered }) => covered.at(-1)?.to ?? 0), 0);
  if (newest === null) return last === 0 ? undefined : micros(last);
  return last > instantOf(newest) + limits.settleMargin ? micros(last) : instantOf(newest);
}

async function leftBehind(
  platform: Platform,
  { timeline, instant }: BaseChoice,
  cut: Micros,
  {
    withinMs,
    settleMargin,
    signal,
  }: { readonly withinMs: number; readonly settleMargin: number; readonly signal: AbortSignal },
): Promise<LeftBehind> {
  const sums = {
    verticesAdded: {} as Record<string, number>,
    verticesRemoved: {} as Record<string, number>,
    edgesAdded: {} as Record<string, number>,
    edgesRemoved: {} as Record<string, number>,
    tables: {} as Record<string, number>,
  };
  let transactions = 0;
  const enough = AbortSignal.timeout(withinMs);
  try {
    // The bucket first: after a disaster, asking the database would only take time.
    const known = (await storedSchema(platform.bucket, instant)) ?? (await knownSchema(platform, instant));
    const range = { from: micros(cut + 2), to: undefined, timeline, settleMargin };
    for await (const groups of slotsIn(platform, known, range, { signal })) {
      if (enough.aborted) return { transactions, counted: false, ...sums };
      const report = reportSlot(known.schema, groups, known.shapes, 0);
      transactions += 1;
      addReport(sums, report);
    }
    return { transactions, counted: true, ...sums };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Problem)) throw error;
    // Nothing was written after the instant, or it cannot be read: neither prevents a restore.
    if (error.code === 'no-log-there') return { transactions: 0, counted: true, ...sums };
    return { transactions, counted: false, ...sums, unknown: error.happened };
  }
}

function addReport(
  sums: Record<'verticesAdded' | 'verticesRemoved' | 'edgesAdded' | 'edgesRemoved' | 'tables', Record<string, number>>,
  { vertices, edges, tables }: SlotReport,
): void {
  add(sums.verticesAdded, vertices.added.by);
  add(sums.verticesRemoved, vertices.removed.by);
  add(sums.edgesAdded, edges.added.by);
  add(sums.edgesRemoved, edges.removed.by);
  add(sums.tables, tables);
}

function add(sum: Record<string, number>, more: Tally): void {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count;
}
