import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Kubectl } from './kubectl.ts';
import { inProofSpace, type ProvingGround, unmet } from './proof.ts';

/** A repository for the proof, by the two addresses of one Git server. */
export interface ProofRepository {
  /** Where this process pushes. */
  readonly push: string;
  /** Where Argo CD finds it. */
  readonly pull: string;
}

/** An Application brings a repository into the cluster, is healthy, and brings the next push without being told. */
export async function proveArgoCd(ground: ProvingGround, repository: ProofRepository): Promise<void> {
  const { kubectl } = ground;
  const application = 'cardea-lab-test';
  const argocd = '--namespace=argocd';
  const remove = ['delete', 'application', application, argocd, '--ignore-not-found', '--timeout=60s'];
  const folder = mkdtempSync(join(tmpdir(), 'cardea-lab-test-'));
  await inProofSpace(ground, 'cardea-lab-test-argocd', async ({ name, here, until }) => {
    try {
      const first = await pushed(folder, repository.push, 'first');
      await kubectl.run(remove);
      await kubectl.run(['apply', '--filename=-'], { input: JSON.stringify(applicationOf(repository.pull, name)) });
      const holds = async (said: string) => {
        const map = proofMap.safeParse(await kubectl.look(['get', 'configmap', 'proof', here]));
        return map.success && map.data.data.said === said;
      };
      const tell = async () => JSON.stringify((await stateOf(kubectl, application))?.conditions ?? 'no status');
      const isAt = async (revision: string) => {
        const state = await stateOf(kubectl, application);
        return state?.sync.status === 'Synced' && state.sync.revision === revision && state.health.status === 'Healthy';
      };
      await until('an Application is synced and healthy', async () => isAt(first), tell);
      await until('it holds what the repository says', async () => holds('first'), tell);
      const second = await pushed(folder, repository.push, 'second');
      await until('a push arrives', async () => (await isAt(second)) && (await holds('second')), tell);
    } finally {
      await kubectl.run(remove);
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

const proofMap = z.object({ data: z.object({ said: z.string() }) });

const applicationStatus = z.object({
  status: z.object({
    sync: z.object({ status: z.string(), revision: z.string().optional() }),
    health: z.object({ status: z.string().optional() }),
    conditions: z.array(z.object({ message: z.string() })).optional(),
  }),
});

async function stateOf(kubectl: Kubectl, name: string) {
  const read = applicationStatus.safeParse(await kubectl.look(['get', 'application', name, '--namespace=argocd']));
  return read.success ? read.data.status : undefined;
}

function applicationOf(repoURL: string, namespace: string): object {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: {
      name: 'cardea-lab-test',
      namespace: 'argocd',
      // What it brought goes with it.
      finalizers: ['resources-finalizer.argocd.argoproj.io'],
    },
    spec: {
      project: 'default',
      source: { repoURL, targetRevision: 'main', path: '.' },
      destination: { server: 'https://kubernetes.default.svc', namespace },
      syncPolicy: { automated: { prune: true, selfHeal: true } },
    },
  };
}

/** Commits one ConfigMap and pushes it; the commit's hash. */
async function pushed(folder: string, url: string, said: string): Promise<string> {
  const { execa } = await import('execa');
  // A hook of Git sets variables that would lead another Git to its repository.
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, GIT_CONFIG_NOSYSTEM: '1' };
  const git = async (...args: readonly string[]) => {
    const who = ['-c', 'user.name=cardea lab', '-c', 'user.email=lab@cardea.local'];
    const options = { cwd: folder, env, extendEnv: false, reject: false, stdin: 'ignore', timeout: 30_000 } as const;
    const { failed, stdout, stderr } = await execa('git', [...who, ...args], options);
    if (failed) throw unmet(`git ${args[0] ?? ''} failed on ${url}.`, stderr);
    return stdout.trim();
  };
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'proof' }, data: { said } };
  await git('init', '--quiet', '--initial-branch=main');
  writeFileSync(join(folder, 'proof.yaml'), JSON.stringify(object));
  await git('add', 'proof.yaml');
  await git('commit', '--quiet', `--message=Say ${said}`);
  await git('push', '--quiet', '--force', url, 'main');
  return git('rev-parse', 'HEAD');
}
