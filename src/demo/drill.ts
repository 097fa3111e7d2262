import { milliseconds } from '../model/duration.ts';
import { checksOf } from './drill-checks.ts';
import type { DrillFacts, RecoveredFacts } from './drill-facts.ts';
import type { Drill, DrillObjective, Recovery } from './drill-document.ts';
import { objectionsTo } from './verdict.ts';

/** Concludes a drill from its facts. Pure. */
export function drillOf(facts: DrillFacts): Drill {
  const { point, instant, undo, backup, rehearsal } = facts;
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
    application: facts.application,
    shipping: { ...facts.lag, looks: facts.looks },
    badJob: facts.badJob,
    disaster: facts.disaster,
    window: facts.window,
    recoveries: [recoveryOf('instant', instant), recoveryOf('undo', undo)],
    lost: {
      acknowledged: facts.lost.length,
      promised: facts.lost.filter(({ promised }) => promised).length,
      ages: facts.lost.slice(0, 100).map(({ age }) => age),
    },
    timelines: [...facts.timelines],
    checks: checksOf(facts),
    objectives: objectivesOf(facts),
    runs: [backup, rehearsal, instant.run, undo.run, ...facts.decisions].sort((a, b) =>
      a.startedAt < b.startedAt ? -1 : 1,
    ),
    phases: [...facts.phases],
  };
  return { ...drill, ok: objectionsTo(drill).length === 0 };
}

function recoveryOf(
  id: Recovery['id'],
  { timeline, to, excluded, incomplete, secondsFromKill, run, proof }: RecoveredFacts,
): Recovery {
  const { expected, restored, missing, unexpected, changed, split, transactions } = proof;
  return {
    id,
    timeline,
    to,
    excluded,
    incomplete,
    run: run.id,
    secondsFromKill,
    expected,
    restored,
    missing: missing.length,
    unexpected: unexpected.length,
    changed: changed.length,
    examples: [...missing, ...unexpected, ...changed].slice(0, 20),
    transactions,
    split: split.length,
  };
}

/** Our own, beyond what was asked for. Seconds. */
const ownRpo = 2;

function objectivesOf({ objectives, lag, instant, backup }: DrillFacts): DrillObjective[] {
  const against = (name: string, target: number, measured: number, note: string): DrillObjective => ({
    name,
    target,
    measured,
    state: measured <= target ? 'met' : 'missed',
    note,
  });
  const promised = (objective: string): number => milliseconds(objective) / 1000;
  const watched = `${lag.transactions.toLocaleString('en')} transactions`;
  return [
    against('RPO', promised(objectives.rpo), lag.worst, `worst of ${watched}`),
    against('RPO, p99', ownRpo, lag.p99, `our own objective; median ${lag.p50.toFixed(2)} s`),
    against('RTO', promised(objectives.rto), instant.secondsFromKill, 'from the kill to the verified graph'),
    against('Restore', promised(objectives.restore), instant.run.seconds, 'from the first to the last check'),
    against('Backup', promised(objectives.backup), backup.seconds, 'under load, for this graph'),
  ];
}
