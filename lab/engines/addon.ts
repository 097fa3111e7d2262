import { createHash } from 'node:crypto';
import { z } from 'zod';
import { FailedProblem } from '../../src/model/problem.ts';
import { waitFor } from '../../src/host/wait-for.ts';
import type { ScratchImage } from '../images/image-archive.ts';
import { importImages } from '../images/images.ts';
import type { Kubectl } from './kubectl.ts';
import type { Lab } from '../lab.ts';

/** Something that runs in the cluster as pods. */
export interface LabAddon {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly images: () => Promise<readonly ScratchImage[]>;
  /** What is applied, YAML or JSON. */
  readonly manifests: (kubectl: Kubectl) => Promise<string>;
  /** Objects of a kind that the manifests define: applied when it is served. */
  readonly objects?: readonly object[];
  /** What the manifests leave to be made in the cluster, once. Idempotent. */
  readonly complete?: (kubectl: Kubectl) => Promise<void>;
  /** What must run, all of it: `deployment/coredns`. */
  readonly workloads: readonly Workload[];
}

export interface Workload {
  readonly namespace: string;
  /** `deployment/NAME` or `statefulset/NAME`. */
  readonly name: `deployment/${string}` | `statefulset/${string}`;
}

/** Applies it unless it is there as it should be. It is not ready then: see `waitForWorkloads`. */
export async function installAddon(
  lab: Lab,
  addon: LabAddon,
  { say, signal }: { readonly say: (line: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  await importImages(lab, await addon.images(), say);
  const manifests = await addon.manifests(lab.kubectl);
  const more = JSON.stringify([addon.objects ?? [], addon.complete !== undefined]);
  const hash = createHash('sha256').update(manifests).update(more).digest('hex').slice(0, 16);
  if ((await appliedHashes(lab))[addon.name] === hash) return;
  say(`installing ${addon.title} ${addon.version}`);
  await applyManifests(lab.kubectl, { ...addon, manifests }, signal);
  await writeHash(lab, addon.name, hash);
}

/**
 * By the server: what is applied so may be larger than an annotation holds, as some definitions are. Tried again for a while: an engine's own webhook
 * refuses its configuration while its pod starts, which is so when an earlier attempt was killed. Throws FailedProblem `kubectl-failed`.
 */
export async function applyManifests(
  kubectl: Kubectl,
  { manifests, objects = [], complete }: Pick<LabAddon, 'objects' | 'complete'> & { readonly manifests: string },
  signal: AbortSignal,
): Promise<void> {
  await applied(kubectl, manifests, signal);
  if (objects.length > 0) {
    await kubectl.run(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
    await applied(kubectl, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }), signal);
  }
  await complete?.(kubectl);
}

async function applied(kubectl: Kubectl, input: string, signal: AbortSignal): Promise<void> {
  let failure: unknown;
  const attempt = async () => {
    try {
      await kubectl.run(['apply', '--server-side', '--force-conflicts', '--filename=-'], { input });
      return true;
    } catch (error) {
      failure = error;
      return undefined;
    }
  };
  if ((await waitFor(attempt, { withinMs: 60_000, everyMs: 2000, signal })) !== true) throw failure;
}

/** Throws FailedProblem `lab-addon-not-ready`, which names what lacks, with the state of its pods and the end of their logs. */
export async function waitForWorkloads(
  kubectl: Kubectl,
  { title, workloads }: Pick<LabAddon, 'title' | 'workloads'>,
  { withinMs, signal }: { readonly withinMs: number; readonly signal: AbortSignal },
): Promise<void> {
  let lacking: readonly Workload[] = [];
  const ready = async () => {
    lacking = await lackingWorkloads(kubectl, workloads);
    return lacking.length === 0 ? true : undefined;
  };
  if ((await waitFor(ready, { withinMs, everyMs: 250, signal })) === true) return;
  const details: string[] = [];
  for (const { namespace, name } of lacking) {
    const pods = ['get', 'pods', `--namespace=${namespace}`, '--output=wide'];
    const logs = ['logs', `--namespace=${namespace}`, name, '--all-containers', '--tail=8'];
    for (const args of [pods, logs]) details.push(...(await kubectl.run(args).catch(() => '')).split('\n'));
  }
  throw new FailedProblem({
    code: 'lab-addon-not-ready',
    happened: `${title} is not ready: ${lacking.map(({ namespace, name }) => `${namespace}/${name}`).join(', ')}.`,
    state: 'Everything else in the cluster keeps running.',
    next: 'Find the reason with kubectl and the same kubeconfig (`cardea lab status` shows the kubeconfig of the lab), then run the command again.',
    details: details.filter((line) => line.trim() !== ''),
  });
}

/** Those that do not run, or not all of them. */
export async function lackingWorkloads(kubectl: Kubectl, workloads: readonly Workload[]): Promise<readonly Workload[]> {
  const states = await Promise.all(
    workloads.map(async (workload) => {
      const object = await kubectl.look(['get', workload.name, `--namespace=${workload.namespace}`]);
      return { workload, runs: workload.name.startsWith('deployment/') ? meets(object, 'Available') : isWhole(object) };
    }),
  );
  return states.filter(({ runs }) => !runs).map(({ workload }) => workload);
}

const replicas = z.object({
  spec: z.object({ replicas: z.int() }),
  status: z.object({ readyReplicas: z.int().optional(), updatedReplicas: z.int().optional() }),
});

/** Of a StatefulSet, which has no conditions: every pod is ready, and of the newest version. */
function isWhole(value: unknown): boolean {
  const read = replicas.safeParse(value);
  if (!read.success) return false;
  const { spec, status } = read.data;
  return (status.readyReplicas ?? 0) >= spec.replicas && (status.updatedReplicas ?? 0) >= spec.replicas;
}

const conditions = z.object({
  status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional() }),
});

/** True when the object has the condition and its status is True. */
export function meets(value: unknown, type: string): boolean {
  const read = conditions.safeParse(value);
  return (
    read.success && (read.data.status.conditions ?? []).some((each) => each.type === type && each.status === 'True')
  );
}

/** What was applied last, in the cluster itself: it goes with the cluster's data. */
const marks = { namespace: 'kube-system', name: 'cardea-lab' };
const marksObject = z.object({ data: z.record(z.string(), z.string()).optional() });

async function appliedHashes(lab: Lab): Promise<Readonly<Record<string, string>>> {
  const read = marksObject.safeParse(
    await lab.kubectl.look(['get', 'configmap', marks.name, `--namespace=${marks.namespace}`]),
  );
  return read.success ? (read.data.data ?? {}) : {};
}

async function writeHash(lab: Lab, addon: string, hash: string): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: marks, data: { [addon]: hash } };
  // One field manager an addon: the entries of the others stay.
  const apply = ['apply', '--server-side', `--field-manager=cardea-lab-${addon}`, '--filename=-'];
  await lab.kubectl.run(apply, { input: JSON.stringify(object) });
}
