import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RefusedProblem } from '../../model/problem.ts';
import { stopRing } from './cassandra-ring.ts';
import { endMarked } from '../../host/detached-process.ts';
import { readRecord } from './environment-record.ts';
import { environmentFolder, environmentLock } from './environment-folder.ts';
import { folders } from '../../host/folders.ts';
import { stopGraphServer } from './graph-server.ts';
import { withHostLock } from '../../host/host-lock.ts';
import { readClaims, releaseNetwork } from '../../host/loopback.ts';
import { stopNodeAgents } from './node-agents.ts';
import { stopS3Server } from './s3-server.ts';
import { storeServerFolder } from './store-choice.ts';
import { installedSandboxToolchain } from './sandbox-toolchain.ts';

export interface TakeDown {
  /** The servers stop in order; folders and claim stay. */
  readonly keepData: boolean;
  /** The environment's name, typed again: needed where data goes. */
  readonly confirmed?: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Stops every process of an environment and of its copies, also those that a killed run left, and removes the folders
 * and the claim on the addresses; a bucket in another place is kept. `local~look` names only a copy. With `keepData` the
 * servers stop in order, and the folders and the claim are kept. Idempotent; an environment that does not exist is down.
 * Throws RefusedProblem `not-confirmed` when data would be deleted and the name was not confirmed, and RefusedProblem
 * when another command works on the environment.
 */
export async function takeDown(name: string, options: TakeDown): Promise<{ readonly existed: boolean }> {
  const { home, loopback } = folders();
  const directory = environmentFolder(home, name);
  return withHostLock(
    environmentLock(home, name),
    { purpose: `sandbox down ${name}`, withinMs: 10_000, signal: options.signal },
    async () => {
      // Other folders below the home, such as reports, do not belong to an environment and are not touched.
      const existed =
        existsSync(join(directory, 'environment.json')) || isClaimed(loopback, directory) || isCopy(name, directory);
      if (!existed) return { existed };
      if (!options.keepData && options.confirmed !== name) throw notConfirmed(name, options.confirmed);
      if (options.keepData) await stopInOrder(directory);
      // Data that is about to be deleted needs no drain.
      await endMarked(directory, options.keepData ? 10_000 : 300);
      if (!options.keepData) {
        for (const copy of copiesOf(directory)) releaseNetwork(loopback, copy);
        rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
        releaseNetwork(loopback, directory);
      }
      return { existed };
    },
  );
}

function notConfirmed(name: string, confirmed: string | undefined): RefusedProblem {
  const would = `sandbox down would delete the data of ${name} and whatever lies in its folder (bucket, copies)`;
  return new RefusedProblem({
    code: 'not-confirmed',
    happened:
      confirmed === undefined ? `${would}, and was not confirmed.` : `${would}, but "${confirmed}" was confirmed.`,
    state: 'Nothing was changed.',
    next: `To delete it: cardea sandbox down ${name} --confirm ${name}. To stop it only: cardea sandbox down ${name} --keep-data`,
  });
}

async function stopInOrder(directory: string): Promise<void> {
  const toolchain = installedSandboxToolchain();
  for (const place of [...copiesOf(directory), directory]) {
    const record = readRecord(place);
    if (record === undefined || toolchain === undefined) continue;
    const environment = { directory: place, record, toolchain };
    await stopGraphServer(environment);
    await Promise.all([stopRing(environment), stopNodeAgents(environment)]);
    await stopS3Server(storeServerFolder(place));
  }
}

/** Only copies have folders in that place. One without a record was begun, and found no network or was killed. */
function isCopy(name: string, directory: string): boolean {
  return name.includes('~') && existsSync(directory);
}

/** True also for what a killed `up` or `down` left: the claim is made first and removed last. */
function isClaimed(loopback: string, directory: string): boolean {
  return readClaims(loopback).some((claim) => claim.directory === directory);
}

/** Folders of the copies made beside an environment. */
export function copiesOf(directory: string): readonly string[] {
  const copies = join(directory, 'copies');
  return existsSync(copies) ? readdirSync(copies).map((name) => join(copies, name)) : [];
}
