import type { Drill, Recovery } from './drill-document.ts';

/** Everything of a drill that speaks against it, one line each; empty means that all came back. */
export type Objection = string;

/**
 * Judges a drill from its measurements alone: `ok` of the record is not asked, so a record that claims more than it shows does not
 * pass. Times that miss an objective do not make a drill fail: what it proves is that the data came back. Pure.
 */
export function objectionsTo(drill: Omit<Drill, 'ok'>): readonly Objection[] {
  const { lost, point, recoveries } = drill;
  return [
    ...drill.checks.filter((check) => !check.ok).map((check) => `${check.title}: ${check.observed}`),
    ...(['instant', 'undo'] as const)
      .filter((id) => !recoveries.some((each) => each.id === id))
      .map((id) => `${recoveryTitles[id]} was never tried`),
    ...recoveries.flatMap(objectionsToRecovery),
    ...(lost.promised === 0 ? [] : [`${lost.promised} transactions are lost although they were in the log`]),
    ...drill.runs.filter((run) => run.status !== 'succeeded').map((run) => `${run.title} (${run.id}) ${run.status}`),
    ...(point.proof === 'proven' ? [] : [`the restore point was ${point.proof}, not proven, when it was used`]),
  ];
}

export const recoveryTitles: Readonly<Record<Recovery['id'], string>> = {
  instant: 'The restore to the instant before the bad job',
  undo: 'The restore of everything except the bad job',
};

function objectionsToRecovery(recovery: Recovery): readonly Objection[] {
  const { id, expected, restored, missing, unexpected, changed, split, examples } = recovery;
  const title = recoveryTitles[id];
  const differing = missing + unexpected + changed;
  return [
    ...(differing === 0
      ? []
      : [
          `${title}: ${missing} elements are missing, ${unexpected} are unexpected, ${changed} are changed: ${examples.slice(0, 5).join(', ')}`,
        ]),
    ...(differing === 0 && expected.sha256 !== restored.sha256
      ? [`${title}: the fingerprint of the graph differs from the expected one`]
      : []),
    ...labelObjections(title, expected.vertexLabels, restored.vertexLabels),
    ...labelObjections(title, expected.edgeLabels, restored.edgeLabels),
    ...(split === 0 ? [] : [`${title}: ${split} transactions were restored only in part`]),
    ...(restored.vertices > 0 ? [] : [`${title}: the graph is empty`]),
  ];
}

function labelObjections(
  title: string,
  expected: Readonly<Record<string, number>>,
  restored: Readonly<Record<string, number>>,
): readonly Objection[] {
  return [...new Set([...Object.keys(expected), ...Object.keys(restored)])]
    .sort()
    .filter((label) => expected[label] !== restored[label])
    .map(
      (label) => `${title}: ${restored[label] ?? 0} elements labelled "${label}" instead of ${expected[label] ?? 0}`,
    );
}
