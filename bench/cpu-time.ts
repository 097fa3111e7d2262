import { readFileSync } from 'node:fs';

/** Kernel ticks a second, USER_HZ: 100 on every Linux that this runs on. */
const ticks = 100;

/** Processor seconds that a process and the programs it has waited for have used so far. Other load makes them grow a little, unlike the time by the clock, which it multiplies. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in field 2 may hold spaces; fields 14 to 17 are user and system time of its own and of its children.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / ticks;
}
