import type { RunSummary } from '../../../journal/runs.ts';
import { basesEvery, dueSince } from '../../../model/backup-due.ts';
import type { EnvironmentConfig } from '../../../model/config.ts';
import type { RingMember } from '../../../model/database-node.ts';
import { formatSeconds, milliseconds } from '../../../model/duration.ts';
import type { Problem } from '../../../model/problem.ts';
import type { RestoreRecord } from '../../../model/restore-record.ts';
import { type RestorePoint, snapshotEnd } from '../../../model/restore-point.ts';
import type { WindowReport } from '../../../model/window.ts';
import { resumeCommand } from '../../../runbook/resume-command.ts';
import type { ResumeWay } from '../../runs/resume-way.ts';
import type { DamagedPoint } from '../../../runbooks/catalog/point-catalog.ts';
import { isMoot, type UndecidedRestore, wayOn } from '../../runs/undecided-restore.ts';
import type { NewestRestore } from '../../../runbooks/recovery/newest-restore.ts';
import { age, measuredRestore, pointAge } from '../points/text.ts';
import { rtoVerdict } from './rto.ts';

/** The facts about one environment; a Problem where a fact could not be read. */
export interface StatusFacts {
  readonly environment: string;
  readonly config: EnvironmentConfig;
  readonly now: Date;
  /** Names and addresses of the nodes it should have. */
  readonly nodes: ReadonlyArray<{ readonly name: string; readonly address: string }>;
  readonly ring: readonly RingMember[] | Problem;
  readonly store: { readonly description: string } | Problem;
  /** Agents remember another bucket than this. */
  readonly stranger?: Problem | undefined;
  /** Newest first. */
  readonly points: readonly RestorePoint[];
  /** Points whose documents cannot be read. */
  readonly damaged?: readonly DamagedPoint[];
  /** Points of a history that a restore or an undo has left: none of them proves that the present one can be restored. */
  readonly left?: ReadonlySet<string>;
  readonly undecided: readonly UndecidedRestore[];
  /** Runs whose outcome another run has decided: nobody carries them on. */
  readonly decided: ReadonlyMap<string, RestoreRecord>;
  /** A restore that was given up with the data half in place, while nothing was restored since. */
  readonly givenUp?: RestoreRecord | undefined;
  /** A restore or a revert that was left after it had stopped servers: nothing else begins before it ends. */
  readonly leftRun?: string | undefined;
  /** Records of restores that cannot be read, a sentence each. */
  readonly damagedRecords?: readonly string[];
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  /** How each interrupted one is carried on from this machine. */
  readonly ways: ReadonlyMap<string, ResumeWay>;
  /** What the newest good point recorded of its graph; `fresh`: how many of the findings were new then, and accepted by nobody. */
  readonly findings?: { readonly of: string; readonly all: number; readonly fresh: number } | undefined;
  /** From the newest good point on; undefined when there is none. */
  readonly window: WindowReport | Problem | undefined;
  /** What a restore of everything would take now; undefined when there is nothing to restore. */
  readonly restores?: NewestRestore | Problem | undefined;
}

export type Level = 'good' | 'warning' | 'bad' | 'unknown';

export interface Signal {
  readonly name: 'nodes' | 'store' | 'backup' | 'rpo' | 'rto' | 'proof' | 'graph' | 'runs' | 'decisions' | 'horizon';
  readonly level: Level;
  readonly says: string;
  /** What to do about it. */
  readonly next?: string;
}

export interface EnvironmentStatus {
  readonly environment: string;
  /** The worst of the signals. */
  readonly level: Level;
  readonly signals: readonly Signal[];
}

/** The status of one environment. Pure. */
export function environmentStatus(facts: StatusFacts): EnvironmentStatus {
  const fromBucket = isProblem(facts.store)
    ? []
    : [
        backupSignal(facts),
        rpoSignal(facts),
        rtoSignal(facts),
        proofSignal(facts),
        ...graphSignals(facts),
        ...runSignals(facts),
        ...decisionSignals(facts),
        horizonSignal(facts),
      ];
  const signals = [nodesSignal(facts), storeSignal(facts), ...fromBucket];
  return { environment: facts.environment, level: worst(signals.map((signal) => signal.level)), signals };
}

const order: readonly Level[] = ['good', 'unknown', 'warning', 'bad'];

export function worst(levels: readonly Level[]): Level {
  return levels.reduce<Level>((a, b) => (order.indexOf(b) > order.indexOf(a) ? b : a), 'good');
}

