import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../../src/host/wait-for.ts';

/**
 * Parent of the control groups of a lab's pods, named after its home: a kubelet ends what it finds in its groups and does not know. Groups
 * belong to no namespace: they are what `lab down` must remove itself.
 */
export function cgroupOf(home: string): string {
  return `/cardea-lab-${createHash('sha256').update(home).digest('hex').slice(0, 8)}`;
}

const root = '/sys/fs/cgroup';

/** The parent below every controller (version 1), or the one there is (version 2). Absolute paths. */
export function cgroups(home: string): readonly string[] {
  const cgroup = cgroupOf(home);
  if (existsSync(join(root, 'cgroup.controllers'))) return [join(root, cgroup)];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(root, entry.name, cgroup));
}

/** Removes the groups, once the processes in them have ended. Returns those that would not go. */
export async function removeControlGroups(home: string): Promise<readonly string[]> {
  const left = () => cgroups(home).filter((group) => !isGone(group));
  await waitFor(() => (left().length === 0 ? true : undefined), { withinMs: 10_000, everyMs: 50 });
  return left();
}

/** A group can be removed when no group is below it and no process in it. */
function isGone(group: string): boolean {
  if (!existsSync(group)) return true;
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) isGone(join(group, entry.name));
  }
  try {
    rmdirSync(group);
    return true;
  } catch {
    // Its last process is not reaped yet.
    return false;
  }
}
