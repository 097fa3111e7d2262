import type { LabAddon } from './addon.ts';
import { dns } from './dns.ts';
import { volumeClass } from './volumes.ts';

/** Everything that runs in the cluster as pods, in the order it is installed. `cache` is the folder of the built parts. */
export function labAddons(cache: string): readonly LabAddon[] {
  return [dns(cache), volumeClass];
}
