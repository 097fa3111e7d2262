import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { kubeconfigOf } from './control-plane.ts';
import type { Lab } from '../lab.ts';
import type { LabServer } from './server.ts';

/** Inside the namespaces. */
const folder = '/var/lib/volumes';

/** The process behind the storage class. */
export function volumeProvisioner(lab: Lab): LabServer {
  const access = kubeconfigOf(lab, 'volumes');
  return {
    name: 'volumes',
    title: 'volume provisioner',
    version: process.version,
    prepare() {
      mkdirSync(join(lab.places.varLib, 'volumes'), { recursive: true });
      access.write();
    },
    command: [process.execPath, join(import.meta.dirname, 'volume-provisioner.ts'), folder, access.path],
    // It has nothing to say until there is a claim: `lab test` makes one.
    lacks: async () => undefined,
    withinMs: 10_000,
  };
}
