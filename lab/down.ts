import { existsSync, rmSync } from 'node:fs';
import { FailedProblem, RefusedProblem } from '../src/model/problem.ts';
import { endMarked } from '../src/host/detached-process.ts';
import { withHostLock } from '../src/host/host-lock.ts';
import { releaseNetwork } from '../src/host/loopback.ts';
import { removeControlGroups } from './enclosure/control-groups.ts';
import { findEnclosure } from './enclosure/enclosure.ts';
import { type LabFolders, labFolders, labPlaces } from './folders.ts';
import { readLabRecord } from './record.ts';

/**
 * Ends every process of the lab and removes its data: mounts, links and rules go with the namespaces. Built parts stay in the cache.
 * Idempotent. Throws RefusedProblem `lab-held` when another checkout's lab runs, FailedProblem `lab-left-behind` naming what stayed.
 */
export async function takeDownLab(signal: AbortSignal): Promise<{ readonly existed: boolean }> {
  const folders = labFolders();
  const places = labPlaces(folders.home);
  const lock = { purpose: 'lab down', withinMs: 10_000, signal };
  return withHostLock(`${folders.home}.lock`, lock, async () => {
    const existed = existsSync(folders.home);
    const record = readLabRecord(places);
    if (record !== undefined && record.checkout !== folders.checkout && findEnclosure(places) !== undefined) {
      throw new RefusedProblem({
        code: 'lab-held',
        happened: `The lab of this machine belongs to the checkout ${record.checkout}.`,
        state: 'Nothing was changed.',
        next: `Remove it from there: ${record.checkout}/cardea lab down`,
      });
    }
    await removeLab(folders);
    return { existed };
  });
}

/** The same without asking whose it is. The caller holds the lock. */
export async function removeLab(folders: LabFolders): Promise<void> {
  // Ends the first process with the others: the kernel then ends whatever else is in its process namespace, containers too.
  await endMarked(folders.home, 300);
  const left = await removeControlGroups(folders.home);
  if (left.length > 0) {
    throw new FailedProblem({
      code: 'lab-left-behind',
      happened: `Control groups of the lab could not be removed: ${left.join(', ')}.`,
      state: 'Its processes were told to end; its files are still there.',
      next: 'Run `cardea lab down` again. If it fails again, look for a process in these groups that does not end (cgroup.procs).',
    });
  }
  rmSync(folders.home, { recursive: true, force: true, maxRetries: 5 });
  releaseNetwork(folders.loopback, folders.home);
}
