import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { startTicksOf, type ProcessIdentity } from '../../model/process-identity.ts';
import type { Processes } from '../../ports/processes.ts';

/** This machine's processes as /proc tells them; elsewhere than on Linux nothing is known about another process. */
export function systemProcesses(): Processes {
  const self: ProcessIdentity = {
    host: hostname(),
    machine: machineId(),
    pid: process.pid,
    started: startedAt(process.pid) ?? 'unknown',
  };
  return {
    self,
    isAlive(identity) {
      if (identity.machine !== self.machine || identity.started === 'unknown') return undefined;
      return startedAt(identity.pid) === identity.started;
    },
  };
}

function machineId(): string {
  const boot = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const pidNamespace = attempt(() => readlinkSync('/proc/self/ns/pid'));
  return createHash('sha256')
    .update(`${hostname()} ${boot ?? ''} ${pidNamespace ?? ''}`)
    .digest('hex')
    .slice(0, 16);
}

function startedAt(pid: number): string | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return stat === undefined ? undefined : startTicksOf(stat);
}

/** What /proc does not show (gone, or not Linux) is absent. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
