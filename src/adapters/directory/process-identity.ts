import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { startTicksOf } from '../../model/process-identity.ts';

/**
 * Which process this is, so that another one can tell whether it still runs. A pid alone is not enough: pids are used again, mean
 * nothing in another pid namespace, and start anew with the machine.
 */
export interface ProcessIdentity {
  readonly host: string;
  readonly boot: string;
  readonly namespace: string;
  readonly pid: number;
  /** Clock ticks since boot at which the process started. */
  readonly start: string;
}

let own: ProcessIdentity | undefined;

export function ownIdentity(): ProcessIdentity {
  own ??= {
    host: hostname(),
    boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    namespace: readlinkSync('/proc/self/ns/pid'),
    pid: process.pid,
    start: startOf(process.pid) ?? '',
  };
  return own;
}

export function formatIdentity(identity: ProcessIdentity): string {
  return [identity.host, identity.boot, identity.namespace, identity.pid, identity.start].join(' ');
}

/** Undefined when the text is not an identity, as after a lock was released. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const [host, boot, namespace, pid, start] = text.split(' ');
  if (host === undefined || boot === undefined || namespace === undefined || start === undefined) return undefined;
  return { host, boot, namespace, pid: Number(pid), start };
}

/** `unknown` for a process of another machine or another container: it must be taken for alive. */
export function livenessOf(identity: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  const self = ownIdentity();
  if (identity.host === self.host && identity.boot !== self.boot) return 'dead';
  if (identity.boot !== self.boot || identity.namespace !== self.namespace) return 'unknown';
  return startOf(identity.pid) === identity.start ? 'alive' : 'dead';
}

function startOf(pid: number): string | undefined {
  try {
    return startTicksOf(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined; // gone
  }
}
