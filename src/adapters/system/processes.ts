import { sha256 } from '../../model/sha256.ts';
import { hostname } from 'node:os';
import { bootId, pidNamespace, startTicksOf } from '../../host/local-process.ts';
import type { ProcessIdentity } from '../../model/process-identity.ts';
import type { Processes } from '../../ports/processes.ts';

/** The processes of this machine as /proc shows them. Without Linux nothing is known about other processes. */
export function systemProcesses(): Processes {
  const self: ProcessIdentity = {
    host: hostname(),
    machine: machineId(),
    pid: process.pid,
    started: startTicksOf(process.pid) ?? 'unknown',
  };
  return {
    self,
    isAlive(identity) {
      if (identity.machine !== self.machine || identity.started === 'unknown') return undefined;
      return startTicksOf(identity.pid) === identity.started;
    },
  };
}

function machineId(): string {
  return sha256(`${hostname()} ${bootId()} ${pidNamespace()}`).slice(0, 16);
}
