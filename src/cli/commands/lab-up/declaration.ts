import { declare } from '../../command.ts';

export const labUp = declare({
  name: 'lab up',
  group: 'Setup',
  summary: 'Start a real single-node Kubernetes cluster on this machine, without a container engine.',
  about:
    'First builds what is missing (once per machine, a few minutes on two cores), then starts what is not running. If it is killed, run it again: it continues. ' +
    'The cluster has its own network, mount and process namespaces; the host reaches it through one loopback address. Needs Linux and root.',
  arguments: {},
  options: {},
  interrupted: () => ({
    stopping: 'Stopping. Servers that were started keep running. Ctrl-C again leaves at once.',
    state:
      'Servers that were started keep running, and what was built remains; an unfinished build continues from where it was.',
    next: '`cardea lab up` continues from here; `cardea lab down` removes the lab.',
  }),
  examples: [{ run: 'cardea lab up', says: 'Build and start the lab, and wait until everything is ready.' }],
});
