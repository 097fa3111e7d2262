import { declare, flag, text } from '../../command.ts';

export const labTest = declare({
  name: 'lab test',
  group: 'Setting up',
  summary: 'Show on the running lab that every part of it works: one line a part with version, result and seconds.',
  about:
    'With --kubeconfig the same proofs run on a cluster of your own (kind, k3d, a cloud). It needs a storage class of its own and images from registries; Tekton, cass-operator and ' +
    'Argo CD are installed where they are missing, by the manifests that their makers publish, and only when you agree. What the proofs make is removed, what was installed stays.',
  arguments: {},
  options: {
    kubeconfig: text('FILE', 'Test the cluster of this file (its current context) in place of the lab.'),
    install: flag('With --kubeconfig: install what is missing without asking.'),
    image: text('IMAGE', 'With --kubeconfig: image for the pods of the proofs, with a shell, httpd, and curl or wget.'),
  },
  interrupted: ({ kubeconfig }) => ({
    stopping: 'Stopping; what the proof under way has made is removed first. Ctrl-C again leaves at once.',
    state: `${kubeconfig === undefined ? 'The lab runs' : 'The cluster runs'} on; what the proofs had made is removed, what was installed stays.`,
    next: 'Run the same command again: it begins with the first proof.',
    left: 'What the proof under way had made may still be there; the next test removes it.',
  }),
  examples: [
    { run: 'cardea lab test', says: 'Exit code 1 when a part does not work, which is named with the end of its log.' },
    { run: 'cardea lab test --kubeconfig ~/.kube/config', says: 'On your own cluster; asks before it installs.' },
  ],
});
