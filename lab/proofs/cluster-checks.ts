import type { LabAddon } from '../engines/addon.ts';
import { waitForWorkloads } from '../engines/addon.ts';
import { labAddons } from '../engines/addons.ts';
import { proveArgoCd } from './argocd-proof.ts';
import { proveCassOperator } from './cass-operator-proof.ts';
import { imageNames } from '../images/image-names.ts';
import { proveCardeaImage } from './image-proof.ts';
import { shellImage } from '../images/images.ts';
import type { Lab } from '../lab.ts';
import { isNodeReady } from '../node-ready.ts';
import { labPart } from '../building/parts.ts';
import { provePods } from './pods-proof.ts';
import { type ProvingGround, until } from './proof.ts';
import { byPushes } from './proof-repository.ts';
import { proveTekton } from './tekton-proof.ts';
import type { LabCheck } from './check.ts';

/** What the servers do together, and what runs in the cluster: a node, names, pods, pipelines, datacenters, delivery. */
export function clusterChecks(lab: Lab): readonly LabCheck[] {
  const { version } = labPart('kubernetes');
  const ground = (signal: AbortSignal): ProvingGround => ({ kubectl: lab.kubectl, image: shellImage, signal });
  return [
    { title: 'node', version, run: (signal) => until('the node is Ready', () => isNodeReady(lab), { signal }) },
    { title: 'pods, volumes, services, names', version, run: (signal) => provePods(ground(signal)) },
    {
      title: 'image of Cardea',
      version: imageNames.cardea.split(':')[1] ?? '',
      run: (signal) => proveCardeaImage(ground(signal)),
    },
    ...labAddons(lab.cache)
      .filter(({ workloads }) => workloads.length > 0)
      .map((addon) => addonCheck(lab, addon, (signal) => prove(lab, addon, ground(signal)))),
  ];
}

function addonCheck(lab: Lab, addon: LabAddon, proof: LabCheck['run']): LabCheck {
  return {
    title: addon.title,
    version: addon.version,
    async run(signal) {
      await waitForWorkloads(lab.kubectl, addon, { withinMs: 60_000, signal });
      await proof(signal);
    },
  };
}

/** That it does its work, not only that it runs; what CoreDNS does the pods' own check has shown. */
async function prove(lab: Lab, { name }: LabAddon, ground: ProvingGround): Promise<void> {
  if (name === 'tekton') await proveTekton(ground);
  if (name === 'cass-operator') await proveCassOperator(ground);
  if (name === 'argocd') await proveArgoCd(ground, byPushes(lab));
}
