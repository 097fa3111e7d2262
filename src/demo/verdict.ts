import { fingerprintDifferences } from '../model/fingerprint-difference.ts';
import type { Drill } from './drill-document.ts';

/** Everything of a drill that speaks against it, one line each; empty means that all came back. */
export type Objection = string;

/**
 * Judges a drill from its measurements alone: `ok` of the record is not asked, so a record that claims more than it shows does not
 * pass. Times that miss an objective do not make a drill fail: what it proves is that the data came back. Pure.
 */
export function objectionsTo(drill: Omit<Drill, 'ok'>): readonly Objection[] {
  return [
    ...drill.checks.filter((check) => !check.ok).map((check) => `${check.title}: ${check.observed}`),
    ...fingerprintDifferences(drill.fingerprint.before, drill.fingerprint.after),
    ...drill.counts
      .filter((row) => row.before !== row.after)
      .map((row) => `${row.of} labelled "${row.label}": ${row.before} before, ${row.after} after the restore`),
    ...drill.runs.filter((run) => run.status !== 'succeeded').map((run) => `${run.title} (${run.id}) ${run.status}`),
    ...(drill.point.proof === 'proven'
      ? []
      : [`the restore point was ${drill.point.proof}, not proven, when it was used`]),
  ];
}
