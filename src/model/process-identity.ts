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
