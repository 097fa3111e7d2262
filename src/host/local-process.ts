import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * A process without ambiguity: another process may get the same pid later, but not the same pid with the same start
 * time since this boot. As text: three lines, the pid first.
 */
export interface LocalProcess {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks between boot and start. */
  readonly startTicks: string;
  readonly bootId: string;
}

export function parseLocalProcess(text: string): LocalProcess | undefined {
  const [pid, startTicks, bootId] = text.split('\n');
  if (pid === undefined || startTicks === undefined || bootId === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(pid) || !/^\d+$/.test(startTicks) || bootId === '') return undefined;
  return { pid: Number(pid), startTicks, bootId };
}

/** The process that a pid file names, while it runs; undefined when the file is absent, torn, of an earlier boot or its process is gone. */
export function runningProcess(pidFile: string): LocalProcess | undefined {
  const text = readText(pidFile);
  const identity = text === undefined ? undefined : parseLocalProcess(text);
  return identity !== undefined && isRunning(identity) ? identity : undefined;
}

export function isRunning(identity: LocalProcess): boolean {
  if (identity.bootId !== bootId()) return false;
  return startTicksOf(identity.pid) === identity.startTicks;
}

/** The process of a pid as it is now; undefined when there is none. */
export function identityOf(pid: number): LocalProcess | undefined {
  const startTicks = startTicksOf(pid);
  return startTicks === undefined ? undefined : { pid, startTicks, bootId: bootId() };
}

/** Every process of ours whose environment has the variable with a value that `matches`; inherited by children, so none escapes. */
export function processesWith(variable: string, matches: (value: string) => boolean): readonly LocalProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const entry = readText(`/proc/${name}/environ`)
        ?.split('\0')
        .find((line) => line.startsWith(`${variable}=`));
      if (entry === undefined || !matches(entry.slice(variable.length + 1))) return [];
      const identity = identityOf(Number(name));
      return identity === undefined || !isRunning(identity) ? [] : [identity];
    });
}

/** Resident memory in bytes; 0 when the process is gone. */
export function residentBytes(pid: number): number {
  const line = readText(`/proc/${pid}/status`)?.match(/^VmRSS:\s+(\d+) kB$/m);
  return line?.[1] === undefined ? 0 : Number(line[1]) * 1024;
}

/** When the process of this pid started, in clock ticks since boot; undefined when it is not there, not to be seen, or only waits to be reaped. */
export function startTicksOf(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : startTicksIn(stat);
}

/**
 * The same from the text of a `/proc/PID/stat` (field 22). The command in field 2 stands in brackets and may hold spaces and brackets
 * itself, so fields are counted from the last one.
 */
export function startTicksIn(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** Changes with every boot; empty elsewhere than on Linux. */
export function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

/** The pid namespace that this process sees: pids of another one mean nothing here. Empty elsewhere than on Linux. */
export function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** A process or file that is gone, or belongs to somebody else, is simply not ours. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
