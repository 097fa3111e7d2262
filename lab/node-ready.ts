import { FailedProblem } from '../src/model/problem.ts';
import { waitFor } from '../src/host/wait-for.ts';
import { meets } from './engines/addon.ts';
import { nodeName } from './addresses.ts';
import type { Lab } from './lab.ts';

export async function isNodeReady(lab: Lab): Promise<boolean> {
  return meets(await lab.kubectl.look(['get', 'node', nodeName]), 'Ready');
}

/** Throws FailedProblem `lab-node-not-ready`. */
export async function waitForNode(lab: Lab, signal: AbortSignal): Promise<void> {
  const ready = async () => ((await isNodeReady(lab)) ? true : undefined);
  if ((await waitFor(ready, { withinMs: 90_000, everyMs: 250, signal })) === true) return;
  throw new FailedProblem({
    code: 'lab-node-not-ready',
    happened: `The node ${nodeName} of the lab did not become ready in time.`,
    state: 'The servers of the lab keep running.',
    next: `Find the reason with \`kubectl describe node ${nodeName}\` and the kubeconfig that \`cardea lab status\` shows. Then run \`cardea lab up\` again.`,
  });
}
