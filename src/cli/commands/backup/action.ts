import { backupDue, type BackupDue } from '../../../model/backup-due.ts';
import { surveyOwnPoints } from '../../../runbooks/catalog/point-catalog.ts';
import { listTimelines } from '../../../runbooks/catalog/timeline-catalog.ts';
import { backupRunbook } from '../../../runbooks/index.ts';
import { leftBehind } from '../../../runbooks/recovery/present-history.ts';
import { readNewestFacts } from '../../../runbooks/recovery/recovery-facts.ts';
import { computeWindow } from '../../../runbooks/recovery/window.ts';
import type { RunbookServices } from '../../../runbooks/services.ts';
import type { Action } from '../../command.ts';
import type { CliContext } from '../../context.ts';
import { operate } from '../../runs/operation.ts';
import { backupReport } from '../../runs/run-report.ts';
import type { backup } from './declaration.ts';

export const action: Action<typeof backup> = async (context, input) => {
  const { name } = await context.environment(input.env);
  const due = input.whenDue ? await dueNow(context, name) : undefined;
  if (due?.due === false) return { json: due, text: `No backup of ${name} is due: ${due.why}.` };
  if (due !== undefined && !context.flags.json) context.output.note(`A backup of ${name} is due: ${due.why}.`);
  return operate(context, {
    environment: name,
    runbook: backupRunbook,
    params: { mode: input.mode, cut: input.quiesced ? 'quiesced' : 'fuzzy' },
    done: async (ended) => {
      const report = await backupReport(context, name, ended);
      return due === undefined ? report : { ...report, json: { ...report.json, ...due } };
    },
  });
};

async function dueNow(context: CliContext, name: string): Promise<BackupDue> {
  const { config } = await context.environment(name);
  const platform = await context.platform(name);
  const { clock } = context;
  const { points } = await surveyOwnPoints(platform.bucket, name);
  const left = leftBehind(await listTimelines(platform.bucket));
  return backupDue({
    points,
    isLeft: (point) => left(point) !== undefined,
    schedule: config.backup.schedule,
    bases: config.backup.bases,
    wanted: await wantedBase({ platform, config, clock }),
    now: clock.now(),
  });
}

async function wantedBase(services: RunbookServices): Promise<string | null> {
  if (!services.config.backup.log.ship) return null;
  const facts = await readNewestFacts(services);
  return facts === undefined ? null : computeWindow(facts).baseWanted;
}
