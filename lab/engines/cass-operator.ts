import { join } from 'node:path';
import type { LabAddon } from './addon.ts';
import type { Kubectl } from './kubectl.ts';
import { kustomized } from './kustomize.ts';
import { partFolder } from '../building/part-build.ts';
import { labPart } from '../building/parts.ts';
import type { Carried, PublishedEngine } from './published-engine.ts';

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
    manifests: (kubectl) =>
      cassOperatorManifests(kubectl, join(folder, 'config'), [{ name: published, newName: own, newTag: part.version }]),
    workloads,
  };
}

/** As it is published, for a cluster that reaches registries. */
export function publishedCassOperator(carried: Carried): PublishedEngine {
  const part = labPart('cass-operator');
  return {
    title: part.title,
    version: part.version,
    definition: 'cassandradatacenters.cassandra.datastax.com',
    manifests: async (kubectl) => cassOperatorManifests(kubectl, join(await carried(part), 'config'), []),
    workloads,
  };
}

const workloads: LabAddon['workloads'] = [{ namespace, name: 'deployment/cass-operator-controller-manager' }];

async function cassOperatorManifests(kubectl: Kubectl, config: string, images: readonly object[]): Promise<string> {
  return kustomized(kubectl, {
    links: { config },
    fields: {
      namespace,
      namePrefix: 'cass-operator-',
      resources: ['config/default'],
      components: ['config/components/namespace', 'config/components/clusterscope'],
      images,
    },
  });
}
