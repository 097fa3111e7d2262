import { hostname, userInfo } from 'node:os';
import { CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { FailedProblem, Problem } from '../model/problem.ts';
import type { Command, Outcome } from './command.ts';
import { commands } from './commands/index.ts';
import type { GlobalFlags } from './context.ts';
import { interrupt } from './terminal/interrupt.ts';
import { flushed, terminalOutput } from './terminal/output.ts';
import { buildProgram, type CommandInput } from './program.ts';

/** Runs one command line and ends the process with its exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  // Needed before the line is parsed: a complaint about the line itself must also take the form that was asked for.
  const early = { json: argv.includes('--json'), quiet: argv.includes('--quiet'), color: !argv.includes('--no-color') };
  const code = await execute(argv).catch(async (thrown: unknown) => fail(thrown, argv, early));
  await flushed();
  process.exit(code);
}

async function execute(argv: readonly string[]): Promise<number> {
  let code = 0;
  const program = buildProgram(commands, async (command, flags, input) => {
    code = await perform(command, flags, input);
  });
  try {
    await program.parseAsync(argv.length === 0 ? ['--help'] : argv, { from: 'user' });
  } catch (thrown) {
    // Help and the version end like this, printed.
    if (!(thrown instanceof CommanderError) || thrown.exitCode !== 0) throw thrown;
  }
  return code;
}

async function perform(command: Command, flags: GlobalFlags, input: CommandInput): Promise<number> {
  const output = terminalOutput(flags);
  const stop = interrupt(
    (line) => output.warn(line),
    (code) => process.exit(code),
  );
  const [{ cliContext }, action] = await Promise.all([import('./open-context.ts'), command.load()]);
  const actor = { name: userInfo().username, via: 'cli', host: hostname() } as const;
  const { context, end } = cliContext({ flags, output, interrupt: stop, actor, version: packageJson.version });
  try {
    const outcome = await action(context, input);
    if (outcome.problem !== undefined) return await failWith(outcome.problem, outcome, flags);
    if (flags.json) output.line(JSON.stringify(outcome.json, null, 2));
    else if (outcome.text !== '') output.line(outcome.text);
    return outcome.exitCode ?? 0;
  } finally {
    await end();
  }
}

type OutputFlags = Pick<GlobalFlags, 'json' | 'quiet' | 'color'>;

async function fail(thrown: unknown, argv: readonly string[], flags: OutputFlags): Promise<number> {
  if (thrown instanceof CommanderError) {
    const { usageProblem } = await import('./wrong-use.ts');
    return failWith(usageProblem(thrown, argv), undefined, flags);
  }
  const { Problem, FailedProblem } = await import('../model/problem.ts');
  if (thrown instanceof Problem) return failWith(thrown, undefined, flags);
  return failWith(new FailedProblem(defect(thrown)), undefined, flags);
}

/** An error that no code expected. It shows where it came from, for the person who has to find the cause. */
function defect(thrown: unknown): ConstructorParameters<typeof FailedProblem>[0] {
  const stack = thrown instanceof Error ? (thrown.stack ?? '').split('\n').slice(1, 6) : [];
  return {
    code: 'unexpected',
    happened: `The command stopped because of an unexpected error: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    state: 'Everything done before the error remains. If a run had begun, its journal holds what was done.',
    next: 'Look for a run to resume with `cardea runs`, and report this error as a defect of Cardea.',
    details: stack.map((line) => line.trim()),
    cause: thrown,
  };
}

/** Only a failure loads what failures need. */
async function failWith(problem: Problem, outcome: Outcome | undefined, flags: OutputFlags): Promise<number> {
  const [{ exitCodeOf }, { failureJson, failureText }] = await Promise.all([
    import('../model/problem.ts'),
    import('./terminal/problem-text.ts'),
  ]);
  const output = terminalOutput(flags);
  if (flags.json) output.line(failureJson(problem, outcome?.json));
  else {
    if (outcome !== undefined && outcome.text !== '') output.line(outcome.text);
    output.warn(failureText(problem, output.paintNote));
  }
  return exitCodeOf(problem);
}
