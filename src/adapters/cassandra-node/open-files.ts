import { readFileSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { errorCode } from '../../model/error-code.ts';
import { pidNamespace } from '../../host/local-process.ts';

/** The kernel's first pid namespace has this name on every Linux. Only from there are the processes of all containers seen. */
const firstNamespace = 'pid:[4026531836]';

/**
 * Other processes that have a file below one of the directories open or mapped. `seesAll`: every process of this machine was looked at; else
 * one that is not in the list may have them open all the same.
 */
export function processesWithOpenFiles(directories: readonly string[]): {
  readonly found: ReadonlyArray<{ readonly pid: number; readonly name: string }>;
  readonly seesAll: boolean;
} {
  const below = directories.flatMap((directory) => {
    const real = attempt(() => realpathSync(directory));
    return typeof real === 'string' ? [`${real}/`] : [];
  });
  const isBelow = (path: string) => below.some((directory) => path.startsWith(directory));
  const found: { pid: number; name: string }[] = [];
  let hidden = pidNamespace() !== firstNamespace;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const files = attempt(() => readdirSync(`/proc/${entry}/fd`));
    if (files === 'hidden') hidden = true;
    if (typeof files === 'string') continue;
    const opened = files.some((file) => isBelow(attempt(() => readlinkSync(`/proc/${entry}/fd/${file}`)) ?? ''));
    if (opened || mappedFiles(entry).some(isBelow)) found.push({ pid: Number(entry), name: nameOf(entry) });
  }
  return { found, seesAll: !hidden };
}

function mappedFiles(pid: string): readonly string[] {
  const lines = (attempt(() => readFileSync(`/proc/${pid}/maps`, 'utf8')) ?? '').split('\n');
  return lines.flatMap((line) => (line.includes('/') ? [line.slice(line.indexOf('/'))] : []));
}

function nameOf(pid: string): string {
  return (attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8')) ?? '').trim();
}

/** `hidden`: it is there, and not for us to see. `gone`: it ended meanwhile. */
function attempt<T>(look: () => T): T | 'hidden' | 'gone' {
  try {
    return look();
  } catch (thrown) {
    return errorCode(thrown) === 'EACCES' || errorCode(thrown) === 'EPERM' ? 'hidden' : 'gone';
  }
}
