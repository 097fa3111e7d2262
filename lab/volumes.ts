import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LabAddon } from './addon.ts';
import { kubeconfigOf } from './control-plane.ts';
import type { Lab } from './lab.ts';
import type { LabServer } from './server.ts';
import { provisioner, storageClass } from './volume-plan.ts';

/** Inside the namespaces. */
const folder = '/var/lib/volumes';
const user = 'cardea-lab-volumes';

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

/** The class that a claim gets which names none, and what the provisioner may do. */
export const volumeClass: LabAddon = {
  name: 'volumes',
  title: `storage class ${storageClass}`,
  version: 'of the lab',
  images: async () => [],
  manifests: async () => JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
  workloads: [],
};

const objects = [
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: storageClass, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner,
    volumeBindingMode: 'Immediate',
    reclaimPolicy: 'Delete',
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: user },
    rules: [
      { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['list'] },
      { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['list', 'create', 'delete'] },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: user },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: user },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  },
];
