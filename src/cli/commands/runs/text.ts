import type { RunSummary } from '../../../journal/runs.ts';
import { formatSeconds } from '../../../model/duration.ts';
import { noPaint, type Paint } from '../../terminal/output.ts';
import { age } from '../points/text.ts';
import { runWord } from '../../runs/run-text.ts';
import { table } from '../../terminal/table.ts';

/** Runs for people, in the given order. */
export function runsText(runs: readonly RunSummary[], now: Date, paint: Paint = noPaint): string {
  if (runs.length === 0) return 'No runs.';
  return table(
    runs,
    [
      { title: 'RUN', cell: (run) => run.run },
      { title: 'ENVIRONMENT', cell: (run) => (run.status === 'damaged' ? '' : run.environment) },
      { title: 'STATUS', cell: (run) => (run.status === 'damaged' ? paint('red', 'DAMAGED') : runWord(run, paint)) },
      { title: 'AGE', right: true, cell: (run) => (run.status === 'damaged' ? '' : age(run.startedAt, now)) },
      { title: 'TOOK', right: true, cell: (run) => took(run) },
      { title: 'BY', cell: (run) => (run.status === 'damaged' ? '' : `${run.actor.name}@${run.actor.host}`) },
      { title: 'WHY', cell: (run) => (run.status === 'damaged' ? run.why : (run.problem?.happened ?? '')) },
    ],
    paint,
  );
}

function took(run: RunSummary): string {
  return run.status === 'damaged' || run.seconds === undefined ? '' : formatSeconds(run.seconds);
}
