import { hostname, userInfo } from 'node:os';
import { CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { FailedProblem, Problem } from '../model/problem.ts';
import { type Command, type Declaration, type Outcome, readingOnly } from './command.ts';
import { commands } from './commands/index.ts';
import type { GlobalFlags } from './context.ts';
import { interrupt, type InterruptWatch, stopCodes } from './terminal/interrupt.ts';
import { flushed, onUnread, resultLost, terminalOutput, watchOutput } from './terminal/output.ts';
import { buildProgram, type CommandInput } from './program.ts';

/** Runs one command line and ends the process with its exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  watchOutput();
  // Needed before the line is parsed: a complaint about the line itself must also take the form that was asked for.
  const early = { json: argv.includes('--json'), quiet: argv.includes('--quiet'), color: !argv.includes('--no-color') };
  const code = await execute(argv).catch(async (thrown: unknown) => fail(thrown, early, { argv }));
  await flushed();
  const lost = resultLost();
  process.exit(lost === undefined ? code : await resultNotWritten(lost, code));
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
  const { declaration } = command;
  const { name, interrupted } = declaration;
  const stop = interrupt({
    meaning: interrupted?.(input) ?? readingOnly,
    tell: (line) => output.warn(line),
    exit: (code) => process.exit(code),
    outlivesTerminal: process.env['CARDEA_OUTLIVES_TERMINAL'] === '1',
  });
  // Work that is told to stop may leave a promise that nobody waits for.
  stop.signal.addEventListener('abort', () => process.on('unhandledRejection', () => {}), { once: true });
  const isLeft = stop.meaning.stopping === undefined;
  // A command that only reads has nothing to do but answer, and a reader like `| head` wants no more of it: it ends with
  // the code that a shell shows for SIGPIPE.
  if (isLeft) onUnread(() => process.exit(141));
  try {
    const work = carryOut(command, flags, input, stop);
    const outcome = isLeft ? await untilLeft(work, stop.signal) : await work;
    // From here on the exit code is the answer's, read or not.
    onUnread(() => {});
    if (outcome.problem !== undefined) return await failWith(outcome.problem, flags, outcome);
    const result = flags.json ? JSON.stringify(outcome.json, null, 2) : outcome.text;
    const isWritten = flags.json && outcome.written === true;
    if (result !== '' && !isWritten) output.line(result);
    return outcome.exitCode ?? 0;
  } catch (thrown) {
    const { by, meaning } = stop;
    if (by !== undefined) {
      const { interruptedProblem } = await import('./interrupted.ts');
      const problem = interruptedProblem(thrown, { command: name, by, meaning });
      if (problem !== undefined) {
        await failWith(problem, flags, withoutRun(declaration, problem));
        return stopCodes[by];
      }
    }
    return await fail(thrown, flags, { declaration });
  }
}

async function carryOut(
  command: Command,
  flags: GlobalFlags,
  input: CommandInput,
  stop: InterruptWatch,
): Promise<Outcome> {
  const [{ cliContext }, action] = await Promise.all([import('./open-context.ts'), command.load()]);
  const actor = { name: userInfo().username, via: 'cli', host: hostname() } as const;
  const output = terminalOutput(flags);
  const { context, end } = cliContext({ flags, output, interrupt: stop, actor, version: packageJson.version });
  try {
    return await action(context, input);
  } finally {
    await end();
  }
}

/** How long work that is told to stop may take to end by itself before it is left where it is, in milliseconds. */
const grace = 1000;

/** The work's outcome; the signal's reason when it was told to stop and did not end soon. */
async function untilLeft<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => setTimeout(() => reject(signal.reason as Error), grace), { once: true });
  return Promise.race([work, promise]);
}

type OutputFlags = Pick<GlobalFlags, 'json' | 'quiet' | 'color'>;

