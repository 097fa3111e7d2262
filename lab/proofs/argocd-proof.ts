import { z } from 'zod';
import type { Kubectl } from '../engines/kubectl.ts';
import { inProofSpace, type ProofSpace, type ProvingGround } from './proof.ts';

/** Makes one ConfigMap `proof` that holds what is said available to Argo CD. */
export type Publish = (said: 'first' | 'second', space: ProofSpace) => Promise<Published>;

export interface Published {
  /** Of an Application. */
  readonly source: object;
  /** What the Application says when it is there. */
  readonly revision: string;
}

/** An Application brings what is published into the cluster and is healthy, and so it does with what is published next. */
export async function proveArgoCd(ground: ProvingGround, publish: Publish): Promise<void> {
  const { kubectl } = ground;
  const remove = ['delete', 'application', application, '--namespace=argocd', '--ignore-not-found', '--timeout=60s'];
  await inProofSpace(ground, 'cardea-lab-test-argocd', async (space) => {
    const { name, here, until } = space;
    await kubectl.run(remove);
    try {
      for (const said of ['first', 'second'] as const) {
        const { source, revision } = await publish(said, space);
        await kubectl.run(['apply', '--filename=-'], { input: JSON.stringify(applicationOf(source, name)) });
        const arrived = async () => {
          const state = await stateOf(kubectl);
          if (state?.sync.status !== 'Synced' || state.sync.revision !== revision) return false;
          const map = proofMap.safeParse(await kubectl.look(['get', 'configmap', 'proof', here]));
          return state.health.status === 'Healthy' && map.success && map.data.data.said === said;
        };
        const tell = async () => JSON.stringify((await stateOf(kubectl)) ?? 'the Application has no status');
        await until(`an Application deploys the ${said} published version`, arrived, tell);
      }
    } finally {
      await kubectl.run(remove);
    }
  });
}

const application = 'cardea-lab-test';

const proofMap = z.object({ data: z.object({ said: z.string() }) });

const applicationStatus = z.object({
  status: z.object({
    sync: z.object({ status: z.string(), revision: z.string().optional() }),
    health: z.object({ status: z.string().optional() }),
    conditions: z.array(z.object({ message: z.string() })).optional(),
  }),
});

async function stateOf(kubectl: Kubectl) {
  const asked = ['get', 'application', application, '--namespace=argocd'];
  const read = applicationStatus.safeParse(await kubectl.look(asked));
  return read.success ? read.data.status : undefined;
}

function applicationOf(source: object, namespace: string): object {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: {
      name: application,
      namespace: 'argocd',
      // What it brought goes with it.
      finalizers: ['resources-finalizer.argocd.argoproj.io'],
    },
    spec: {
      project: 'default',
      source,
      destination: { server: 'https://kubernetes.default.svc', namespace },
      syncPolicy: { automated: { prune: true, selfHeal: true } },
    },
  };
}
