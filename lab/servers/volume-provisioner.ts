import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { openApi } from './kubernetes-api.ts';
import { claimList, planVolumes, volumeFor, volumeList, volumeName } from './volume-plan.ts';

/**
 * Gives every claim of the storage class a folder of the node. Runs inside the namespaces as
 * `node volume-provisioner.ts FOLDER KUBECONFIG`; looks once a second, which is what the API server answers in a millisecond.
 */
async function provision(folder: string, kubeconfig: string): Promise<void> {
  const api = openApi(kubeconfig);
  let complaint = '';
  const volumesPath = '/api/v1/persistentvolumes';
  for (;;) {
    try {
      const claims = claimList.parse(await api('GET', '/api/v1/persistentvolumeclaims')).items;
      const volumes = volumeList.parse(await api('GET', volumesPath)).items;
      const { make, remove } = planVolumes(claims, volumes);
      complaint = '';
      for (const claim of make) {
        const path = join(folder, volumeName(claim));
        mkdirSync(path, { recursive: true });
        // Pods that are nobody in particular write too, as on most provisioned disks.
        chmodSync(path, 0o777);
        await api('POST', volumesPath, volumeFor(claim, path));
        console.log(`made ${volumeName(claim)} for ${claim.metadata.namespace}/${claim.metadata.name}`);
      }
      for (const { metadata, spec } of remove) {
        const path = spec.local?.path;
        if (path !== undefined && dirname(path) === folder) rmSync(path, { recursive: true, force: true });
        await api('DELETE', `${volumesPath}/${metadata.name}`);
        console.log(`removed ${metadata.name}`);
      }
    } catch (error) {
      // The API server may be away for a while: what is wanted is asked anew, and a complaint is said once.
      const said = error instanceof Error ? error.message : String(error);
      if (said !== complaint) console.error(said);
      complaint = said;
    }
    await setTimeout(1000);
  }
}

const [folder, kubeconfig] = z.tuple([z.string(), z.string()]).parse(process.argv.slice(2));
await provision(folder, kubeconfig);
