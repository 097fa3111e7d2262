import { FailedProblem } from '../../src/model/problem.ts';

/** kubectl against one cluster. */
export interface Kubectl {
  /** Standard output of a command. Throws FailedProblem `kubectl-failed` with what kubectl said. */
  run(args: readonly string[], options?: { readonly input?: string; readonly withinMs?: number }): Promise<string>;
  /** The answer as JSON; undefined when there is none (not found, not reachable, not yet served). */
  look(args: readonly string[]): Promise<unknown>;
}

export function kubectlFor(program: string, kubeconfig: string): Kubectl {
  const execute = async (args: readonly string[], input: string | undefined, withinMs: number) => {
    const { execa } = await import('execa');
    return execa(program, [`--kubeconfig=${kubeconfig}`, ...args], {
      reject: false,
      timeout: withinMs,
      ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    });
  };
  return {
    async run(args, { input, withinMs = 120_000 } = {}) {
      const { failed, stdout, stderr } = await execute(args, input, withinMs);
      if (!failed) return stdout;
      throw new FailedProblem({
        code: 'kubectl-failed',
        happened: `kubectl ${args.slice(0, 4).join(' ')} failed.`,
        state: 'What was applied before was not undone.',
        next: 'See `cardea lab status`, then run the same command again.',
        details: stderr.trimEnd().split('\n').slice(-8),
      });
    },
    async look(args) {
      const { failed, stdout } = await execute([...args, '--output=json'], undefined, 20_000);
      return failed ? undefined : JSON.parse(stdout);
    },
  };
}
