import { FailedProblem } from '../../src/model/problem.ts';
import { waitFor } from '../../src/host/wait-for.ts';
import { logTail } from '../../src/host/detached-process.ts';
import type { Lab } from '../lab.ts';
import { died, type LabServer, stateOf } from '../servers/server.ts';
import { labServers } from '../servers/servers.ts';
import type { LabCheck } from './check.ts';

/** Every server runs and says that it is well. */
export function serverChecks(lab: Lab): readonly LabCheck[] {
  return labServers(lab).map((server) => ({
    title: server.title,
    version: server.version,
    run: (signal) => checkServer(lab, server, signal),
  }));
}

async function checkServer(lab: Lab, server: LabServer, signal: AbortSignal): Promise<void> {
  let lacking: string | undefined;
  const { log } = stateOf(lab.places, server);
  const answer = await waitFor(
    async () => {
      if (stateOf(lab.places, server).pid === null) return 'died';
      lacking = await server.lacks();
      return lacking === undefined ? 'well' : undefined;
    },
    { withinMs: 10_000, everyMs: 250, signal },
  );
  if (answer === 'well') return;
  if (answer === 'died') throw died(server.title, log);
  throw new FailedProblem({
    code: 'lab-server-unwell',
    happened: `${server.title} is running but not healthy: ${lacking ?? ''}`,
    state: 'It is still running.',
    next: `Read ${log}.`,
    details: logTail(log),
  });
}
