import type { ReportProgress } from '../model/progress.ts';
import type { Fingerprint } from '../model/restore-point.ts';
import type { Clock } from '../ports/clock.ts';
import type { Database } from '../ports/database.ts';
import type { GraphService } from '../ports/graph-service.ts';
import type { Finding, FindingKind, Found, Suspicion } from './invariants/finding.ts';
import { CarriedValues, type Carried } from './carried-values.ts';
import { FingerprintSum, isOfUsers, isVertexOfUsers } from './fingerprint.ts';
import { requireSupportedForm } from './global-settings.ts';
import { everyInvariant } from './invariants/index.ts';
import { rowObserver, type CheckContext, type GraphObserver } from './invariants/invariant.ts';
import { connectedInstance, type LiveInstances } from './invariants/registrations.ts';
import { scanGraph, type ScanOptions } from './scan.ts';
import { readSchema } from './schema.ts';

export interface CheckOptions {
  readonly database: Database;
  readonly graph: GraphService;
  readonly keyspace: string;
  /** Name of the mixed index backend; undefined when the graph has none. */
  readonly indexBackend: string | undefined;
  readonly clock: Clock;
  /** Names of the JanusGraph instances that run; by default what the connected server calls itself. */
  readonly liveInstances?: LiveInstances;
  /** Why a finding is no new fault; undefined for one that is. By default every finding is new. */
  readonly known?: (found: Found) => string | undefined;
  readonly progress?: ReportProgress;
  readonly signal?: AbortSignal;
}

export interface CheckResult {
  /** Nothing new was found. */
  readonly ok: boolean;
  readonly fingerprint: Fingerprint;
  /** The new ones. At most `listedFindings`; `findingCount` is how many there are. */
  readonly findings: readonly Finding[];
  readonly findingCount: number;
  /** Those that were known, or are no fault; as many at most. */
  readonly known: readonly KnownFinding[];
  readonly knownCount: number;
  /** The new ones, at most `recordedFindings`. */
  readonly allNew: readonly Finding[];
  /** All of them, at most `recordedFindings`, and how many of each kind there are. */
  readonly all: readonly Finding[];
  readonly counts: Readonly<Partial<Record<FindingKind, number>>>;
  /** What was carried without being understood. */
  readonly carried: readonly Carried[];
  /** Vertices, edges and properties. */
  readonly elements: number;
  readonly seconds: number;
}

export interface KnownFinding extends Finding {
  readonly why: string;
}

export const listedFindings = 200;
/** As many as a baseline names. */
export const recordedFindings = 50_000;
/** A transaction writes its rows and then its index documents: within this time it has finished, or it never will. */
const settleMs = 2000;
const lookedAtTogether = 16;

/**
 * Checks everything that must hold in a sound graph and takes its fingerprint, in one pass over the rows and memory that does not grow
 * with the graph; a second pass only where something differs. On a graph that is being written to, what differs is looked at again after
 * a while and reported only if it still does; the fingerprint is then of no one instant. Reads at LOCAL_QUORUM. Throws RetryableProblem
 * `database-unreachable` or `graph-unreachable`, RefusedProblem `graph-form-unsupported`; findings are a result, not an error.
 */
