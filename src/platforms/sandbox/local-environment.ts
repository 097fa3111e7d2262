import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { EnvironmentRecord } from './environment-record.ts';
import type { Toolchain } from '../../toolchain/toolchain.ts';

/** An environment of this machine: its folder, what it is, and the programs it runs on. */
export interface LocalEnvironment {
  readonly directory: string;
  readonly record: EnvironmentRecord;
  readonly toolchain: Toolchain;
}

/** Files by path, as the settings' renderers give them. */
export type RenderedFiles = ReadonlyMap<string, { readonly content: string; readonly mode: number }>;

export function writeFiles(files: RenderedFiles): void {
  for (const [file, { content, mode }] of files) {
    mkdirSync(dirname(file), { recursive: true });
    // What is there already needs no room, which a full disk does not have.
    if (!existsSync(file) || readFileSync(file, 'utf8') !== content) writeFileSync(file, content, { mode });
    // The mode above only counts for a file that was not there.
    chmodSync(file, mode);
  }
}
