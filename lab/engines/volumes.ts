import type { LabAddon } from './addon.ts';
import { provisioner, provisionerUser, storageClass } from '../servers/volume-plan.ts';

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
    metadata: { name: provisionerUser },
    rules: [
      { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['list'] },
      { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['list', 'create', 'delete'] },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: provisionerUser },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: provisionerUser },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: provisionerUser }],
  },
];
