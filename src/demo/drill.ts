import type { EnvironmentConfig } from '../model/config.ts';
import { milliseconds } from '../model/duration.ts';
import type { Fingerprint, RestorePoint } from '../model/restore-point.ts';
import type { Drill, DrillCheck, DrillObjective, DrillRun, LabelCount } from './drill-document.ts';
import type { LogComparison } from './logged-transactions.ts';
import { objectionsTo } from './verdict.ts';

/** What was seen and measured during a drill, before anything is concluded from it. */
export interface DrillFacts
  extends Pick<
    Drill,
    'id' | 'environment' | 'startedAt' | 'seconds' | 'actor' | 'cardea' | 'store' | 'disaster' | 'lost' | 'phases'
  > {
  readonly objectives: EnvironmentConfig['objectives'];
  /** As its document stood after the rehearsal. */
  readonly point: RestorePoint;
  /** After the disaster; absent when nothing answered. */
  readonly fingerprintAtDisaster?: Fingerprint;
  /** The check after the restore: a finding is one line of text; of many only some are listed. */
  readonly check: {
    readonly fingerprint: Fingerprint;
    readonly elements: number;
    readonly findings: readonly string[];
    readonly findingCount: number;
  };
  /** Of the accounts that the bad job dropped, how many a look-up by key found afterwards, and how many after the restore. */
  readonly accounts: { readonly afterDrop: number; readonly afterRestore: number };
  /** After the restore. */
  readonly againstLog: LogComparison;
  readonly nodesUp: number;
  readonly runs: {
    readonly backup: DrillRun;
    readonly rehearse: DrillRun;
    readonly restore: DrillRun;
    readonly accept: DrillRun;
  };
  /** Seconds from the kill to the end of the restore's verification. */
  readonly outage: number;
}

/** Concludes a drill from its facts. Pure. */
export function drillOf(facts: DrillFacts): Drill {
  const { point, check, runs } = facts;
  const before = point.fingerprint ?? emptyFingerprint;
  const drill = {
    id: facts.id,
    environment: facts.environment,
    startedAt: facts.startedAt,
    seconds: facts.seconds,
    actor: facts.actor,
    cardea: facts.cardea,
    cassandra: point.cassandraVersion,
    nodes: point.nodes.length,
    store: facts.store,
    point: {
      id: point.id,
      takenAt: point.takenAt,
      cut: point.cut,
      proof: point.proof,
      bytes: point.bytes,
      run: point.run,
    },
    disaster: facts.disaster,
    lost: facts.lost,
    counts: countsOf(before, facts.fingerprintAtDisaster, check.fingerprint),
    fingerprint: { before, after: check.fingerprint },
    checks: checksOf(facts, before),
    objectives: objectivesOf(facts),
    runs: [runs.backup, runs.rehearse, runs.restore, runs.accept],
    phases: [...facts.phases],
  };
  return { ...drill, ok: objectionsTo(drill).length === 0 };
}

/** A point without a fingerprint can be equal to nothing. */
const emptyFingerprint: Fingerprint = {
  vertices: 0,
  edges: 0,
  properties: 0,
  vertexLabels: {},
  edgeLabels: {},
  propertyKeys: {},
  hash: '0'.repeat(64),
};

function countsOf(before: Fingerprint, disaster: Fingerprint | undefined, after: Fingerprint): LabelCount[] {
  const rows = (of: LabelCount['of'], pick: (each: Fingerprint) => Readonly<Record<string, number>>): LabelCount[] =>
    [...new Set([before, after].flatMap((each) => Object.keys(pick(each))))].sort().map((label) => ({
      of,
      label,
      before: pick(before)[label] ?? 0,
      ...(disaster === undefined ? {} : { disaster: pick(disaster)[label] ?? 0 }),
      after: pick(after)[label] ?? 0,
    }));
  return [...rows('vertices', (each) => each.vertexLabels), ...rows('edges', (each) => each.edgeLabels)];
}

