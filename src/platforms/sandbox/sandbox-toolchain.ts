import { type InstallOptions, ensureToolchain, installedToolchain } from '../../toolchain/install-toolchain.ts';
import type { Toolchain } from '../../toolchain/toolchain.ts';
import { hasClassArchives, makeClassArchives } from './class-archives.ts';

/** The toolchain with the class archives that make its servers start quickly, installed and made where missing. Throws what `ensureToolchain` throws. */
export async function ensureSandboxToolchain(options: InstallOptions): Promise<Toolchain> {
  return installedSandboxToolchain() ?? ensureToolchain(options, makeClassArchives);
}

/** The same when all of it is there; undefined when anything must be installed or made first. Starts no process. */
export function installedSandboxToolchain(): Toolchain | undefined {
  const toolchain = installedToolchain();
  return toolchain !== undefined && hasClassArchives(toolchain) ? toolchain : undefined;
}
