import { inProofSpace, type ProvingGround, unmet } from './proof.ts';

/**
 * The definition refuses a datacenter that is none, and the controller answers one that is stopped from the start, so that no image is needed: it
 * makes its services, its StatefulSet without a pod, and the superuser's secret, and takes all back when the datacenter goes.
 */
export async function proveCassOperator(ground: ProvingGround): Promise<void> {
  const { kubectl } = ground;
  await inProofSpace(ground, 'cardea-lab-test-cassandra', async ({ here, apply, until }) => {
    const refused = await apply(datacenter({ size: -1 })).then(
      () => false,
      () => true,
    );
    if (!refused) throw unmet('A datacenter of -1 nodes was not refused.', '');
    await apply(datacenter({ size: 1 }));
    const made = ['service/proof-dc1-service', 'statefulset/proof-dc1-default-sts', 'secret/proof-superuser'];
    const there = async () => {
      const found = await Promise.all(made.map((each) => kubectl.look(['get', each, here])));
      return found.filter((each) => each !== undefined).length;
    };
    const log = async () =>
      kubectl
        .run(['logs', '--namespace=cass-operator', 'deployment/cass-operator-controller-manager', '--tail=4'])
        .catch(() => '');
    await until(`cass-operator creates ${made.join(', ')}`, async () => (await there()) === made.length, log);
    await kubectl.run(['delete', 'cassandradatacenter', 'dc1', here, '--timeout=60s']);
    const taken = async () => (await kubectl.look(['get', 'statefulset', 'proof-dc1-default-sts', here])) === undefined;
    await until('cass-operator deletes the StatefulSet of a deleted datacenter', taken, log);
  });
}

function datacenter({ size }: { readonly size: number }): object {
  return {
    apiVersion: 'cassandra.datastax.com/v1beta1',
    kind: 'CassandraDatacenter',
    metadata: { name: 'dc1' },
    spec: {
      clusterName: 'proof',
      serverType: 'cassandra',
      serverVersion: '5.0.6',
      size,
      stopped: true,
      managementApiAuth: { insecure: {} },
      storageConfig: {
        cassandraDataVolumeClaimSpec: {
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: '1Mi' } },
        },
      },
    },
  };
}