function checksOf(facts: DrillFacts, before: Fingerprint): DrillCheck[] {
  const { accounts, againstLog, check, disaster, point, runs } = facts;
  const { vertices: dropped } = disaster.dropped;
  const looks = ['start-database', 'verify'].filter((id) => succeeded(runs.rehearse, id)).length;
  const after = check.fingerprint;
  return [
    {
      id: 'disaster',
      title: 'The disaster was real.',
      ok: accounts.afterDrop === 0 && dropped > 0 && disaster.wipedBytes > 0,
      observed: `${whole(dropped - accounts.afterDrop)} of ${whole(dropped)} accounts gone, ${disaster.node} dead and its disk empty`,
    },
    {
      id: 'fingerprint',
      title: 'The fingerprint is the one recorded with the point.',
      ok: point.fingerprint !== undefined && before.hash === after.hash,
      observed: `${whole(before.vertices)} → ${whole(after.vertices)} vertices, ${whole(before.edges)} → ${whole(after.edges)} edges`,
    },
    {
      id: 'invariants',
      title: 'Every invariant of the graph holds: edges from both ends, indexes, ids, instances.',
      ok: check.findingCount === 0 && check.elements > 0,
      observed: withFirst(
        `${whole(check.elements)} elements read, ${whole(check.findingCount)} findings`,
        check.findings,
      ),
    },
    {
      id: 'accounts',
      title: 'Every dropped account is there again.',
      ok: accounts.afterRestore === dropped,
      observed: `${whole(accounts.afterRestore)} of ${whole(dropped)} found by key`,
    },
    {
      id: 'log',
      title: "By the application's own log, every transaction before the point is there, and none after it.",
      ok: againstLog.missing.length === 0 && againstLog.unexpected.length === 0 && againstLog.before > 0,
      observed: withFirst(
        `${whole(againstLog.before - againstLog.missing.length)} of ${whole(againstLog.before)} before, ${whole(againstLog.unexpected.length)} of ${whole(againstLog.after)} after`,
        [...againstLog.missing, ...againstLog.unexpected],
      ),
    },
    {
      id: 'rehearsed',
      title: 'The point was proven before it was needed, and the rehearsal never touched the live ring.',
      ok: point.proof === 'proven' && looks === 2,
      observed: `${point.proof}; looked for connections ${looks === 2 ? 'twice, found none' : `${looks} of 2 times`}`,
    },
    {
      id: 'ring',
      title: 'Every node is up again, on one schema.',
      ok: facts.nodesUp === point.nodes.length,
      observed: `${facts.nodesUp} of ${point.nodes.length} nodes`,
    },
  ];
}

function objectivesOf({ objectives, outage, runs, lost }: DrillFacts): DrillObjective[] {
  const timed = (name: string, objective: string, measured: number, note: string): DrillObjective => {
    const target = milliseconds(objective) / 1000;
    return { name, target, measured, state: measured <= target ? 'met' : 'missed', note };
  };
  const rpo = timed('RPO', objectives.rpo, lost.seconds, 'a daily backup alone loses up to 24 hours');
  return [
    timed('RTO', objectives.rto, outage, 'from the kill to the verified graph'),
    timed('Restore', objectives.restore, runs.restore.seconds, 'from the first check to the last'),
    timed('Backup', objectives.backup, runs.backup.seconds, 'checked in the store; for this graph, not for 500 GB'),
    rpo.state === 'met' ? { ...rpo, state: 'not-guaranteed' } : rpo,
  ];
}

function succeeded(run: DrillRun, step: string): boolean {
  return run.steps.some(({ id, status }) => id === step && status === 'succeeded');
}

function withFirst(text: string, lines: readonly string[]): string {
  const [first] = lines;
  return first === undefined ? text : `${text}; the first: ${first}`;
}

function whole(value: number): string {
  return value.toLocaleString('en');
}
