import { z } from 'zod';

/**
 * A process, told apart from every other one. `machine` changes with a reboot and with the container (boot id and pid namespace), `started`
 * with a reused pid: only a process of the same `machine` can be looked up, and only an equal `started` means the same process.
 */
export const processIdentity = z.object({
  host: z.string(),
  machine: z.string(),
  pid: z.number().int().positive(),
  started: z.string(),
});
export type ProcessIdentity = z.infer<typeof processIdentity>;

/**
 * When the process of a `/proc/PID/stat` started, in clock ticks since boot (field 22); undefined for one that only waits to be reaped. The
 * command in field 2 stands in brackets and may hold spaces and brackets itself, so fields are counted from the last one.
 */
export function startTicksOf(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}
