import type { ReportProgress } from '../model/progress.ts';
import type { Fingerprint } from '../model/restore-point.ts';
import type { Clock } from '../ports/clock.ts';
import type { Database } from '../ports/database.ts';
import type { GraphService } from '../ports/graph-service.ts';
import type { Finding, Suspicion } from './invariants/finding.ts';
import { FingerprintSum, isOfUsers, isVertexOfUsers } from './fingerprint.ts';
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
  readonly progress?: ReportProgress;
  readonly signal?: AbortSignal;
}

export interface CheckResult {
  readonly ok: boolean;
  readonly fingerprint: Fingerprint;
  /** At most `listedFindings`; `findingCount` is how many there are. */
  readonly findings: readonly Finding[];
  readonly findingCount: number;
  /** Vertices, edges and properties. */
  readonly elements: number;
  readonly seconds: number;
}

export const listedFindings = 200;
/** A transaction writes its rows and then its index documents: within this time it has finished, or it never will. */
const settleMs = 2000;
const lookedAtTogether = 16;

/**
 * Checks everything that must hold in a sound graph and takes its fingerprint, in one pass over the rows and memory that does not grow
 * with the graph; a second pass only where something differs. On a graph that is being written to, what differs is looked at again after
 * a while and reported only if it still does; the fingerprint is then of no one instant. Reads at LOCAL_QUORUM. Throws RetryableProblem
 * `database-unreachable` or `graph-unreachable`; findings are a result, not an error.
 */
export async function checkGraph(options: CheckOptions): Promise<CheckResult> {
  const { database, graph, keyspace, clock } = options;
  const started = clock.monotonic();
  const schema = await readSchema(database, keyspace);
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const context: CheckContext = { database, graph, keyspace, schema, clock, scan: signal };
  const invariants = await everyInvariant(context, {
    liveInstances: options.liveInstances ?? connectedInstance(graph),
    mixedIndexes: options.indexBackend !== undefined,
  });

  const sum = new FingerprintSum(schema);
  const scan: ScanOptions = {
    ...signal,
    onPart: (done, total) => {
      // How many there will be is known by what the parts so far held: the partitioner spreads rows evenly.
      const likely = Math.round((sum.elements * total) / done);
      options.progress?.({ done: sum.elements, total: likely, unit: 'items', label: 'elements' });
    },
  };
  const observers = [fingerprintObserver(sum), ...invariants.map((invariant) => invariant.observer)];
  await scanGraph(context, schema, rowObserver(schema, observers), scan);

  const compared = await Promise.all(invariants.map(async (invariant) => invariant.compare?.()));
  const second = compared.filter((observer) => observer !== undefined);
  if (second.length > 0) await scanGraph(context, schema, rowObserver(schema, second), signal);
  const suspicions = (await Promise.all(invariants.map((invariant) => invariant.suspicions()))).flat();
  const findings = await persisting(suspicions, clock, options.signal);
  return {
    ok: findings.length === 0,
    fingerprint: sum.result(),
    findings: findings.slice(0, listedFindings),
    findingCount: findings.length,
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

/** What still stands after a while, in a stable order. */
async function persisting(
  suspicions: readonly Suspicion[],
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<readonly Finding[]> {
  if (suspicions.length === 0) return [];
  await clock.sleep(settleMs, signal);
  const found: Finding[] = [];
  for (let at = 0; at < suspicions.length; at += lookedAtTogether) {
    signal?.throwIfAborted();
    const batch = suspicions.slice(at, at + lookedAtTogether);
    const answers = await Promise.all(batch.map((suspicion) => suspicion.again()));
    found.push(...answers.filter((answer) => answer !== undefined));
  }
  const order = (finding: Finding): string => `${finding.kind} ${finding.element} ${finding.detail}`;
  return found.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}
