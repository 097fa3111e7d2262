import { join, relative } from 'node:path';
import { writeWhole } from '../src/platforms/sandbox/environment-record.ts';
import type { LabAddon } from './addon.ts';
import type { Lab } from './lab.ts';
import { partFolder } from './part-build.ts';
import { labPart } from './parts.ts';

const namespace = 'cass-operator';
const repository = 'docker.io/cardea/cass-operator';

/** cass-operator for the whole cluster, by its own kustomization. Its webhook stays off, since that asks for cert-manager. */
export function cassOperator(cache: string): LabAddon {
  const part = labPart('cass-operator');
  const folder = partFolder(cache, part);
  return {
    name: 'cass-operator',
    title: part.title,
    version: part.version,
    images: [
      {
        name: `${repository}:${part.version}`,
        files: { manager: join(folder, 'cmd') },
        entrypoint: ['/manager'],
        user: '65532',
      },
    ],
    manifests: (lab) => manifests(lab, join(folder, 'config'), part.version),
    deployments: [{ namespace, name: 'cass-operator-controller-manager' }],
  };
}

async function manifests(lab: Lab, config: string, version: string): Promise<string> {
  const at = join(lab.places.configuration, 'cass-operator');
  // Bases must be named by relative paths.
  const base = (name: string) => relative(at, join(config, name));
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace,
    namePrefix: `${namespace}-`,
    resources: [base('deployments/cluster')],
    components: [base('components/namespace')],
    images: [{ name: 'controller', newName: repository, newTag: version }],
  };
  writeWhole(join(at, 'kustomization.yaml'), `${JSON.stringify(kustomization, null, 2)}\n`);
  return lab.kubectl.run(['kustomize', at]);
}
