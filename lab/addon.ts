import { createHash } from 'node:crypto';
import { z } from 'zod';
import { FailedProblem } from '../src/model/problem.ts';
import { waitFor } from '../src/platforms/sandbox/condition.ts';
import type { ScratchImage } from './image-archive.ts';
import { importImages } from './images.ts';
import type { Lab } from './lab.ts';

/** Something that runs in the cluster as pods. */
export interface LabAddon {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly images: readonly ScratchImage[];
  /** What is applied, YAML or JSON. */
  readonly manifests: (lab: Lab) => Promise<string>;
  /** Deployments that must be available. */
  readonly deployments: ReadonlyArray<{ readonly namespace: string; readonly name: string }>;
}

/** Installs it unless it is there as it should be, and waits until it is ready. Throws FailedProblem `lab-addon-not-ready`. */
export async function installAddon(
  lab: Lab,
  addon: LabAddon,
  options: { readonly say: (line: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  await importImages(lab, addon.images, options.say);
  const manifests = await addon.manifests(lab);
  const hash = createHash('sha256').update(manifests).digest('hex').slice(0, 16);
  if ((await appliedHashes(lab))[addon.name] !== hash) {
    options.say(`installing ${addon.title} ${addon.version}`);
    const apply = ['apply', '--server-side', '--force-conflicts', '--filename=-'];
    await lab.kubectl.run(apply, { input: manifests });
    await writeHash(lab, addon.name, hash);
  }
  options.say(`waiting for ${addon.title}`);
  const ready = async () => ((await lackingDeployments(lab, addon)).length === 0 ? true : undefined);
  if ((await waitFor(ready, { withinMs: 180_000, everyMs: 250, signal: options.signal })) === true) return;
  throw await addonNotReady(lab, addon);
}

/** `namespace/name` of its deployments that are not available. */
export async function lackingDeployments(lab: Lab, addon: LabAddon): Promise<readonly string[]> {
  const states = await Promise.all(
    addon.deployments.map(async ({ namespace, name }) => {
      const object = await lab.kubectl.look(['get', 'deployment', name, `--namespace=${namespace}`]);
      return { is: meets(object, 'Available'), text: `${namespace}/${name}` };
    }),
  );
  return states.filter(({ is }) => !is).map(({ text }) => text);
}

/** Names what lacks, with the state of its pods and the end of their logs. */
export async function addonNotReady(lab: Lab, addon: LabAddon): Promise<FailedProblem> {
  const lacking = await lackingDeployments(lab, addon);
  const details: string[] = [];
  for (const each of lacking) {
    const [namespace = '', name = ''] = each.split('/');
    const pods = ['get', 'pods', `--namespace=${namespace}`, '--output=wide'];
    const logs = ['logs', `--namespace=${namespace}`, `deployment/${name}`, '--tail=8'];
    for (const args of [pods, logs]) details.push(...(await lab.kubectl.run(args).catch(() => '')).split('\n'));
  }
  return new FailedProblem({
    code: 'lab-addon-not-ready',
    happened: `${addon.title} is not ready in the lab: ${lacking.join(', ') || 'it became ready only now'}.`,
    state: 'The servers of the lab run on.',
    next: 'Look with kubectl and the kubeconfig that `cardea lab status` names; then run `cardea lab up` again.',
    details: details.filter((line) => line.trim() !== ''),
  });
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
