import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { RefusedProblem } from '../../src/model/problem.ts';
import { applyManifests, meets, waitForWorkloads } from '../engines/addon.ts';
import { publishedArgoCd } from '../engines/argocd.ts';
import { proveArgoCd } from './argocd-proof.ts';
import { publishedCassOperator } from '../engines/cass-operator.ts';
import { proveCassOperator } from './cass-operator-proof.ts';
import { findProgram } from '../../src/toolchain/programs.ts';
import { labFolders } from '../folders.ts';
import { findGo } from '../building/go.ts';
import { type Kubectl, kubectlFor } from '../engines/kubectl.ts';
import { carriedFolder } from '../building/part-build.ts';
import { provePods } from './pods-proof.ts';
import { type ProvingGround, until } from './proof.ts';
import { byCharts } from './proof-charts.ts';
import type { Carried, PublishedEngine } from '../engines/published-engine.ts';
import { publishedTekton } from '../engines/tekton.ts';
import { proveTekton } from './tekton-proof.ts';
import { type ProofResult, type LabCheck, runChecks, type TestOptions } from './check.ts';
import { toolPaths } from '../building/tools.ts';

interface AnyClusterOptions extends TestOptions {
  /** Path of a kubeconfig; its current context is the cluster. */
  readonly kubeconfig: string;
  /** For the pods of the proofs: has a shell, httpd, and curl or wget. */
  readonly image: string;
  /** Asked before anything is installed, with what is missing and where it would go. */
  readonly agree: (question: string) => Promise<boolean>;
}

/**
 * The lab's proofs on a cluster of the user's own. Engines that it lacks are installed when `agree` says so; those that are there are taken as they
 * are. What the proofs make is removed, what was installed stays. Throws RefusedProblem `no-kubeconfig`, `no-kubectl`, `cluster-not-reached` or
 * `engines-missing`.
 */
export async function testCluster(options: AnyClusterOptions): Promise<readonly ProofResult[]> {
  const { say, signal, image } = options;
  const kubectl = clusterKubectl(options.kubeconfig);
  const version = await serverVersion(kubectl, options.kubeconfig);
  const carried = carriedParts(options);
  const engines = [
    { engine: publishedTekton(carried), prove: proveTekton },
    { engine: publishedCassOperator(carried), prove: proveCassOperator },
    {
      engine: publishedArgoCd(carried),
      prove: (ground: ProvingGround) => proveArgoCd(ground, byCharts(ground)),
    },
  ];
  const installed = await installMissing(
    kubectl,
    engines.map(({ engine }) => engine),
    options,
  );
  const ground = { kubectl, image, signal };
  const checks: readonly LabCheck[] = [
    { title: 'nodes', version, run: () => until('every node is Ready', () => areNodesReady(kubectl), { signal }) },
    { title: 'pods, volumes, services, names', version, run: () => provePods(ground) },
    ...engines.map(({ engine, prove }) => ({
      title: engine.title,
      version: installed.has(engine) ? engine.version : 'as found',
      run: () => prove(ground),
    })),
  ];
  say(`testing ${options.kubeconfig}`);
  return runChecks(checks, options);
}

/** The engines that it installed. */
async function installMissing(
  kubectl: Kubectl,
  engines: readonly PublishedEngine[],
  { agree, say, signal }: AnyClusterOptions,
): Promise<ReadonlySet<PublishedEngine>> {
  const found = await Promise.all(engines.map(({ definition }) => kubectl.look(['get', 'crd', definition])));
  const missing = engines.filter((_engine, at) => found[at] === undefined);
  if (missing.length === 0) return new Set();
  const list = missing.map(({ title, version, workloads }) => {
    const [workload] = workloads;
    return `${title} ${version} (namespace ${workload?.namespace ?? 'default'})`;
  });
  const context = (await kubectl.run(['config', 'current-context'])).trim();
  const what = `The cluster of the context ${context} lacks ${list.join(', ')}.`;
  if (!(await agree(`${what} Install ${missing.length === 1 ? 'it' : 'them'} there?`))) {
    throw new RefusedProblem({
      code: 'engines-missing',
      happened: what,
      state: 'Nothing was changed.',
      next: 'Install them yourself, or run the same command with --install, which applies the manifests that each project publishes.',
    });
  }
  for (const engine of missing) {
    say(`installing ${engine.title} ${engine.version}`);
    await applyManifests(kubectl, { ...engine, manifests: await engine.manifests(kubectl) }, signal);
  }
  for (const engine of missing) {
    say(`waiting for ${engine.title}`);
    // Images come from registries.
    await waitForWorkloads(kubectl, engine, { withinMs: 600_000, signal });
  }
  return new Set(missing);
}

function carriedParts({ say, signal }: AnyClusterOptions): Carried {
  const { parts: cache } = labFolders();
  return async (part) => {
    mkdirSync(cache, { recursive: true });
    return carriedFolder(part, { cache, go: () => findGo({ cache, say, signal }), signal });
  };
}

/** By the machine's own kubectl, else the lab's. */
function clusterKubectl(kubeconfig: string): Kubectl {
  const file = resolve(kubeconfig);
  if (!existsSync(file)) {
    throw new RefusedProblem({
      code: 'no-kubeconfig',
      happened: `There is no kubeconfig ${file}.`,
      state: 'Nothing was changed.',
      next: 'Name the kubeconfig of your cluster: --kubeconfig ~/.kube/config',
    });
  }
  const built = toolPaths(labFolders().parts).kubectl;
  const program = findProgram('kubectl') ?? (existsSync(built) ? built : undefined);
  if (program !== undefined) return kubectlFor(program, file);
  throw new RefusedProblem({
    code: 'no-kubectl',
    happened: 'There is no kubectl on this machine.',
    state: 'Nothing was changed.',
    next: 'Install kubectl, then run the same command again.',
  });
}

const versionAnswer = z.object({ serverVersion: z.object({ gitVersion: z.string() }) });

async function serverVersion(kubectl: Kubectl, kubeconfig: string): Promise<string> {
  const read = versionAnswer.safeParse(await kubectl.look(['version']));
  if (read.success) return read.data.serverVersion.gitVersion;
  throw new RefusedProblem({
    code: 'cluster-not-reached',
    happened: `The cluster of ${kubeconfig} does not answer.`,
    state: 'Nothing was changed.',
    next: `Find the reason with: kubectl --kubeconfig ${kubeconfig} version`,
  });
}

const nodeList = z.object({ items: z.array(z.unknown()).min(1) });

async function areNodesReady(kubectl: Kubectl): Promise<boolean> {
  const read = nodeList.safeParse(await kubectl.look(['get', 'nodes']));
  return read.success && read.data.items.every((node) => meets(node, 'Ready'));
}
