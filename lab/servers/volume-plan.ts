import { z } from 'zod';
import { nodeName } from '../addresses.ts';

export const storageClass = 'lab';
export const provisioner = 'cardea.dev/lab-folder';
/** How the provisioner is known to the API server. */
export const provisionerUser = 'cardea-lab-volumes';

const claim = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string(), uid: z.string() }),
  spec: z.object({
    storageClassName: z.string().optional(),
    volumeName: z.string().optional(),
    accessModes: z.array(z.string()),
    volumeMode: z.string().optional(),
    resources: z.object({ requests: z.object({ storage: z.string() }) }),
  }),
});
export type Claim = z.infer<typeof claim>;

const volume = z.object({
  metadata: z.object({ name: z.string(), annotations: z.record(z.string(), z.string()).optional() }),
  spec: z.object({ persistentVolumeReclaimPolicy: z.string(), local: z.object({ path: z.string() }).optional() }),
  status: z.object({ phase: z.string().optional() }).optional(),
});
export type Volume = z.infer<typeof volume>;

/** Lists as the API server answers them. */
export const claimList = z.object({ items: z.array(claim) });
export const volumeList = z.object({ items: z.array(volume) });

const made = 'pv.kubernetes.io/provisioned-by';

/** What is to be done: volumes for claims that have none, and the end of volumes whose claim is gone. */
export function planVolumes(
  claims: readonly Claim[],
  volumes: readonly Volume[],
): { readonly make: readonly Claim[]; readonly remove: readonly Volume[] } {
  const names = new Set(volumes.map(({ metadata }) => metadata.name));
  const make = claims.filter(
    (each) =>
      each.spec.storageClassName === storageClass &&
      each.spec.volumeName === undefined &&
      each.spec.volumeMode !== 'Block' &&
      !names.has(volumeName(each)),
  );
  const remove = volumes.filter(
    ({ metadata, spec, status }) =>
      metadata.annotations?.[made] === provisioner &&
      spec.persistentVolumeReclaimPolicy === 'Delete' &&
      status?.phase === 'Released',
  );
  return { make, remove };
}

/** One claim, one name: asking twice makes one volume. */
export function volumeName({ metadata }: Claim): string {
  return `pvc-${metadata.uid}`;
}

/** A volume that only this claim may bind, as a folder of the node. Its size is what was asked for; nothing holds it to that. */
export function volumeFor(each: Claim, path: string): object {
  const { name, namespace, uid } = each.metadata;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volumeName(each), annotations: { [made]: provisioner } },
    spec: {
      accessModes: each.spec.accessModes,
      capacity: { storage: each.spec.resources.requests.storage },
      storageClassName: storageClass,
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      // Not hostPath: the kubelet gives the files of a local volume to the pod's group.
      local: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] }] },
          ],
        },
      },
    },
  };
}
