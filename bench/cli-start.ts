import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cpuSecondsOf } from './cpu-time.ts';
import { withOneNode } from './one-node.ts';
import { comparedToAim, interleave, secondsOf } from './rounds.ts';
import type { BenchRow } from './row.ts';

const start = promisify(execFile);
const launcher = join(import.meta.dirname, '../cardea');
const times = 15;
/** Milliseconds; the aim for a start of the program. */
const aim = 150;

/** How long the program takes to start and say something, launcher and all, with its compile cache warm. */
export async function benchCliStart(): Promise<BenchRow[]> {
  const alone = await measure([
    { name: 'node -e 0', note: 'the runtime alone, for comparison', command: [process.execPath, '-e', '0'] },
    { name: 'cardea --version', note: `aim: under ${aim}`, aim, command: [launcher, '--version'] },
    {
      name: 'cardea --help',
      note: `aim: under ${aim}; every declaration is loaded`,
      aim,
      command: [launcher, '--help'],
    },
    {
      name: 'cardea config --json',
      note: 'with the configuration read and checked',
      command: [launcher, 'config', '--json'],
    },
  ]);
  const asking = await withOneNode(() =>
    measure([
      {
        name: 'cardea points local --json',
        note: 'with an environment opened and its bucket listed',
        command: [launcher, 'points', 'local', '--json'],
      },
      {
        name: 'cardea status local --json',
        note: 'with its database, graph, index, agents and bucket asked',
        command: [launcher, 'status', 'local', '--json'],
      },
    ]),
  );
  return [...alone, ...asking];
}

interface Started {
  readonly name: string;
  readonly note: string;
  readonly aim?: number;
  readonly command: readonly [string, ...string[]];
}

async function measure(started: readonly Started[]): Promise<BenchRow[]> {
  for (const { command } of started) await run(command);
  const series = await interleave(
    times,
    started.flatMap(({ name }) => [name, processorTime(name)]),
    started.map(({ name, command }) => async () => {
      const cpu = cpuSecondsOf(process.pid);
      const own = process.cpuUsage();
      const milliseconds = 1000 * (await secondsOf(() => run(command)));
      const { user, system } = process.cpuUsage(own);
      const children = 1000 * (cpuSecondsOf(process.pid) - cpu) - (user + system) / 1000;
      return { [name]: milliseconds, [processorTime(name)]: children };
    }),
  );
  return started.flatMap((each) => {
    const row = comparedToAim(each, series[each.name] ?? []);
    if (each.aim === undefined) return [row];
    const name = processorTime(each.name);
    const note = 'of all its threads; other load hardly changes it';
    return [row, comparedToAim({ name, note, aim: each.aim }, series[name] ?? [])];
  });
}

function processorTime(name: string): string {
  return `${name}: processor time`;
}

async function run([file, ...args]: Started['command']): Promise<void> {
  await start(file, args);
}
