import { join } from 'node:path';
import type { LabAddon } from './addon.ts';
import type { Kubectl } from './kubectl.ts';
import { kustomized } from './kustomize.ts';
import { partFolder } from './part-build.ts';
import { labPart } from './parts.ts';

const namespace = 'cass-operator';
const published = 'docker.io/k8ssandra/cass-operator';
const own = 'docker.io/cardea/cass-operator';

/** cass-operator for the whole cluster, by its own kustomization. Its webhook stays off, since that asks for cert-manager. */
export function cassOperator(cache: string): LabAddon {
  const part = labPart('cass-operator');
  const folder = partFolder(cache, part);
  return {
    name: 'cass-operator',
    title: part.title,
    version: part.version,
    images: async () => [
      {
        name: `${own}:${part.version}`,
        files: { manager: join(folder, 'cass-operator') },
        entrypoint: ['/manager'],
        user: '65532',
      },
    ],
    manifests: (kubectl) => cassOperatorManifests(kubectl, join(folder, 'config'), `${own}:${part.version}`),
    workloads: cassOperatorWorkloads,
  };
}

export const cassOperatorWorkloads: LabAddon['workloads'] = [
  { namespace, name: 'deployment/cass-operator-controller-manager' },
];

/** `image` with its tag; undefined takes the one that is published. */
export async function cassOperatorManifests(kubectl: Kubectl, config: string, image?: string): Promise<string> {
  const [, newName, newTag] = /^(.*):([^:/]+)$/.exec(image ?? '') ?? [];
  return kustomized(kubectl, {
    links: { config },
    fields: {
      namespace,
      namePrefix: 'cass-operator-',
      resources: ['config/default'],
      components: ['config/components/namespace', 'config/components/clusterscope'],
      images: newName === undefined ? [] : [{ name: published, newName, newTag }],
    },
  });
}
