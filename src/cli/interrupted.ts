import { faultMessage } from '../model/fault-message.ts';
import { FailedProblem, Problem } from '../model/problem.ts';
import type { Interruption, StopSignal } from './terminal/interrupt.ts';

/**
 * The problem of a command that was told to stop and then threw this. Undefined when the stop is not the reason: a refusal or wrong use says
 * itself that nothing was changed. Everything else counts as its consequence, since what is torn off halfway fails in many ways; what was
 * thrown is then named, unless it is the stop itself.
 */
export function interruptedProblem(
  thrown: unknown,
  stop: { readonly command: string; readonly by: StopSignal; readonly meaning: Interruption },
): FailedProblem | undefined {
  const itself = isAbort(thrown);
  if (!itself && thrown instanceof Problem && thrown.kind !== 'failed' && thrown.kind !== 'retryable') return undefined;
  return new FailedProblem({
    code: 'interrupted',
    happened: `\`cardea ${stop.command}\` was stopped by ${names[stop.by]}.`,
    state: stop.meaning.state,
    next: stop.meaning.next,
    details: itself ? [] : [`What it was doing ended so: ${firstLine(thrown)}`],
    cause: thrown,
  });
}

const names: Record<StopSignal, string> = {
  SIGINT: 'Ctrl-C',
  SIGTERM: 'SIGTERM',
  SIGHUP: 'SIGHUP: its terminal was closed',
};

/** An abort, or an error that names one as its cause, as those of Node, execa and the SDKs do. */
function isAbort(thrown: unknown): boolean {
  for (let each = thrown; each instanceof Error; each = each.cause) {
    if (each.name === 'AbortError') return true;
  }
  return false;
}

function firstLine(thrown: unknown): string {
  const [line = ''] = faultMessage(thrown).split('\n');
  return line;
}
