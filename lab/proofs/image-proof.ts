import { imageNames } from '../images/image-names.ts';
import { inProofSpace, type ProvingGround, unmet } from './proof.ts';

/** Cardea's own image as a pod that may do nothing special: not root, the root file system read-only, no capability. */
export async function proveCardeaImage(ground: ProvingGround): Promise<void> {
  const { kubectl } = ground;
  await inProofSpace(ground, 'cardea-lab-test-image', async ({ here, apply, until }) => {
    await apply(pod);
    const log = async () => kubectl.run(['logs', here, 'cardea', '--tail=8']).catch(() => '');
    await until('Cardea and Medusa print their versions in a pod', async () => (await log()).includes('done'), log);
    const said = (await log()).trim().split('\n');
    const version = imageNames.cardea.split(':')[1];
    if (said[0] !== version || !/^\d+\.\d+\.\d+$/.test(said[1] ?? '') || !said.includes('the root is read-only')) {
      throw unmet('The pod with the image of Cardea printed something unexpected.', said.join('\n'));
    }
  });
}

const script =
  'cardea --version && medusa --version && (touch /opt/written 2>/dev/null || echo the root is read-only) && echo done';

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'cardea' },
  spec: {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 0,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    volumes: [{ name: 'temporary', emptyDir: {} }],
    containers: [
      {
        name: 'cardea',
        image: imageNames.cardea,
        imagePullPolicy: 'Never',
        command: ['/bin/sh', '-c', script],
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [{ name: 'temporary', mountPath: '/tmp' }],
      },
    ],
  },
};
