import { z } from 'zod';
import { isDiskFull } from './disk-full.ts';
import { faultMessage } from './fault-message.ts';
import { withoutSecrets } from './secrets.ts';

/**
 * What went wrong, for a person at 03:00. Every error Cardea raises is one of these.
 *
 * `happened` says what happened, `state` what state things are in now, `next` what to do about it.
 * `details` carries the findings by name (every mistake of a file, every failed check), one line each.
 */
interface ProblemText {
  readonly code: string;
  readonly happened: string;
  readonly state: string;
  readonly next: string;
  readonly details?: readonly string[];
  readonly cause?: unknown;
  /** Where it came from in another process, which has the cause: lines of a fault's trace (src/model/fault-trace.ts). */
  readonly trace?: readonly string[];
}

export type ProblemKind = 'usage' | 'refused' | 'failed' | 'retryable' | 'waiting';

export const problemDocument = z.object({
  problem: z.enum(['usage', 'refused', 'failed', 'retryable', 'waiting']),
  code: z.string(),
  happened: z.string(),
  state: z.string(),
  next: z.string(),
  details: z.array(z.string()).optional(),
});
/** A problem as it is written to the journal, to `--json` output and over HTTP. */
export type ProblemDocument = z.infer<typeof problemDocument>;

/** A problem as an agent hands it over: with the trace of the fault below it. A log keeps that; a journal and a terminal do not. */
export const tracedProblem = problemDocument.extend({ trace: z.array(z.string()).optional() });
export type TracedProblem = z.infer<typeof tracedProblem>;

export abstract class Problem extends Error {
  abstract readonly kind: ProblemKind;
  readonly code: string;
  readonly happened: string;
  readonly state: string;
  readonly next: string;
  readonly details: readonly string[];
  /** Empty unless the problem came from another process; `faultTrace` gives the trace of any problem. */
  readonly trace: readonly string[];

  constructor(text: ProblemText) {
    super(text.happened, text.cause === undefined ? undefined : { cause: text.cause });
    this.name = new.target.name;
    this.code = text.code;
    this.happened = text.happened;
    this.state = text.state;
    this.next = text.next;
    this.details = text.details ?? [];
    this.trace = text.trace ?? [];
  }

  /** As it is kept and sent: its text may quote what the outside world said, so that secrets are left out once more. */
  toDocument(): ProblemDocument {
    return {
      problem: this.kind,
      code: this.code,
      happened: withoutSecrets(this.happened),
      state: withoutSecrets(this.state),
      next: withoutSecrets(this.next),
      ...(this.details.length === 0 ? {} : { details: this.details.map(withoutSecrets) }),
    };
  }
}

/** The command was used wrongly: unknown environment, bad flag, wrong configuration file. Nothing changed. Exit code 2. */
export class UsageProblem extends Problem {
  readonly kind = 'usage';
}

/** Cardea declined: a check failed, a confirmation is missing, another run holds the lease. Nothing changed. Exit code 3. */
export class RefusedProblem extends Problem {
  readonly kind = 'refused';
}

/** It was tried and did not work; trying again unchanged will not help. Exit code 1. */
export class FailedProblem extends Problem {
  readonly kind = 'failed';
}

/** It did not work this time (a lost connection, a busy server); the engine tries again while the step's retry allows. Exit code 1. */
export class RetryableProblem extends Problem {
  readonly kind = 'retryable';
}

/** A person must decide before the run goes on. Exit code 4. */
export class WaitingProblem extends Problem {
  readonly kind = 'waiting';
}

const classes = {
  usage: UsageProblem,
  refused: RefusedProblem,
  failed: FailedProblem,
  retryable: RetryableProblem,
  waiting: WaitingProblem,
};

/** A problem of a kind that is known only when it happens. */
export function problemOf(kind: ProblemKind, text: ProblemText): Problem {
  return new classes[kind](text);
}

export function problemFromDocument({ problem, details, trace, ...text }: TracedProblem): Problem {
  return problemOf(problem, { ...text, ...(details && { details }), ...(trace && { trace }) });
}

/** Any thrown value as a problem: ours unchanged, everything else as a failure that names the operation it broke. */
export function asProblem(thrown: unknown, during: string): Problem {
  if (thrown instanceof Problem) return thrown;
  if (isDiskFull(thrown)) {
    return new FailedProblem({
      code: 'disk-full',
      happened: `${during}: the disk is full (${faultMessage(thrown)})`,
      state: 'The operation stopped at this point. Everything that had finished before remains.',
      next: freeDisk,
      cause: thrown,
    });
  }
  return new FailedProblem({
    code: 'unexpected',
    happened: `${during}: ${faultMessage(thrown)}`,
    state: 'The operation stopped at this point. Everything that had finished before remains.',
    next: 'Look at the run with `cardea run show RUN`, then resume it or report this as a defect.',
    cause: thrown,
  });
}

/** What a person can free on the disk of a node. */
export const freeDisk =
  'Free space on that disk, then try again. Old data of restores goes by `cardea restore accept RUN`, and what an unfinished restore has brought and never placed by `cardea restore revert RUN`, which needs no room of its own (`cardea status` names them); old snapshots go by `nodetool clearsnapshot --all`.';

/** Exit code of the process for a problem: 1 failed, 2 wrong use, 3 refused and nothing changed, 4 waiting for approval. */
export function exitCodeOf(problem: Problem): 1 | 2 | 3 | 4 {
  switch (problem.kind) {
    case 'usage':
      return 2;
    case 'refused':
      return 3;
    case 'waiting':
      return 4;
    case 'failed':
    case 'retryable':
      return 1;
  }
}
