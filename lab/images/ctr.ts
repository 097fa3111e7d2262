import type { Lab } from '../lab.ts';

/** Inside the namespaces. */
export const containerdSocket = '/run/containerd/containerd.sock';

/** Before a command of `ctr` on the images that Kubernetes sees. */
export function ctr(lab: Pick<Lab, 'enclosure'>): readonly [string, ...string[]] {
  return [...lab.enclosure.enter, 'ctr', `--address=${containerdSocket}`, '--namespace=k8s.io'];
}
