import { FailedProblem, RefusedProblem } from '../../model/problem.ts';
import type { Standing } from '../../ports/node-database.ts';
import type { NodeParts } from '../node-parts.ts';

/** Half a minute for a process that has ended. */
const lockTries = 120;
const lockPauseMs = 250;

type Parts = Pick<NodeParts, 'node' | 'clock' | 'database' | 'files' | 'directories'>;

/**
 * Does the work while Cassandra is proved to be stopped: its lock is ours meanwhile, so that it cannot start. `ask` looks once more, for a
 * Cassandra that was started without the lock; the work calls it right before it moves or deletes files. Throws RefusedProblem
 * `database-running`, or `stopped-unproved` when it cannot be told.
 */
export async function whileStopped<T>(parts: Parts, work: (ask: () => Promise<void>) => Promise<T>): Promise<T> {
  const { node, clock, database } = parts;
  let before = await database.standing();
  // A process counts as ended while the last of its threads still give its memory back; only then is the lock free.
  for (let tries = 0; before.lock === 'taken' && before.seen === undefined && tries < lockTries; tries += 1) {
    await clock.sleep(lockPauseMs);
    before = await database.standing();
  }
  // A Cassandra that runs has files, so where there are none nobody can be harmed, and a new volume has no lock yet.
  if (before.lock === 'none' && !before.seesAll && before.seen === undefined && !(await isEmpty(parts))) {
    throw unproved(node);
  }
  if (before.seen !== undefined) throw running(node, before.seen);
  const lock = before.lock === 'taken' ? undefined : await database.takeLock({ make: true });
  if (lock === undefined) throw running(node, 'it holds its lock');
  const ask = async () => {
    let { seen } = await database.standing();
    if (seen === undefined) return;
    // A start that our lock refuses is a process for a moment.
    await clock.sleep(1000);
    ({ seen } = await database.standing());
    if (seen !== undefined) throw startedUnlocked(node, seen);
  };
  try {
    await ask();
    return await work(ask);
  } finally {
    await lock.release();
  }
}

/**
 * Asked before anything is stopped: whether it could be proved afterwards that this node's Cassandra has stopped. Throws RefusedProblem
 * `stopped-unprovable`, or `stopped-unproved` when it does not run as far as can be seen.
 */
export async function requireProvable(parts: Parts): Promise<void> {
  const { lock, seen, seesAll } = await parts.database.standing();
  if (lock === 'taken' || seesAll) return;
  if (seen !== undefined) throw unprovable(parts.node, seen);
  if (lock === 'none' && !(await isEmpty(parts))) throw unproved(parts.node);
}

async function isEmpty({ files, directories }: Parts): Promise<boolean> {
  for (const directory of [directories.data, directories.commitlog]) {
    if (((await files.entries(directory)) ?? []).length > 0) return false;
  }
  return true;
}

function running(node: string, seen: NonNullable<Standing['seen']>): RefusedProblem {
  return new RefusedProblem({
    code: 'database-running',
    happened: `Cassandra on ${node} is running (${seen}), but it must be stopped.`,
    state: 'No file was moved.',
    next: 'Stop the node first; a restore does this itself in an earlier step.',
  });
}

function startedUnlocked(node: string, seen: string): FailedProblem {
  return new FailedProblem({
    code: 'database-started',
    happened: `Cassandra on ${node} was started without its lock while its files were to be moved (${seen}).`,
    state: 'What was moved before stays moved; nothing was moved or deleted since it was seen.',
    next: 'Stop it, and whatever starts it; then try again: it asks again, and refuses when the database left files.',
  });
}

function unproved(node: string): RefusedProblem {
  return new RefusedProblem({
    code: 'stopped-unproved',
    happened: `Whether Cassandra on ${node} is stopped cannot be told: there is no lock file, and not every process can be seen from here.`,
    state: 'No file was moved.',
    next: 'Start Cassandra once in the way that holds its lock (in a sandbox: cardea sandbox up ENV), then begin again.',
  });
}

function unprovable(node: string, seen: string): RefusedProblem {
  return new RefusedProblem({
    code: 'stopped-unprovable',
    happened: `Cassandra on ${node} runs (${seen}) without holding its lock, and not every process can be seen from here: after a stop it could not be told that it has ended.`,
    state: 'Nothing was changed.',
    next: 'Start Cassandra again in the way that holds its lock (in a sandbox: cardea sandbox down ENV --keep-data, then cardea sandbox up ENV), then begin again.',
  });
}