/** `argv` where the line itself may be wrong, `declaration` once a command of it was begun. */
async function fail(
  thrown: unknown,
  flags: OutputFlags,
  { argv = [], declaration }: { readonly argv?: readonly string[]; readonly declaration?: Declaration },
): Promise<number> {
  const failed = async (problem: Problem) => failWith(problem, flags, withoutRun(declaration, problem));
  if (thrown instanceof CommanderError) {
    const { usageProblem } = await import('./wrong-use.ts');
    return failed(usageProblem(thrown, argv));
  }
  const { Problem, FailedProblem, problemOf } = await import('../model/problem.ts');
  const [{ faultTrace }, { faultMessage }] = await Promise.all([
    import('../model/fault-trace.ts'),
    import('../model/fault-message.ts'),
  ]);
  if (thrown instanceof Problem) {
    // Of what no code foresaw: no log has its trace, since what is thrown here was in no run.
    const trace = thrown.code === 'unexpected' ? faultTrace(thrown).slice(0, shownFrames) : [];
    if (trace.length === 0) return failed(thrown);
    const { kind, code, happened, state, next, details } = thrown;
    const more = { code, happened, state, next, details: [...details, ...trace], cause: thrown };
    return failed(problemOf(kind, more));
  }
  return failed(new FailedProblem(defect(thrown, faultTrace(thrown), faultMessage)));
}

/** What is known beside a problem that ends a command before its run: of a command without one, and of wrong use, nothing. */
function withoutRun(declaration: Declaration | undefined, { kind, code }: Problem): Pick<Outcome, 'json' | 'text'> {
  if (declaration?.run !== true || kind === 'usage') return { json: {}, text: '' };
  const status = kind === 'refused' || kind === 'waiting' ? kind : code === 'interrupted' ? code : 'failed';
  return { json: { run: null, ok: false, status }, text: '' };
}

/** Reported on standard error also with `--json`, because standard output fails. A command that itself failed keeps its exit code. */
async function resultNotWritten(cause: NodeJS.ErrnoException, code: number): Promise<number> {
  const [{ FailedProblem }, { failureText }] = await Promise.all([
    import('../model/problem.ts'),
    import('./terminal/problem-text.ts'),
  ]);
  const problem = new FailedProblem({
    code: 'result-not-written',
    happened: `The result could not be written to standard output, or only a part of it: ${cause.message}.`,
    state: 'The command itself was carried out to its end; what it changed stands.',
    next: 'Make room, or send the output elsewhere. A command that only reads can be run again; what a run did is in `cardea run show`.',
    cause,
  });
  terminalOutput({ quiet: false, color: false }).warn(failureText(problem));
  await flushed();
  return code === 0 ? 1 : code;
}

/** Lines of a trace that a terminal gets. */
const shownFrames = 20;

/** An error that no code expected. It shows where it came from, for the person who has to find the cause. */
function defect(
  thrown: unknown,
  trace: readonly string[],
  faultMessage: (thrown: unknown) => string,
): ConstructorParameters<typeof FailedProblem>[0] {
  return {
    code: 'unexpected',
    happened: `The command stopped because of an unexpected error: ${faultMessage(thrown)}`,
    state: 'Everything done before the error remains. If a run had begun, its journal holds what was done.',
    next: 'Look for a run to resume with `cardea runs`, and report this error as a defect of Cardea.',
    details: trace.slice(0, shownFrames),
    cause: thrown,
  };
}

/** Only a failure loads what failures need. */
async function failWith(problem: Problem, flags: OutputFlags, known: Pick<Outcome, 'json' | 'text'>): Promise<number> {
  const [{ exitCodeOf }, { failureJson, failureText }] = await Promise.all([
    import('../model/problem.ts'),
    import('./terminal/problem-text.ts'),
  ]);
  const output = terminalOutput(flags);
  if (flags.json) output.line(failureJson(problem, known.json));
  else {
    if (known.text !== '') output.line(known.text);
    output.warn(failureText(problem, output.paintNote));
  }
  return exitCodeOf(problem);
}
