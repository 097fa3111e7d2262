import type { RunEvent } from '../journal/event.ts';
import type { Micros } from '../model/instant.ts';
import type { ReportProgress } from '../model/progress.ts';
import type { WindowReport } from '../model/window.ts';
import type { Runbook } from '../runbook/define.ts';
import type { RunOutcome } from '../runbook/engine.ts';
import type { RunbookServices } from '../runbooks/index.ts';
import type { RecoveryFacts } from '../runbooks/recovery/recovery-facts.ts';
import type { FoundTransactions } from '../runbooks/recovery/transaction-search.ts';

/** Where the story is told, and carried out before the audience's eyes. */
export interface Stage {
  /** Begins the next chapter; they are numbered. */
  chapter(title: string): void;
  say(line: string): void;
  /** Shows a piece of work with its progress while it lasts, and its seconds afterwards. */
  during<T>(title: string, work: (progress: ReportProgress) => Promise<T>): Promise<T>;
  /** Shows what can be restored, as `cardea window` does. */
  window(facts: RecoveryFacts, report: WindowReport): void;
  /** Shows transactions of the log, as `cardea transactions` does. `within`: microseconds. */
  transactions(
    environment: string,
    found: FoundTransactions,
    range: { readonly around: Micros; readonly within: number },
  ): void;
  /** Shows the steps of a runbook and changes nothing. */
  plan<P>(runbook: Runbook<P, RunbookServices>, environment: string, params: P): void;
  /** Carries a runbook out through the engine, shown live. Throws the run's problem unless it succeeded. */
  carryOut<P>(runbook: Runbook<P, RunbookServices>, performance: Performance): Promise<RunOutcome>;
}

export interface Performance {
  readonly environment: string;
  readonly params: unknown;
  readonly services: RunbookServices;
  readonly confirmed?: string;
  readonly onEvent?: (event: RunEvent) => void;
}
