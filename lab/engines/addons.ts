import type { LabAddon } from './addon.ts';
import { argoCd } from './argocd.ts';
import { cassOperator } from './cass-operator.ts';
import { dns } from './dns.ts';
import { tekton } from './tekton.ts';
import { volumeClass } from './volumes.ts';

/** Everything that runs in the cluster as pods, in the order it is installed. `cache` is the folder of the built parts. */
export function labAddons(cache: string): readonly LabAddon[] {
  return [dns(cache), volumeClass, tekton(cache), cassOperator(cache), argoCd(cache)];
}
