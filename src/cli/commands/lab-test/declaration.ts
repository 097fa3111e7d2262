import { declare, flag, text } from '../../command.ts';

export const labTest = declare({
  name: 'lab test',
  group: 'Setup',
  summary: 'Test every part of the running lab. Prints one line per part with version, result and seconds.',
  about:
    'With --kubeconfig the same tests run on your own cluster (kind, k3d, a cloud). The cluster needs a storage class and must be able to pull images. ' +
    'If Tekton, cass-operator or Argo CD is missing, it is installed from the manifests that its project publishes, but only when you agree. ' +
    'What the tests create is removed; what was installed stays.',
  arguments: {},
  options: {
    kubeconfig: text('FILE', 'Test the cluster of the current context of this file instead of the lab.'),
    install: flag('With --kubeconfig: install what is missing without asking.'),
    image: text('IMAGE', 'With --kubeconfig: image for the test pods; it must hold a shell, httpd, and curl or wget.'),
  },
  interrupted: ({ kubeconfig }) => ({
    stopping: 'Stopping; what the proof under way has made is removed first. Ctrl-C again leaves at once.',
    state: `${kubeconfig === undefined ? 'The lab runs' : 'The cluster runs'} on; what the proofs had made is removed, what was installed stays.`,
    next: 'Run the same command again: it begins with the first proof.',
    left: 'What the proof under way had made may still be there; the next test removes it.',
  }),
  examples: [
    {
      run: 'cardea lab test',
      says: 'Test the lab. Exit code 1 when a part does not work; the end of its log is printed.',
    },
    { run: 'cardea lab test --kubeconfig ~/.kube/config', says: 'Test your own cluster; ask before installing.' },
  ],
});
