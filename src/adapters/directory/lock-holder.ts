import { hostname } from 'node:os';
import { bootId, pidNamespace, startTicksOf } from '../../host/local-process.ts';

/**
 * The identity of a process, so that another process can find out whether it still runs. A pid alone is not enough:
 * pids are used again, mean nothing in another pid namespace, and start again when the machine boots.
 */
export interface LockHolder {
  readonly host: string;
  readonly boot: string;
  readonly namespace: string;
  readonly pid: number;
  /** Clock ticks since boot at which the process started. */
  readonly start: string;
}

let own: LockHolder | undefined;

export function thisHolder(): LockHolder {
  own ??= {
    host: hostname(),
    boot: bootId(),
    namespace: pidNamespace(),
    pid: process.pid,
    start: startTicksOf(process.pid) ?? '',
  };
  return own;
}

export function formatHolder(identity: LockHolder): string {
  return [identity.host, identity.boot, identity.namespace, identity.pid, identity.start].join(' ');
}

/** Undefined when the text is not an identity, as after a lock was released. */
export function parseHolder(text: string): LockHolder | undefined {
  const [host, boot, namespace, pid, start] = text.split(' ');
  if (host === undefined || boot === undefined || namespace === undefined || start === undefined) return undefined;
  return { host, boot, namespace, pid: Number(pid), start };
}

/** `unknown` for a process of another machine or another container: it must be taken for alive. */
export function livenessOf(identity: LockHolder): 'alive' | 'dead' | 'unknown' {
  const self = thisHolder();
  if (identity.host === self.host && identity.boot !== self.boot) return 'dead';
  // If /proc says nothing about this process, it says nothing about another one.
  if (self.start === '') return 'unknown';
  if (identity.boot !== self.boot || identity.namespace !== self.namespace) return 'unknown';
  return startTicksOf(identity.pid) === identity.start ? 'alive' : 'dead';
}
