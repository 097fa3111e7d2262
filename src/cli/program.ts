import { Command as Program, CommanderError, Option as Flag } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { Command, Declaration, Option } from './command.ts';
import { groups } from './commands/index.ts';
import type { GlobalFlags } from './context.ts';
import { writeResult } from './terminal/output.ts';

export type Perform = (command: Command, flags: GlobalFlags, input: CommandInput) => Promise<void>;
export type CommandInput = Readonly<Record<string, unknown>>;

/** The command line of the given commands as commander sees it. Wrong use is thrown as CommanderError, never printed here. */
export function buildProgram(commands: readonly Command[], perform: Perform): Program {
  const program = settle(new Program('cardea'))
    .helpCommand('help [command]', 'Print help of a command.')
    .description(packageJson.description)
    .version(packageJson.version, '-V, --version', 'Print the version.')
    .option('--config <FILE>', 'Use this configuration instead of the nearest cardea.config.ts.')
    .option('--json', 'Print the result as JSON on standard output.')
    .option('--quiet', 'Print only the result and errors.')
    .option('--no-color', 'Print no colours. The same: NO_COLOR=1, or output that is not a terminal.')
    .addHelpText(
      'after',
      '\nExit codes: 0 done; 1 failed, or the answer is bad; 2 wrong use; 3 refused, nothing changed; 4 waiting for a person; ' +
        '130 stopped by Ctrl-C (143 by SIGTERM, 129 with its terminal).',
    );
  const placed = new Map<string, Program>();
  for (const command of commands) {
    const { declaration } = command;
    const made = describe(declaration);
    made.action(async (...given: unknown[]) => {
      const input = { ...optionsOf(declaration, made), ...argumentsOf(declaration, given) };
      await perform(command, flagsOf(program, made), input);
    });
    parentOf(declaration.name, program, placed).addCommand(made);
    placed.set(declaration.name, made);
  }
  return program;
}

/** `run` for `run show`: an earlier command, or a group that only holds others. */
function parentOf(name: string, program: Program, placed: Map<string, Program>): Program {
  const at = name.lastIndexOf(' ');
  if (at < 0) return program;
  const path = name.slice(0, at);
  const known = placed.get(path);
  if (known !== undefined) return known;
  const group = groups.find((candidate) => candidate.name === path);
  const made = settle(new Program(path))
    .description(group?.summary ?? '')
    .helpGroup(group?.group ?? '');
  program.addCommand(made);
  placed.set(path, made);
  return made;
}

function settle(program: Program): Program {
  return program
    .exitOverride()
    .configureOutput({ writeOut: writeResult, writeErr: () => {} })
    .helpOption('-h, --help', 'Print help.')
    .configureHelp({ showGlobalOptions: true, visibleGlobalOptions });
}

function visibleGlobalOptions(program: Program): Flag[] {
  let root: Program = program;
  while (root.parent !== null) root = root.parent;
  return root === program ? [] : root.options.filter((option) => option.long !== '--version');
}

function describe(declaration: Declaration): Program {
  const { summary, about } = declaration;
  const program = settle(new Program(declaration.name.split(' ').at(-1)))
    .summary(summary)
    .description(about === undefined ? summary : `${summary}\n\n${about}`)
    .helpGroup(declaration.group);
  for (const [name, argument] of Object.entries(declaration.arguments)) {
    program.argument(argumentForm(name, argument.kind), argument.says);
  }
  for (const [name, option] of Object.entries(declaration.options)) program.addOption(flagOf(name, option));
  if (declaration.plan === true) program.option('--plan', 'Show the steps and change nothing.');
  const examples = declaration.examples.map((example) => `  ${example.run}\n      ${example.says}`);
  return program.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
}

/** `<ENV>`, `[POINT]`, `[NAME...]` */
export function argumentForm(name: string, kind: 'required' | 'optional' | 'rest'): string {
  const shown = name.toUpperCase();
  return { required: `<${shown}>`, optional: `[${shown}]`, rest: `[${shown}...]` }[kind];
}

/** `--minimum-free <SHARE>` */
export function optionForm(name: string, option: Option<unknown>): string {
  const long = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (option.kind === 'flag') return long;
  return `${long} <${option.value ?? 'VALUE'}${option.kind === 'texts' ? '...' : ''}>`;
}

function flagOf(name: string, option: Option<unknown>): Flag {
  const form = optionForm(name, option);
  const flag = new Flag(form, option.says);
  // A flag that is off is not worth a word in help; `optionsOf` fills it in.
  if (option.default !== undefined && option.kind !== 'flag' && option.kind !== 'texts') flag.default(option.default);
  // The form already shows the choices: commander's parser of them is needed, its text in help is not.
  if (option.choices !== undefined) flag.choices(option.choices);
  if (option.kind === 'number') flag.argParser((value) => wholeNumber(form, value));
  return flag;
}

function wholeNumber(form: string, value: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw new CommanderError(2, 'cardea.number', `Option '${form}' needs a whole number; '${value}' is not one.`);
}

function optionsOf(declaration: Declaration, program: Program): CommandInput {
  // With the parents' own: `restore` takes the `--confirm` that stands behind `restore revert RUN` for its own.
  const given = program.optsWithGlobals<Record<string, unknown>>();
  return Object.fromEntries(
    Object.entries(declaration.options).map(([name, option]) => [name, given[name] ?? option.default]),
  );
}

function argumentsOf(declaration: Declaration, given: readonly unknown[]): CommandInput {
  return Object.fromEntries(Object.keys(declaration.arguments).map((name, index) => [name, given[index]]));
}

function flagsOf(program: Program, command: Program): GlobalFlags {
  const global = program.opts<{ config?: string; json?: true; quiet?: true; color: boolean }>();
  return {
    config: global.config,
    json: global.json === true,
    quiet: global.quiet === true,
    color: global.color,
    plan: command.optsWithGlobals<{ plan?: true }>().plan === true,
  };
}