function nodesSignal({ environment, nodes, ring }: StatusFacts): Signal {
  if (isProblem(ring)) return { name: 'nodes', level: 'bad', says: ring.happened, next: ring.next };
  const up = new Set(ring.filter((member) => member.up).map((member) => member.address));
  const down = nodes.filter((node) => !up.has(node.address));
  const says = `${nodes.length - down.length} of ${nodes.length} up`;
  if (down.length === 0) return { name: 'nodes', level: 'good', says };
  const names = down.map((node) => `${node.name} (${node.address})`).join(', ');
  return { name: 'nodes', level: 'bad', says: `${says}; down: ${names}`, next: `cardea doctor ${environment}` };
}

function storeSignal({ store, stranger }: StatusFacts): Signal {
  if (isProblem(store)) return { name: 'store', level: 'bad', says: store.happened, next: store.next };
  if (stranger !== undefined) return { name: 'store', level: 'bad', says: stranger.happened, next: stranger.next };
  return { name: 'store', level: 'good', says: store.description };
}

/** A backup is late after its scheduled time, and missed when its objective has also passed. */
function backupSignal({ environment, config, now, points, damaged = [] }: StatusFacts): Signal {
  const next = `cardea backup ${environment}`;
  const [broken] = damaged;
  if (broken !== undefined) {
    const others = damaged.length > 1 ? ` (and ${damaged.length - 1} more)` : '';
    return { name: 'backup', level: 'bad', says: `${broken.id} is DAMAGED${others}: ${broken.failure}`, next };
  }
  const last = points.find((point) => point.proof !== 'failed');
  const newest = points[0];
  if (last === undefined) {
    return { name: 'backup', level: 'bad', says: newest === undefined ? 'none yet' : 'every backup failed', next };
  }
  const about = `${last.id}, ${pointAge(last, now)} ago, ${last.proof}, ${last.cut}`;
  if (newest?.proof === 'failed') {
    return {
      name: 'backup',
      level: 'bad',
      says: `the newest FAILED (${newest.failure ?? newest.id}); the last good one is ${about}`,
      next,
    };
  }
  const due = duesOf(config, last, now).toSorted((one, other) => one.getTime() - other.getTime())[0];
  if (due === undefined) return { name: 'backup', level: 'good', says: about };
  const late = now.getTime() - due.getTime();
  const missed = late > milliseconds(config.objectives.backup);
  const says = `${about}; ${missed ? 'missed' : 'due since'} ${due.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return { name: 'backup', level: missed ? 'bad' : 'warning', says, next };
}

/** Since when backups are due, by the schedule and by the time between bases. */
function duesOf({ backup: { schedule, bases } }: EnvironmentConfig, last: RestorePoint, now: Date): readonly Date[] {
  const scheduled = dueSince(schedule, last, now);
  const base = bases === undefined ? undefined : new Date(snapshotEnd(last) + milliseconds(basesEvery(bases)));
  return [scheduled, base].flatMap((due) => (due !== undefined && due.getTime() <= now.getTime() ? [due] : []));
}

/** What a disaster at this moment would lose. */
function rpoSignal(facts: StatusFacts): Signal {
  const { environment, config, window } = facts;
  const stopped = window === undefined || isProblem(window) ? [] : window.streams.filter((each) => each.stopped);
  const next = stopped.length === 0 ? `cardea window ${environment}` : startsShipping(facts);
  const objective = config.objectives.rpo;
  if (!config.backup.log.ship) {
    return {
      name: 'rpo',
      level: 'warning',
      says: 'the log is not shipped: everything since the last backup would be lost',
    };
  }
  if (window === undefined) return { name: 'rpo', level: 'unknown', says: 'nothing to restore yet' };
  if (isProblem(window)) return { name: 'rpo', level: 'unknown', says: window.happened, next };
  const { rpoSeconds, newest, warnings, streams } = window;
  if (rpoSeconds === null || newest === null) {
    const why = window.bases[0]?.why ?? 'no instant after the last backup can be restored to';
    return { name: 'rpo', level: 'bad', says: `everything since the last backup would be lost: ${why}`, next };
  }
  const says = `${formatSeconds(rpoSeconds)} would be lost (objective ${objective}); complete up to ${newest}`;
  if (rpoSeconds > milliseconds(objective) / 1000) return { name: 'rpo', level: 'bad', says, next };
  if (stopped.length > 0) {
    const names = stopped.map(({ node }) => node).join(', ');
    return { name: 'rpo', level: 'warning', says: `${says}; the log of ${names} is not shipped`, next };
  }
  const troubled = streams.filter(({ problems }) => problems.length > 0).map(({ node }) => node);
  if (troubled.length > 0) {
    return { name: 'rpo', level: 'warning', says: `${says}; problems with the log of ${troubled.join(', ')}`, next };
  }
  const [stuck] = warnings.filter((line) => line.startsWith('Nothing later') || line.startsWith("Writers' clocks"));
  return stuck === undefined
    ? { name: 'rpo', level: 'good', says }
    : { name: 'rpo', level: 'warning', says: stuck, next };
}

/** What makes a stream go on that has stopped. A restore that is unfinished comes first: until then nothing is shipped. */
function startsShipping({ environment, undecided, runs }: StatusFacts): string {
  const unfinished = undecided.map(wayOn).find(({ kind }) => kind !== 'waits');
  const moving = runs.find((run) => run.status === 'running' && movers.has(run.runbook));
  if (unfinished !== undefined) return unfinished.next;
  return moving === undefined ? `cardea ship ${environment}` : `cardea run show ${moving.run} --follow`;
}

/** How long the environment would be gone after a disaster at this moment. */
function rtoSignal({ environment, config, restores }: StatusFacts): Signal {
  return { name: 'rto', ...rtoVerdict(restores, { environment, rto: config.objectives.rto }) };
}

function proofSignal({ environment, now, points, left = new Set() }: StatusFacts): Signal {
  const next = `cardea rehearse ${environment}`;
  const proven = points.find((point) => point.proof === 'proven' && !left.has(point.id));
  if (proven === undefined) {
    const whose = points.some(({ proof }) => proof === 'proven') ? 'no point of the present history' : 'no point';
    const says = points.length === 0 ? 'nothing to prove yet' : `${whose} was ever restored and opened`;
    return { name: 'proof', level: points.length === 0 ? 'unknown' : 'warning', says, next };
  }
  const measured = formatSeconds(measuredRestore(proven) ?? 0);
  return {
    name: 'proof',
    level: 'good',
    says: `${proven.id}, ${pointAge(proven, now)} old, restored in ${measured}`,
  };
}

/** Damage of the graph itself, as the newest good backup recorded it: what everybody knows is no signal. */
function graphSignals({ environment, findings }: StatusFacts): readonly Signal[] {
  if (findings === undefined || findings.fresh === 0) return [];
  const known = findings.all > findings.fresh ? `, beside ${findings.all - findings.fresh} that are known` : '';
  const says = `${findings.of} recorded ${findings.fresh} new ${findings.fresh === 1 ? 'finding' : 'findings'} in the graph${known}`;
  return [{ name: 'graph', level: 'warning', says, next: `cardea check ${environment}` }];
}

/** Only the newest run of each kind counts: a later success repairs an earlier failure. */
function runSignals({ environment, runs: all, ways, undecided, decided, leftRun }: StatusFacts): readonly Signal[] {
  // Undecided restores have a signal of their own.
  const told = new Set(undecided.flatMap(({ record, decider }) => [record.run as string, decider?.run]));
  const left = leftRun === undefined || told.has(leftRun) ? undefined : leftRun;
  const runs = all
    .filter((run) => !told.has(run.run) && (run.status === 'damaged' || !isMoot(run, decided)))
    // What was interrupted beside that one can be carried on when it has ended.
    .filter((run) => left === undefined || run.status !== 'interrupted' || !movers.has(run.runbook));
  const newest = new Map<string, RunSummary>();
  for (const run of runs) {
    if (!newest.has(kindOf(run)) && !saysNothing(run)) newest.set(kindOf(run), run);
  }
  const [first] = undecided;
  const signals = [...newest.values()].flatMap((run) =>
    runSignal(run, { environment, undecided: first, way: ways.get(run.run) }),
  );
  if (left !== undefined) {
    const way = ways.get(left);
    const says = [`${left} was interrupted after it had stopped servers`, ...notesOf(way)].join('; ');
    return [{ name: 'runs', level: 'bad', says, next: carriesOn(left, way, environment) }, ...signals];
  }
  if (signals.length > 0) return signals;
  return [{ name: 'runs', level: 'good', says: newest.size === 0 ? 'none yet' : 'the last of each kind succeeded' }];
}

/**
 * A damaged journal always counts, and so does an interrupted run on a copy: its copy runs and its point is kept until
 * it ends, whatever others of its runbook have done since.
 */
export function kindOf(run: RunSummary): string {
  if (run.status === 'damaged') return run.run;
  return run.status === 'interrupted' && run.copy !== undefined ? run.run : run.runbook;
}

/** A restore, revert or accept that was refused or cancelled says nothing of what one before it has left. */
function saysNothing(run: RunSummary): boolean {
  return (
    run.status !== 'damaged' && movers.has(run.runbook) && (run.status === 'refused' || run.status === 'cancelled')
  );
}

/** What moves data is not resumed while a restore is undecided: that one comes first. */
const movers = new Set(['restore', 'revert', 'accept']);

function runSignal(
  run: RunSummary,
  {
    environment,
    undecided,
    way,
  }: {
    readonly environment: string;
    readonly undecided: UndecidedRestore | undefined;
    readonly way: ResumeWay | undefined;
  },
): readonly Signal[] {
  const say = (level: Level, says: string, next: string): readonly Signal[] => [{ name: 'runs', level, says, next }];
  switch (run.status) {
    case 'damaged':
      return say('bad', run.why, `cardea audit ${environment}`);
    case 'failed':
      return say('bad', `${run.run} FAILED: ${run.problem?.happened ?? ''}`, `cardea run show ${run.run}`);
    case 'refused':
      // A person who was refused a restore was told so; a backup or a rehearsal is refused while nobody is watching.
      if (run.runbook !== 'backup' && run.runbook !== 'rehearse') return [];
      return say('warning', `${run.run} was refused: ${run.problem?.happened ?? ''}`, `cardea run show ${run.run}`);
    case 'interrupted':
      return undecided !== undefined && movers.has(run.runbook)
        ? say('warning', `${run.run} was interrupted; ${undecided.record.run} comes first`, wayOn(undecided).next)
        : say(
            'warning',
            [
              `${run.run} was interrupted`,
              ...(run.copy === undefined ? [] : [`its copy ${run.copy} and its point are kept until it ends`]),
              ...notesOf(way),
            ].join('; '),
            carriesOn(run.run, way, environment),
          );
    case 'running':
      return [{ name: 'runs', level: 'good', says: `${run.run} is running` }];
    case 'cancelled':
    case 'succeeded':
      return [];
  }
}

function carriesOn(run: string, way: ResumeWay | undefined, environment: string): string {
  return (way === undefined ? resumeCommand(run) : way.command) ?? `cardea audit ${environment}`;
}

function notesOf(way: ResumeWay | undefined): readonly string[] {
  return [
    ...(way?.cancels === true ? ['its cancel was asked for, and the command ends it as cancelled'] : []),
    ...(way?.doubt === undefined ? [] : [way.doubt]),
  ];
}

function decisionSignals({
  environment,
  now,
  undecided,
  givenUp,
  damagedRecords = [],
}: StatusFacts): readonly Signal[] {
  const toRestore: readonly Signal[] =
    givenUp === undefined
      ? []
      : [
          {
            name: 'decisions',
            level: 'bad',
            says: `${givenUp.run} was given up with the data half in place: ${environment} must be restored`,
            next: `cardea points ${environment}`,
          },
        ];
  const damaged = damagedRecords.map((damage): Signal => {
    const says = `${damage} What the journals and the nodes say of that restore counts.`;
    return { name: 'decisions', level: 'warning', says, next: `cardea audit ${environment}` };
  });
  return [...toRestore, ...undecided.map((restore) => decisionSignal(restore, now)), ...damaged];
}

function decisionSignal(restore: UndecidedRestore, now: Date): Signal {
  const { run, point, startedAt } = restore.record;
  const { kind, says, next } = wayOn(restore);
  const about = `${run} (${point === undefined ? '' : `to ${point}, `}${age(startedAt, now)} ago) ${says}`;
  switch (kind) {
    case 'goes-on':
      return { name: 'decisions', level: 'good', says: about };
    case 'broken':
      return { name: 'decisions', level: 'bad', says: about, next };
    case 'waits':
      return {
        name: 'decisions',
        level: 'warning',
        says: `${about}; until then the old data takes disk space`,
        next,
      };
  }
}

function horizonSignal({ config, now, points }: StatusFacts): Signal {
  const oldest = points.findLast((point) => point.proof === 'checked' || point.proof === 'proven');
  const rule = `backups are kept for ${config.backup.retention.keep}, at least ${config.backup.retention.atLeast} of them`;
  if (oldest === undefined) return { name: 'horizon', level: 'unknown', says: `nothing to restore yet; ${rule}` };
  const since = new Date(snapshotEnd(oldest)).toISOString();
  return {
    name: 'horizon',
    level: 'good',
    says: `back to ${since.slice(0, 16).replace('T', ' ')} UTC (${pointAge(oldest, now)}); ${rule}`,
  };
}

function isProblem(value: object): value is Problem {
  return value instanceof Error;
}
