import { FailedProblem } from '../../src/model/problem.ts';
import { waitFor } from '../../src/host/wait-for.ts';
import type { Kubectl } from '../engines/kubectl.ts';

/** A cluster on which something is proved. */
export interface ProvingGround {
  readonly kubectl: Kubectl;
  /** An image with a shell, httpd, and curl or wget, for the pods of the proofs. */
  readonly image: string;
  readonly signal: AbortSignal;
}

/** A namespace for one proof, and what is asked about it. */
export interface ProofSpace {
  readonly name: string;
  /** Ends a command of kubectl. */
  readonly here: string;
  readonly apply: (...objects: readonly object[]) => Promise<void>;
  /** Waits until it is met. Throws FailedProblem `lab-check-failed` with the last events of the namespace and what `tell` says. */
  readonly until: (what: string, isMet: () => Promise<boolean>, tell?: () => Promise<string>) => Promise<void>;
}

/** Runs the proof in a namespace that is made for it, and gone when this returns. */
export async function inProofSpace(
  { kubectl, signal }: ProvingGround,
  name: string,
  prove: (space: ProofSpace) => Promise<void>,
): Promise<void> {
  const here = `--namespace=${name}`;
  const remove = async () => {
    await kubectl.run(['delete', 'namespace', name, '--ignore-not-found', '--timeout=100s']);
  };
  const space: ProofSpace = {
    name,
    here,
    async apply(...objects) {
      const items = objects.map((object) => ({ ...object, ...inside(object, name) }));
      await kubectl.run(['apply', '--filename=-'], {
        input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
      });
    },
    async until(what, isMet, tell = async () => '') {
      await until(what, isMet, { signal, tell: async () => `${await lastEvents(kubectl, here)}\n${await tell()}` });
    },
  };
  await remove();
  try {
    await kubectl.run(['create', 'namespace', name]);
    const account = async () => (await kubectl.look(['get', 'serviceaccount', 'default', here])) !== undefined;
    await space.until('the namespace has its service account', account);
    await prove(space);
  } finally {
    await remove();
  }
}

/** A deadline, not an expectation: a busy machine takes several times as long as a quiet one. */
const withinMs = 180_000;

/** Throws FailedProblem `lab-check-failed` when it is not met within three minutes. */
export async function until(
  what: string,
  isMet: () => Promise<boolean>,
  { signal, tell = async () => '' }: { readonly signal: AbortSignal; readonly tell?: () => Promise<string> },
): Promise<void> {
  const met = async () => ((await isMet()) ? true : undefined);
  if ((await waitFor(met, { withinMs, everyMs: 250, signal })) === true) return;
  throw unmet(`The following did not happen within three minutes: ${what}.`, await tell());
}

export function unmet(happened: string, said: string): FailedProblem {
  return new FailedProblem({
    code: 'lab-check-failed',
    happened,
    state: 'What the check created was removed; everything else in the cluster is unchanged.',
    next: 'Find the reason with kubectl and the same kubeconfig (`cardea lab status` shows the kubeconfig of the lab).',
    details: said
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-16),
  });
}

function inside(object: object, namespace: string): object {
  const metadata = 'metadata' in object && typeof object.metadata === 'object' ? object.metadata : {};
  return { metadata: { ...metadata, namespace } };
}

/** Pods and the last events: what tells why a pod does not do its work. */
async function lastEvents(kubectl: Kubectl, here: string): Promise<string> {
  const asked = [
    ['get', 'pods', here, '--output=wide', '--no-headers'],
    ['get', 'events', here, '--sort-by=.lastTimestamp', '--no-headers'],
  ];
  const said = await Promise.all(asked.map((args) => kubectl.run(args).catch(() => '')));
  return said.map((text) => text.trimEnd().split('\n').slice(-6).join('\n')).join('\n');
}
