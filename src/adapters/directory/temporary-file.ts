import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { livenessOf, thisHolder } from './lock-holder.ts';

const foreignAgeMs = 24 * 3600 * 1000;
let made = 0;

/** A name no other process uses, which says whose file it is: `PID-START-NAMESPACE-BOOT-NUMBER`. */
export function nameTemporary(): string {
  made += 1;
  return `${ownName()}-${made}`;
}

/**
 * Removes half-written files of dead processes. Files of another machine, container or boot are removed when they are a
 * day old.
 */
export async function sweepTemporary(folder: string): Promise<void> {
  const self = thisHolder();
  const home = homeName();
  for (const name of await readdir(folder)) {
    const [pid, start, ...rest] = name.split('-');
    const path = join(folder, name);
    const dead = rest.join('-').startsWith(`${home}-`)
      ? livenessOf({ ...self, pid: Number(pid), start: start ?? '' }) === 'dead'
      : await isOld(path);
    if (dead) await rm(path, { force: true });
  }
}

async function isOld(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > foreignAgeMs;
}

function ownName(): string {
  const { pid, start } = thisHolder();
  return `${pid}-${start}-${homeName()}`;
}

/** `pid:[4026531836]` and the boot's id, as far as a file name needs them. */
function homeName(): string {
  const { namespace, boot } = thisHolder();
  return `${namespace.replaceAll(/\D/g, '')}-${boot.slice(0, 8)}`;
}