export async function checkGraph(options: CheckOptions): Promise<CheckResult> {
  const { database, graph, keyspace, clock } = options;
  const started = clock.monotonic();
  const schema = await readSchema(database, keyspace);
  requireSupportedForm(schema);
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const context: CheckContext = { database, graph, keyspace, schema, clock, scan: signal };
  const invariants = await everyInvariant(context, {
    liveInstances: options.liveInstances ?? connectedInstance(graph),
    mixedIndexes: options.indexBackend !== undefined,
  });

  const sum = new FingerprintSum(schema);
  const carried = new CarriedValues(schema);
  const scan: ScanOptions = {
    ...signal,
    onPart: (done, total) => {
      // How many there will be is known by what the parts so far held: the partitioner spreads rows evenly.
      const likely = Math.round((sum.elements * total) / done);
      options.progress?.({ done: sum.elements, total: likely, unit: 'items', label: 'elements' });
    },
  };
  const observers = [fingerprintObserver(sum), carried.observer, ...invariants.map((invariant) => invariant.observer)];
  await scanGraph(context, schema, rowObserver(schema, observers), scan);

  const compared = await Promise.all(invariants.map(async (invariant) => invariant.compare?.()));
  const second = compared.filter((observer) => observer !== undefined);
  if (second.length > 0) await scanGraph(context, schema, rowObserver(schema, second), signal);
  const suspicions = (await Promise.all(invariants.map((invariant) => invariant.suspicions()))).flat();
  const found = await persisting(suspicions, clock, options.signal);
  const beyond = invariants.flatMap((invariant) => [...(invariant.beyond?.() ?? [])]);
  const judged = found.map((each) => ({ ...each, why: each.passedOver ?? options.known?.(each) }));
  const fresh = judged.filter(({ why }) => why === undefined);
  const known = judged.flatMap(({ finding, why }) => (why === undefined ? [] : [{ ...finding, why }]));
  // What was only counted was never compared with anything.
  const findingCount = fresh.length + beyond.reduce((total, [, count]) => total + count, 0);
  return {
    ok: findingCount === 0,
    fingerprint: sum.result(),
    findings: fresh.slice(0, listedFindings).map(({ finding }) => finding),
    findingCount,
    known: known.slice(0, listedFindings),
    knownCount: known.length,
    allNew: fresh.slice(0, recordedFindings).map(({ finding }) => finding),
    all: found.slice(0, recordedFindings).map(({ finding }) => finding),
    counts: countsOf([...found.map(({ finding }) => [finding.kind, 1] as const), ...beyond]),
    carried: carried.result(),
    elements: sum.elements,
    seconds: clock.monotonic() - started,
  };
}

function fingerprintObserver(sum: FingerprintSum): GraphObserver {
  return {
    property(vertex, relation) {
      if (isOfUsers(vertex, relation)) sum.property(vertex, relation);
    },
    edge(vertex, relation, text) {
      if (relation.direction === 'out' && isOfUsers(vertex, relation)) sum.edge(relation, text);
    },
    vertexEnd(vertex) {
      if (isVertexOfUsers(vertex)) sum.vertex(vertex);
    },
  };
}

function countsOf(parts: ReadonlyArray<readonly [FindingKind, number]>): Partial<Record<FindingKind, number>> {
  const counts: Partial<Record<FindingKind, number>> = {};
  for (const [kind, count] of parts) counts[kind] = (counts[kind] ?? 0) + count;
  return counts;
}

/** What still stands after a while, in a stable order. */
async function persisting(
  suspicions: readonly Suspicion[],
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<readonly Found[]> {
  if (suspicions.length === 0) return [];
  await clock.sleep(settleMs, signal);
  const found: Found[] = [];
  for (let at = 0; at < suspicions.length; at += lookedAtTogether) {
    signal?.throwIfAborted();
    const batch = suspicions.slice(at, at + lookedAtTogether);
    const answers = await Promise.all(batch.map((suspicion) => suspicion.again()));
    for (const answer of answers) {
      if (answer === undefined) continue;
      const times = answer.times.texts();
      found.push({ ...answer, finding: times.length === 0 ? answer.finding : { ...answer.finding, times } });
    }
  }
  const order = (finding: Finding): string => `${finding.kind} ${finding.element} ${finding.detail}`;
  return once(found.sort((a, b) => (order(a.finding) < order(b.finding) ? -1 : 1)));
}

/** A row whose every cell tells of the same thing is one finding. */
function once(sorted: readonly Found[]): readonly Found[] {
  return sorted.filter(({ finding }, at) => {
    const before = sorted[at - 1]?.finding;
    return before?.kind !== finding.kind || before.element !== finding.element || before.detail !== finding.detail;
  });
}
