import { z } from 'zod';
import { FailedProblem } from '../src/model/problem.ts';
import { waitFor } from '../src/platforms/sandbox/condition.ts';
import { nodeName } from './addresses.ts';
import { dnsObjects } from './dns.ts';
import type { Lab } from './lab.ts';

const conditions = z.object({
  status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional() }),
});

/** True when the object has the condition and its status is True. */
function meets(value: unknown, type: string): boolean {
  const read = conditions.safeParse(value);
  return (
    read.success && (read.data.status.conditions ?? []).some((each) => each.type === type && each.status === 'True')
  );
}

export async function isNodeReady(lab: Lab): Promise<boolean> {
  return meets(await lab.kubectl.look(['get', 'node', nodeName]), 'Ready');
}

/** Throws FailedProblem `lab-node-not-ready`. */
export async function waitForNode(lab: Lab, signal: AbortSignal): Promise<void> {
  const ready = async () => ((await isNodeReady(lab)) ? true : undefined);
  if ((await waitFor(ready, { withinMs: 90_000, everyMs: 250, signal })) === true) return;
  throw notReady('lab-node-not-ready', `node ${nodeName}`, `kubectl describe node ${nodeName}`);
}

/** What every cluster has: here, its DNS. */
export async function applyBase(lab: Lab): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: dnsObjects() };
  await lab.kubectl.run(['apply', '--server-side', '--force-conflicts', '--filename=-'], {
    input: JSON.stringify(list),
  });
}

export async function isAvailable(lab: Lab, namespace: string, name: string): Promise<boolean> {
  return meets(await lab.kubectl.look(['get', 'deployment', name, `--namespace=${namespace}`]), 'Available');
}

/** Throws FailedProblem `lab-workload-not-ready`. */
export async function waitForWorkloads(lab: Lab, signal: AbortSignal): Promise<void> {
  const ready = async () => ((await isAvailable(lab, 'kube-system', 'coredns')) ? true : undefined);
  if ((await waitFor(ready, { withinMs: 120_000, everyMs: 250, signal })) === true) return;
  throw notReady('lab-workload-not-ready', 'CoreDNS', 'kubectl -n kube-system describe pod -l k8s-app=kube-dns');
}

function notReady(code: string, what: string, look: string): FailedProblem {
  return new FailedProblem({
    code,
    happened: `In the lab, ${what} did not become ready in time.`,
    state: 'The servers of the lab run on.',
    next: `See why: ${look}, with the kubeconfig that \`cardea lab status\` names; then run \`cardea lab up\` again.`,
  });
}
