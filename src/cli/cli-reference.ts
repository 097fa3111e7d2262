import { beforeItsRun, type Command, type Declaration, type Option } from './command.ts';
import { argumentForm, optionForm } from './program.ts';

/** docs/cli.md: every command as declared, so that the page and `--help` always say the same. */
export function cliReference(commands: readonly Command[]): string {
  const groups = Map.groupBy(commands, (command) => command.declaration.group);
  const parts = [...groups].map(([group, members]) =>
    [`## ${group}`, ...members.map((member) => commandSection(member.declaration))].join('\n\n'),
  );
  return `${[...head.map(wrapped), ...parts].join('\n\n')}\n`;
}

const head = [
  '# The command line',
  '`npm run docs:cli` writes this page from the declarations of the commands; a test checks that it is up to date.',
  'Every command accepts `--config FILE` (default: the nearest `cardea.config.ts` in this folder or above it), `--json` (prints the result ' +
    'as JSON on standard output, and a failure as `{"problem": …}`), `--quiet`, `--no-color` (also `NO_COLOR=1`) and `--help`. ' +
    'Commands with `--plan` can show their steps without changing anything. ' +
    'Results go to standard output, progress and warnings to standard error.',
  'A command that carries out a run (`backup`, `restore`, `restore accept`, `restore revert`, `undo`, `rehearse`, `ship`, `run resume`) ends with ' +
    '`--json` always with `run`, `ok`, `status` and, unless it is ok, `problem` with `code`, `happened`, `state` and `next`. `status` is ' +
    '`succeeded`, `failed`, `cancelled`, `interrupted` or `refused`. What is refused before a run began, or was carried on, has the status ' +
    '`refused` and the run `null`. Wrong use has only `problem`. `run resume` says of a run what the command says that begins it, and its ' +
    '`results` beside that.',
  'Exit codes: 0 done; 1 failed, or the answer is bad; 2 wrong use; 3 refused, nothing changed; 4 waiting for a person. 130 stopped by ' +
    'Ctrl-C, 143 by SIGTERM, 129 because its terminal was closed (with `nohup` it continues). A run that was stopped where it can be resumed ' +
    'ends with 1, like every run that did not succeed.',
  'Ctrl-C stops a run where it can be resumed, and says how; pressed again it leaves at once, and the run can be resumed just as well. ' +
    'Every other command says what remains and how to continue; a command that only reads just ends. SIGTERM and a closed terminal are ' +
    'treated like Ctrl-C.',
  'A reader that stops reading (`| head`) ends only commands that only read, and quietly; the exit code is that of the answer, or 141 if ' +
    'there was none yet. If the result cannot be written to standard output because a disk is full, the command says so and ends with 1.',
];

function commandSection(declaration: Declaration): string {
  const forms = Object.entries(declaration.arguments).map(([name, argument]) => argumentForm(name, argument.kind));
  const usage = ['cardea', declaration.name, ...forms, '[options]'].join(' ');
  const rows = [
    ...Object.entries(declaration.arguments).map(([name, { kind, says }]) => [argumentForm(name, kind), says]),
    ...Object.entries(declaration.options).map(([name, option]) => [optionForm(name, option), optionText(option)]),
    ...(declaration.plan === true ? [['--plan', 'Show the steps and change nothing.']] : []),
  ];
  const table = rows.map(([form, says]) => `| \`${(form ?? '').replaceAll('|', '\\|')}\` | ${says} |`);
  const examples = declaration.examples.flatMap(({ run, says }) => [`# ${says}`, run]);
  return [
    `### cardea ${declaration.name}`,
    wrapped(declaration.summary),
    ...(declaration.about === undefined ? [] : [wrapped(declaration.about)]),
    `    ${usage}`,
    ...(table.length === 0 ? [] : [['| | |', '|---|---|', ...table].join('\n')]),
    ['```sh', ...examples, '```'].join('\n'),
    ...interruptionLines(declaration),
  ].join('\n\n');
}

/** What Ctrl-C means for the command, with the names of its arguments in place of values. Nothing for a command that only reads. */
function interruptionLines({ arguments: named, options, interrupted }: Declaration): readonly string[] {
  if (interrupted === undefined) return [];
  const names = Object.keys(named).map((name) => [name, name.toUpperCase()] as const);
  const defaults = Object.entries(options).map(([name, option]) => [name, option.default] as const);
  const meaning = interrupted(Object.fromEntries([...names, ...defaults]));
  // What is true of every run is said at the head of the page.
  return meaning === beforeItsRun ? [] : [wrapped(`Ctrl-C: ${meaning.state} ${meaning.next}`)];
}

function optionText(option: Option<unknown>): string {
  const { kind, says } = option;
  const standard = kind === 'choice' || kind === 'number' ? String(option.default) : undefined;
  return standard === undefined ? says : `${says} Default: ${standard}.`;
}

/** Paragraphs in lines of the repository's width: a change of a page must be readable as a difference. What stands in backticks stays on one line. */
function wrapped(text: string): string {
  return text.split('\n\n').map(lines).join('\n\n');
}

const width = 120;
/** At the beginning of a line it would begin a list or a heading. */
const wouldBegin = /^(?:[-+*#>]|\d+[.)])$/;

function lines(paragraph: string): string {
  const made: string[] = [];
  for (const word of paragraph.match(/(?:`[^`]*`|[^\s`])+/g) ?? []) {
    const last = made.at(-1);
    const joined = last === undefined ? word : `${last} ${word}`;
    if (last === undefined || (joined.length > width && !wouldBegin.test(word))) made.push(word);
    else made[made.length - 1] = joined;
  }
  return made.join('\n');
}
