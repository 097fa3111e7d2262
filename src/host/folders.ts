import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where Cardea keeps things on this machine. Absolute paths. */
export interface Folders {
  /** This copy of the program. */
  readonly checkout: string;
  /** Environments, one folder each. */
  readonly home: string;
  /** Downloaded and built parts, shared by every checkout of the user. */
  readonly toolchain: string;
  /** Claims on loopback networks, shared by every checkout of the user. */
  readonly loopback: string;
}

export function folders(variables: NodeJS.ProcessEnv = process.env): Folders {
  const checkout = resolve(import.meta.dirname, '../..');
  const cache = variables['CARDEA_CACHE'] ?? join(variables['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cardea');
  const state = variables['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  return {
    checkout,
    home: resolve(variables['CARDEA_HOME'] ?? join(checkout, '.cardea')),
    toolchain: resolve(cache, 'toolchain'),
    loopback: resolve(state, 'cardea', 'loopback'),
  };
}
