import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withOneNode } from './one-node.ts';
import { type BenchRow, medianMs } from './row.ts';

const start = promisify(execFile);
const launcher = join(import.meta.dirname, '../cardea');
const times = 15;
/** Milliseconds; the aim for a start of the program. */
const aim = 150;

/** How long the program takes to start and say something, launcher and all, with its compile cache warm. */
export async function benchCliStart(): Promise<BenchRow[]> {
  const row = async (note: string, ...args: string[]): Promise<BenchRow> => {
    const ours = await medianMs(times, () => start(launcher, args));
    return { name: `cardea ${args.join(' ')}`, ours, unit: 'ms', note };
  };
  const bare = await medianMs(times, () => start(process.execPath, ['-e', '0']));
  const alone = [
    { name: 'node -e 0', ours: bare, unit: 'ms', note: 'the runtime alone, for comparison' },
    ofAim(await row(`aim: under ${aim}`, '--version')),
    ofAim(await row(`aim: under ${aim}; every declaration is loaded`, '--help')),
    await row('with the configuration read and checked', 'config', '--json'),
  ];
  const asking = await withOneNode(async () => [
    await row('with an environment opened and its bucket listed', 'points', 'local', '--json'),
    await row('with its database, graph, index, agents and bucket asked', 'status', 'local', '--json'),
  ]);
  return [...alone, ...asking];
}

function ofAim(row: BenchRow): BenchRow {
  return { ...row, ratio: row.ours / aim };
}
