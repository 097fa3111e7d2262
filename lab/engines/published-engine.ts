import type { LabAddon } from './addon.ts';
import type { LabPart } from '../building/parts.ts';

/** An engine as its makers publish it: what is installed into a cluster that lacks it. */
export interface PublishedEngine extends Omit<LabAddon, 'name' | 'images'> {
  /** A definition that is in the cluster when the engine is. */
  readonly definition: string;
}

/** Folder with what a part carries, fetched where it is not there. */
export type Carried = (part: LabPart) => Promise<string>;
