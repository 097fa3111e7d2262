import { z } from 'zod';

/** Identifiers sort by time and are readable; a branded type keeps one kind from standing in for another. */

/** `dev`, `staging`, `prod`, `local`: lower case, a DNS label, because it names namespaces, folders and object prefixes. So do names of copies. */
export const environmentText = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, 'an environment name is a DNS label: lower-case letters, digits and dashes');
export const environmentName = environmentText.brand<'EnvironmentName'>();

/** `backup-20260219-020000-k3f9`: runbook, UTC second, four random characters so that two runs of one second differ. */
export const runId = z
  .string()
  .regex(/^[a-z][a-z0-9-]*-\d{8}-\d{6}-[a-z0-9]{4}$/, 'a run id looks like RUNBOOK-YYYYMMDD-HHMMSS-xxxx')
  .brand<'RunId'>();
export type RunId = z.infer<typeof runId>;

/** `backup-20260219-020000`: the UTC second of the backup, as `aws s3 ls` shows it. */
export const pointId = z
  .string()
  .regex(/^backup-\d{8}-\d{6}$/, 'the id of a restore point looks like backup-YYYYMMDD-HHMMSS')
  .brand<'PointId'>();

export const timelineId = z
  .string()
  .regex(/^t\d{4}$/, 'the id of a timeline looks like t0001')
  .brand<'TimelineId'>();

/** Id of a step inside its runbook: kebab-case, at most 40 characters so that it fits a Tekton task name. */
export const stepId = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'a step id is kebab-case, at most 40 characters');

/** `20260219-020000` for an instant in UTC. */
export function compactSecond(at: Date): string {
  const iso = at.toISOString();
  return `${iso.slice(0, 10).replaceAll('-', '')}-${iso.slice(11, 19).replaceAll(':', '')}`;
}
