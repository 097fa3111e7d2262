import { fileAuditSigner } from '../../../adapters/system/audit-key.ts';
import { systemProcesses } from '../../../adapters/system/processes.ts';
import type { Performance, Stage } from '../../../demo/stage.ts';
import { formatSeconds } from '../../../model/duration.ts';
import { FailedProblem } from '../../../model/problem.ts';
import type { ReportProgress } from '../../../model/progress.ts';
import type { Runbook } from '../../../runbook/define.ts';
import { type RunOutcome, startRun } from '../../../runbook/engine.ts';
import { acceptedParams } from '../../../runbook/params.ts';
import { planOf } from '../../../runbook/plan.ts';
import type { RunbookServices } from '../../../runbooks/index.ts';
import type { CliContext } from '../../context.ts';
import { planText } from '../../runs/plan-text.ts';
import { openLiveRunView } from '../../runs/live-run-view.ts';
import { transactionsText } from '../transactions/text.ts';
import { windowText } from '../window/text.ts';
import { workLine } from '../../terminal/work-line.ts';

/**
 * The demo's stage on a terminal, or line by line without one. Everything goes to standard error. `objective`: the
 * environment's RPO.
 */
export function demoStage(context: CliContext, auditKey: string, objective: string): Stage {
  const { output, flags, clock, ids, actor, signal } = context;
  const paint = output.paintNote;
  let chapters = 0;

  const said = (text: string) => {
    output.note(text.replaceAll(/^(?=.)/gm, '  '));
  };

  return {
    chapter(title) {
      chapters += 1;
      output.note(`\n${paint('bold', `${chapters}  ${title}`)}`);
    },
    say(line) {
      said(wrapped(line, Math.min(output.columns, 110) - 3));
    },
    async during<T>(title: string, work: (progress: ReportProgress) => Promise<T>): Promise<T> {
      const from = clock.monotonic();
      const line = await workLine(output, title, clock, flags.quiet);
      try {
        const result = await work(line.report);
        line.end();
        said(`${paint('green', '✔')} ${title}  ${paint('dim', formatSeconds(clock.monotonic() - from))}`);
        return result;
      } catch (error) {
        line.end();
        said(`${paint('red', '✖')} ${title}  ${paint('dim', formatSeconds(clock.monotonic() - from))}`);
        throw error;
      }
    },
    window({ environment, now }, report) {
      said(windowText(report, { environment, now, objective }, paint));
    },
    transactions(environment, found, range) {
      said(transactionsText(environment, found, range, paint));
    },
    plan(runbook, environment, params) {
      said(planText(planOf(runbook, params, environment), paint));
    },
    async carryOut<P>(runbook: Runbook<P, RunbookServices>, performance: Performance): Promise<RunOutcome> {
      const { environment, params, services, confirmed } = performance;
      const view = await openLiveRunView(output, runbook.steps, () => clock.now(), flags.quiet);
      try {
        const outcome = await startRun(
          {
            store: services.platform.bucket,
            clock,
            ids,
            actor,
            processes: systemProcesses(),
            signer: await fileAuditSigner(auditKey, environment),
            onEvent(event) {
              performance.onEvent?.(event);
              view.event(event);
            },
            onProgress: (step, progress) => view.progress(step, progress),
          },
          runbook,
          {
            environment,
            params: acceptedParams(runbook, params),
            services,
            signal,
            ...(confirmed === undefined ? {} : { confirmed }),
          },
        );
        if (outcome.status === 'succeeded') return outcome;
        throw outcome.problem ?? notFinished(outcome);
      } finally {
        view.end();
      }
    },
  };
}

/** Breaks prose between words. A word that is longer than the width stands alone. */
function wrapped(text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

function notFinished({ run, status }: RunOutcome): FailedProblem {
  return new FailedProblem({
    code: 'demo-run-failed',
    happened: `Run ${run} ended as ${status}.`,
    state: 'The demo cannot continue.',
    next: 'Run ./cardea demo again.',
  });
}
