import { asProblem, type Problem } from '../../src/model/problem.ts';

/** One thing that must work. */
export interface LabCheck {
  readonly title: string;
  readonly version: string;
  /** Throws a Problem that names what does not work, with the end of the log that tells why. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

export interface ProofResult {
  readonly title: string;
  readonly version: string;
  readonly seconds: number;
  readonly problem?: Problem;
}

export interface TestOptions {
  /** Seconds of a clock that never goes back. */
  readonly monotonic: () => number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Runs every check, one after the other, also after one failed. */
export async function runChecks(checks: readonly LabCheck[], options: TestOptions): Promise<readonly ProofResult[]> {
  const { monotonic, say, signal } = options;
  const results: ProofResult[] = [];
  for (const { title, version, run } of checks) {
    signal.throwIfAborted();
    say(`testing ${title}`);
    const began = monotonic();
    const problem = await run(signal).then(
      () => undefined,
      (thrown: unknown) => asProblem(thrown, `testing ${title}`),
    );
    signal.throwIfAborted();
    results.push({ title, version, seconds: monotonic() - began, ...(problem === undefined ? {} : { problem }) });
  }
  return results;
}
