import { expect, test } from 'vitest';
import { commands, groups } from './index.ts';
import { readingOnly } from '../command.ts';
import type { CliContext } from '../context.ts';
import { interruptedProblem } from '../interrupted.ts';
import { buildProgram, type CommandInput } from '../program.ts';
import { labUp } from './lab-up/declaration.ts';

const named = commands.map((command) => [command.declaration.name, command] as const);

test.each(named)('%s has a sentence and examples, and --help shows them', async (name, { declaration }) => {
  expect(declaration.summary).toMatch(/^[A-Z].*[.]$/);
  expect(declaration.examples.length).toBeGreaterThan(0);
  let help = '';
  let program = buildProgram(commands, async () => {});
  for (const word of name.split(' ')) {
    const next = program.commands.find((each) => each.name() === word);
    if (next === undefined) throw new TypeError(`${name} is not on the command line`);
    program = next;
  }
  program.configureOutput({ writeOut: (text) => (help += text) });
  program.outputHelp();
  for (const example of declaration.examples) {
    expect(help).toContain(example.run);
    expect(help).toContain(example.says);
  }
});

test.each(named)('every example of %s is a command line that works as written', async (name, { declaration }) => {
  for (const example of declaration.examples) {
    const seen: Array<{ readonly name: string; readonly input: CommandInput }> = [];
    const program = buildProgram(commands, async (command, _flags, input) => {
      seen.push({ name: command.declaration.name, input });
    });
    const [cardea, ...argv] = example.run.split(' ');
    expect(cardea).toBe('cardea');
    await program.parseAsync(argv, { from: 'user' });
    expect(seen.map((each) => each.name)).toEqual([name]);
  }
});

test('a name is declared once, and a command below a group has its group', () => {
  const names = commands.map((command) => command.declaration.name);
  expect(new Set(names).size).toBe(names.length);
  const parents = names.filter((name) => name.includes(' ')).map((name) => name.slice(0, name.lastIndexOf(' ')));
  const known = new Set([...names, ...groups.map((group) => group.name)]);
  expect(parents.filter((parent) => !known.has(parent))).toEqual([]);
});

test('an action gets arguments and options by name, with what was left out filled in', async () => {
  const inputs: CommandInput[] = [];
  const program = () =>
    buildProgram(commands, async (_command, flags, input) => {
      inputs.push({ ...input, plan: flags.plan, json: flags.json });
    });
  await program().parseAsync(['backup', 'local'], { from: 'user' });
  await program().parseAsync(['--json', 'backup', '--mode', 'full', 'local', '--quiesced', '--plan'], { from: 'user' });
  expect(inputs).toEqual([
    { env: 'local', mode: 'differential', quiesced: false, whenDue: false, plan: false, json: false },
    { env: 'local', mode: 'full', quiesced: true, whenDue: false, plan: true, json: true },
  ]);
});

test('a command below another gets the options that both have', async () => {
  const inputs: CommandInput[] = [];
  const program = buildProgram(commands, async (_command, flags, input) => {
    inputs.push({ ...input, plan: flags.plan });
  });
  const run = 'restore-20260219-031500-k3f9';
  await program.parseAsync(['restore', 'revert', run, '--confirm', 'local', '--plan'], { from: 'user' });
  expect(inputs).toEqual([{ run, env: undefined, confirm: 'local', withoutBase: false, plan: true }]);
});

test.each(named)('%s says what stopping it leaves and how to go on', (_name, { declaration }) => {
  const words = Object.keys(declaration.arguments).map((word) => [word, word.toUpperCase()] as const);
  const { stopping, state, next, left } = declaration.interrupted?.(Object.fromEntries(words)) ?? readingOnly;
  for (const text of [stopping, state, next, left])
    if (text !== undefined) expect(text).toMatch(/^[^a-z].*(?:[.]|\b[A-Z]+)$/);
  if (stopping !== undefined) expect(stopping).toContain('Ctrl-C again leaves at once');
  expect(`${state} ${next}`).not.toContain('undefined');
});

test('only commands that read, or whose one write does no harm, end at the first Ctrl-C whatever they are doing', () => {
  const left = commands.filter(({ declaration }) => {
    const meaning = declaration.interrupted?.({}) ?? readingOnly;
    return meaning.stopping === undefined;
  });
  expect(left.map(({ declaration }) => declaration.name)).toEqual([
    'check',
    'status',
    'points',
    'window',
    'transactions',
    'log',
    'agents',
    'doctor',
    'audit',
    'runs',
    'run show',
    'logs',
    'init',
    'config',
    'sandbox status',
    'lab status',
  ]);
});

test('a lab that is being brought up is stopped where the next `lab up` continues', async () => {
  const { action } = await import('./lab-up/action.ts');
  const signal = AbortSignal.abort(new DOMException('stopped by SIGINT', 'AbortError'));
  const context = {
    signal,
    flags: { quiet: true, json: true },
    clock: { monotonic: () => 0, now: () => new Date(0) },
    output: { live: false, note: () => {} },
  } as unknown as CliContext;
  const thrown: unknown = await action(context, {}).catch((error: unknown) => error);
  const meaning = labUp.interrupted?.({}) ?? readingOnly;
  const problem = interruptedProblem(thrown, { command: labUp.name, by: 'SIGINT', meaning });
  expect(problem).toMatchObject({ code: 'interrupted', details: [] });
  expect(problem?.next).toContain('`cardea lab up` continues from here');
});
