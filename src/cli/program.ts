import { hostname, userInfo } from 'node:os';
import { Command as Program, CommanderError, Option as Flag } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { Command, Declaration, Option } from './command.ts';
import { commands, groups } from './commands.ts';
import type { CliContext, GlobalFlags } from './context.ts';
import { interrupt } from './interrupt.ts';
import { flushed, terminalOutput } from './output.ts';

/** Runs one command line and ends the process with its exit code. */
export async function runCli(argv: readonly string[]): Promise<void> {
  const early = { json: argv.includes('--json'), quiet: argv.includes('--quiet'), color: !argv.includes('--no-color') };
  let code: number;
  try {
    code = await execute(argv);
  } catch (thrown) {
    code = await fail(thrown, early);
  }
  await flushed();
  process.exit(code);
}

async function execute(argv: readonly string[]): Promise<number> {
  let code = 0;
  const program = buildProgram(async (command, flags, input) => {
    code = await perform(command, flags, input);
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
    throw thrown;
  }
  return code;
}

type Perform = (command: Command, flags: GlobalFlags, input: Readonly<Record<string, unknown>>) => Promise<void>;

/** The whole command line as commander sees it. Exported for docs and tests. */
export function buildProgram(perform: Perform, all: readonly Command[] = commands): Program {
  const program = settle(new Program('cardea'));
  program
    .description(packageJson.description)
    .version(packageJson.version, '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print help.')
    .helpCommand('help [command]', 'Print help of a command.')
    .option('--config <FILE>', 'Configuration to use instead of the nearest cardea.config.ts.')
    .option('--json', 'Print the result as JSON on standard output.', false)
    .option('--quiet', 'Say only the result and errors.', false)
    .option('--no-color', 'No colours (also: NO_COLOR=1, or output that is no terminal).')
    .configureHelp({ showGlobalOptions: true, visibleGlobalOptions: globalOptions });
  const parents = new Map<string, Program>();
  const parentOf = (name: string): Program => {
    const at = name.lastIndexOf(' ');
    if (at < 0) return program;
    const path = name.slice(0, at);
    const known = parents.get(path);
    if (known !== undefined) return known;
    const group = groups.find((candidate) => candidate.name === path);
    const made = settle(new Program(path))
      .description(group?.summary ?? '')
      .helpGroup(group?.group ?? '');
    parents.set(path, made);
    program.addCommand(made);
    return made;
  };
  for (const command of all) {
    const { declaration } = command;
    const made = settle(new Program(declaration.name.split(' ').at(-1)));
    describe(made, declaration);
    made.action(async (...given: unknown[]) => {
      const names = Object.keys(declaration.arguments);
      const options = made.opts<Record<string, unknown>>();
      const input = Object.fromEntries(names.map((name, index) => [name, given[index]]));
      const globals = program.opts<Omit<GlobalFlags, 'plan'>>();
      await perform(command, { ...globals, plan: options['plan'] === true }, { ...options, ...input });
    });
    parentOf(declaration.name).addCommand(made);
    parents.set(declaration.name, made);
  }
  return program;
}

/** Errors are thrown, never printed by commander: they are shown in one form. */
function settle(program: Program): Program {
  return program.exitOverride().configureOutput({ writeErr: () => {} });
}

function globalOptions(program: Program): Flag[] {
  let root: Program = program;
  while (root.parent !== null) root = root.parent;
  return root === program ? [] : (root.options.filter((option) => option.long !== '--version') as Flag[]);
}

function describe(program: Program, declaration: Declaration): void {
  program.summary(declaration.summary).helpGroup(declaration.group);
  program.description(
    declaration.about === undefined ? declaration.summary : `${declaration.summary}\n\n${declaration.about}`,
  );
  for (const [name, argument] of Object.entries(declaration.arguments)) {
    const shown = name.toUpperCase();
    const forms = { required: `<${shown}>`, optional: `[${shown}]`, rest: `[${shown}...]` };
    program.argument(forms[argument.kind], argument.says);
  }
  for (const [name, option] of Object.entries(declaration.options)) program.addOption(flagOf(name, option));
  if (declaration.plan === true) program.option('--plan', 'Show the steps and change nothing.', false);
  const examples = declaration.examples.map((example) => `  ${example.run}\n      ${example.says}`);
  program.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
}

function flagOf(name: string, option: Option<unknown>): Flag {
  const long = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const flag = new Flag(option.kind === 'flag' ? long : `${long} <${option.value ?? 'VALUE'}>`, option.says);
  if (option.default !== undefined) flag.default(option.default, option.kind === 'list' ? 'none' : undefined);
  if (option.choices !== undefined) flag.choices(option.choices);
  if (option.mandatory === true) flag.makeOptionMandatory();
  if (option.kind === 'number') flag.argParser((value) => wholeNumber(long, value));
  if (option.kind === 'list')
    flag.argParser((value, before: readonly string[] | undefined) => [...(before ?? []), value]);
  return flag;
}

function wholeNumber(flag: string, value: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw new CommanderError(2, 'cardea.number', `${flag} wants a whole number, "${value}" is none.`);
}

async function perform(
  command: Command,
  flags: GlobalFlags,
  input: Readonly<Record<string, unknown>>,
): Promise<number> {
  const output = terminalOutput(flags);
  const stop = interrupt(output.warn, (code) => process.exit(code));
  const endings: Array<() => Promise<void>> = [];
  const context: CliContext = {
    flags,
    output,
    interrupt: stop,
    signal: stop.signal,
    actor: { name: userInfo().username, via: 'cli', host: hostname() },
    version: packageJson.version,
    onEnd: (work) => void endings.push(work),
  };
  try {
    const action = await command.load();
    const outcome = await action(context, input);
    if (flags.json) output.line(JSON.stringify(outcome.json, null, 2));
    else if (outcome.text !== '') output.line(outcome.text);
    return outcome.exitCode ?? 0;
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

/** Only a failure loads what failures need. */
async function fail(
  thrown: unknown,
  flags: { readonly json: boolean; readonly quiet: boolean; readonly color: boolean },
): Promise<number> {
  const [{ asProblem, exitCodeOf }, { failureJson, failureText }, { usageProblem }] = await Promise.all([
    import('../model/problem.ts'),
    import('./failure.ts'),
    import('./wrong-use.ts'),
  ]);
  const problem = thrown instanceof CommanderError ? usageProblem(thrown) : asProblem(thrown, 'The command');
  const output = terminalOutput(flags);
  if (flags.json) output.line(failureJson(problem));
  else output.warn(failureText(problem, output.paintNote));
  return exitCodeOf(problem);
}
