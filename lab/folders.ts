import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { folders } from '../src/host/folders.ts';

/** Where the lab keeps things on this machine. Absolute paths. */
export interface LabFolders {
  /** This copy of the program. */
  readonly checkout: string;
  /** Built programs, shared by every checkout of the user; may be deleted while no lab is up. */
  readonly parts: string;
  /** The sandbox's parts, of which the lab uses the S3 server. */
  readonly toolchain: string;
  /** The one lab of the user on this machine: its record, data, logs and credentials. */
  readonly home: string;
  /** Claims on loopback networks, shared with the sandbox. */
  readonly loopback: string;
}

export function labFolders(variables: NodeJS.ProcessEnv = process.env): LabFolders {
  const { checkout, toolchain, loopback } = folders(variables);
  const state = variables['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  return {
    checkout,
    toolchain,
    parts: resolve(toolchain, '..', 'lab'),
    home: resolve(state, 'cardea', 'lab'),
    loopback,
  };
}

/** Folders of a lab, below its home. */
export function labPlaces(home: string) {
  return {
    home,
    record: join(home, 'lab.json'),
    /** The administrator's, for whoever uses the lab from outside: its server is a loopback address of the host. */
    kubeconfig: join(home, 'kubeconfig'),
    keys: join(home, 'keys'),
    configuration: join(home, 'configuration'),
    images: join(home, 'images'),
    logs: join(home, 'logs'),
    pids: join(home, 'pids'),
    etcd: join(home, 'etcd'),
    /** Unix sockets through which the host's loopback reaches into the lab. */
    doors: join(home, 'doors'),
    /** What the lab's processes see as /var/lib and /var/log: the host's own stay untouched. */
    varLib: join(home, 'var-lib'),
    varLog: join(home, 'logs', 'node'),
  };
}
export type LabPlaces = ReturnType<typeof labPlaces>;
