import { systemProcesses } from '../../../adapters/system/processes.ts';
import { formatSeconds } from '../../../model/duration.ts';
import { UsageProblem } from '../../../model/problem.ts';
import { bringUp, type HandledChange } from '../../../platforms/sandbox/bring-up.ts';
import { report } from '../../../platforms/sandbox/report.ts';
import type { Action } from '../../command.ts';
import { handledText } from '../../configuration/change-text.ts';
import { agentsInUse } from '../../runs/agents-in-use.ts';
import { runsWorld } from '../../runs/runs-world.ts';
import { refuseUnfinishedRestore } from '../../runs/unfinished-restore.ts';
import { progressLine } from '../../terminal/progress-line.ts';
import type { sandboxUp } from './declaration.ts';
import { sandboxText } from '../sandbox-status/text.ts';

export const action: Action<typeof sandboxUp> = async (context, input) => {
  const { clock, output, flags, signal } = context;
  const { name, config } = await context.environment(input.env);
  if (config.platform.kind !== 'sandbox') {
    throw new UsageProblem({
      code: 'not-a-sandbox',
      happened: `${name} is an environment on Kubernetes; the sandbox cannot start it.`,
      state: 'Nothing was started.',
      next: "Name an environment with `platform: { kind: 'sandbox' }`, or add one to cardea.config.ts.",
    });
  }
  const began = clock.monotonic();
  let changes: readonly HandledChange[] = [];
  const line = await progressLine(output, name, () => clock.now(), flags.quiet || flags.json);
  try {
    const { config: all } = await context.config();
    await bringUp(name, config, {
      project: all.name,
      nodes: input.nodes === 0 ? undefined : input.nodes,
      store: input.store === 'configured' ? undefined : input.store,
      progress: line.report,
      signal,
      async beforeDatabase(aside, madeAt) {
        await refuseUnfinishedRestore(await runsWorld(context, name), name, aside, madeAt);
      },
      async agentsInUse(nodes) {
        const platform = await context.platform(name);
        return agentsInUse({ store: platform.bucket, clock, processes: systemProcesses() }, platform, nodes);
      },
      onChanges(found) {
        changes = found;
      },
    });
  } finally {
    line.end();
    for (const change of changes) output.warn(handledText(name, change));
  }
  const seconds = clock.monotonic() - began;
  const now = await report(name);
  return {
    json: { ...now, changes, seconds },
    text: now === undefined ? '' : `${sandboxText(now)}\nup in ${formatSeconds(seconds)}`,
  };
};
