import { RefusedProblem } from '../../model/problem.ts';
import { segmentOfFileName } from '../../model/log-segment.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import type { NodeParts } from '../node-parts.ts';
import type { JobContext } from './job-context.ts';
import { drainedLogDocument, drainedLogFile } from './placement-marker.ts';
import { whileStopped } from './stopped-database.ts';

/**
 * Writes down what the drain of a Cassandra that this run had started left in the commit log directory: all of that is in its tables, and
 * `place-logs` removes exactly these files. `ranAt` is an instant at which that Cassandra ran: it names its segments by the milliseconds of its
 * start, so a file with a later one is of a Cassandra that somebody else has started since, with writes that it acknowledged. Throws
 * RefusedProblem `data-present` for such a file, and for any that is none of a segment.
 */
export async function noteDrained(
  parts: NodeParts,
  { run, ranAt }: JobParams['note-drained'],
  { log }: Pick<JobContext, 'log'>,
): Promise<JobResult['note-drained']> {
  const { files, directories } = parts;
  return whileStopped(parts, async (ask) => {
    const found = await logFiles(parts);
    const latest = BigInt(Date.parse(ranAt));
    const foreign = found.filter(({ name }) => (segmentOf(name) ?? latest + 1n) > latest);
    if (foreign.length > 0) throw dataPresent(parts, foreign);
    await ask();
    await files.writeWhole(drainedLogFile(directories), drainedLogDocument.write({ run, files: [...found] }));
    log('drained log noted', { run, files: found.map(({ name }) => name) });
    return { files: found.length };
  });
}

interface LogFile {
  readonly name: string;
  readonly bytes: number;
}

/** What lies in the commit log directory, folders included. */
export async function logFiles({
  files,
  directories,
}: Pick<NodeParts, 'files' | 'directories'>): Promise<readonly LogFile[]> {
  const bytes = new Map<string, number>();
  for await (const file of files.walk(directories.commitlog)) bytes.set(file.path, file.bytes);
  const entries = (await files.entries(directories.commitlog)) ?? [];
  return entries.map(({ name }) => ({ name, bytes: bytes.get(name) ?? 0 }));
}

/** Of those files, what the drain of this run left there and nobody has touched since. */
export async function drainedIn(
  { files, directories }: Pick<NodeParts, 'files' | 'directories'>,
  run: string,
  present: readonly LogFile[],
): Promise<readonly string[]> {
  const file = drainedLogFile(directories);
  const text = await files.read(file);
  const noted = text === undefined ? undefined : drainedLogDocument.read(text, file);
  if (noted === undefined || noted.run !== run) return [];
  const known = new Map(noted.files.map(({ name, bytes }) => [name, bytes]));
  return present.filter(({ name, bytes }) => known.get(name) === bytes).map(({ name }) => name);
}

export function dataPresent(
  { node, directories }: Pick<NodeParts, 'node' | 'directories'>,
  foreign: readonly LogFile[],
): RefusedProblem {
  const more = foreign.length - mostNamed;
  return new RefusedProblem({
    code: 'data-present',
    happened: `${directories.commitlog} on ${node} holds files that this restore did not place; logs are placed only into an empty directory.`,
    state: 'None of them was moved or deleted.',
    next: 'Find out who wrote there (was Cassandra started in between?) and keep what is needed of it. Then move it away and try again, or bring the old data back: cardea restore revert RUN --confirm ENV',
    details: [...foreign.slice(0, mostNamed).map(({ name }) => name), ...(more > 0 ? [`… and ${more} more`] : [])],
  });
}

const mostNamed = 20;

/** Also of the index that change data capture keeps of a segment. */
function segmentOf(name: string): bigint | undefined {
  return segmentOfFileName(name.replace(/_cdc\.idx$/, '.log'))?.id;
}
