import type { Command, Declaration, Option } from './command.ts';
import { argumentForm, optionForm } from './program.ts';

/** docs/cli.md: every command as declared, so that the page and `--help` always say the same. */
export function cliReference(commands: readonly Command[]): string {
  const groups = Map.groupBy(commands, (command) => command.declaration.group);
  const parts = [...groups].map(([group, members]) =>
    [`## ${group}`, ...members.map((member) => commandSection(member.declaration))].join('\n\n'),
  );
  return `${[head, ...parts].join('\n\n')}\n`;
}

const head = `# The command line

\`npm run docs:cli\` writes this page from the declarations of the commands; a test checks that it is up to date.

Every command accepts \`--config FILE\` (default: the nearest \`cardea.config.ts\` in this folder or above it), \`--json\` (prints the result
as JSON on standard output, and a failure as \`{"problem": …}\`), \`--quiet\`, \`--no-color\` (also \`NO_COLOR=1\`) and \`--help\`.
Commands with \`--plan\` can show their steps without changing anything.
Results go to standard output, progress and warnings to standard error.

Exit codes: 0 done; 1 failed, or the answer is bad; 2 wrong use; 3 refused, nothing changed; 4 waiting for a person.

Ctrl-C stops a run where it can be resumed, and says how; pressed again it leaves at once, and the run can be resumed just as well.`;

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
    declaration.summary,
    ...(declaration.about === undefined ? [] : [declaration.about]),
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
