import type { Command, Declaration, Option } from './command.ts';
import { argumentForm, optionForm } from './program.ts';

/** docs/cli.md: every command as declared, so that the page cannot say something else than `--help`. */
export function cliReference(commands: readonly Command[]): string {
  const groups = Map.groupBy(commands, (command) => command.declaration.group);
  const parts = [...groups].map(([group, members]) =>
    [`## ${group}`, ...members.map((member) => commandSection(member.declaration))].join('\n\n'),
  );
  return `${[...head.map(wrapped), ...parts].join('\n\n')}\n`;
}

const head = [
  '# The command line',
  'This page is written by `npm run docs:cli` from the declarations of the commands; a test compares it.',
  'Every command knows `--config FILE` (else the nearest `cardea.config.ts` from here upward), `--json` (the result as JSON on standard output, ' +
    'a failure as `{"problem": …}`), `--quiet`, `--no-color` (also `NO_COLOR=1`) and `--help`. `--plan`, where it applies, shows the steps and ' +
    'changes nothing. Results go to standard output, progress and warnings to standard error.',
  'Exit codes: 0 done; 1 failed, or the answer is bad; 2 wrong use; 3 refused, nothing changed; 4 waiting for a person.',
  'Ctrl-C stops a run where it can be resumed, and says how; pressed again it leaves at once, and the run can be resumed just as well.',
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
  ].join('\n\n');
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
