import { declare } from '../../command.ts';

export const labUp = declare({
  name: 'lab up',
  group: 'Setting up',
  summary: 'Start a real single-node Kubernetes on this machine, without a container engine.',
  about:
    'Builds what is missing first (once per machine, some minutes of two cores), then starts what does not run; killed at any moment, the next one goes on. ' +
    'The cluster lives in network, mount and process namespaces of its own; the host reaches it through one loopback address. Needs Linux and root.',
  arguments: {},
  options: {},
  interrupted: () => ({
    stopping: 'Stopping; servers that were started run on. Ctrl-C again leaves at once.',
    state:
      'Servers that were started run on, and what was built stays; the part under way is built on from where it was.',
    next: '`cardea lab up` goes on from here, `cardea lab down` removes it.',
  }),
  examples: [{ run: 'cardea lab up', says: 'Build, start, wait until everything is ready.' }],
});
