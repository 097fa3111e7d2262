import { formatBytes } from '../../../model/bytes.ts';
import { formatSeconds } from '../../../model/duration.ts';
import { backupRunbook } from '../../../runbooks/index.ts';
import { pointOfRun } from '../../../runbooks/backup.ts';
import { getPoint } from '../../../runbooks/catalog/point-catalog.ts';
import type { backup } from './declaration.ts';
import type { Action } from '../../command.ts';
import { withMissedNodes } from '../../runs/missed-nodes.ts';
import { operate } from '../../runs/operation.ts';

export const action: Action<typeof backup> = async (context, input) => {
  const { name } = await context.environment(input.env);
  return operate(context, {
    environment: name,
    runbook: backupRunbook,
    params: { mode: input.mode, cut: input.quiesced ? 'quiesced' : 'fuzzy' },
    async done({ run, seconds, results }) {
      const platform = await context.platform(name);
      const point = await getPoint(platform.bucket, pointOfRun(run));
      const size = `${formatBytes(point.bytes)}, ${formatBytes(point.newBytes)} of it new`;
      const next =
        point.cut === 'fuzzy'
          ? `It was taken while applications could write; a restore needs the log after it as well. Prove it with \`cardea rehearse ${name} ${point.id}\`.`
          : `Prove it with \`cardea rehearse ${name} ${point.id}\`.`;
      const found = point.findings;
      const stock =
        found === undefined || found.count === 0
          ? ''
          : ` The graph had ${found.count} ${found.count === 1 ? 'finding' : 'findings'} already, which are recorded with it.`;
      const done = {
        json: {
          findings: found ?? null,
          run,
          point: point.id,
          proof: point.proof,
          bytes: point.bytes,
          newBytes: point.newBytes,
          seconds,
        },
        text: `${point.id} is ${point.proof}: ${size}, in ${formatSeconds(seconds)}.${stock} ${next}`,
      };
      return withMissedNodes(context, name, results['ship-logs'], done);
    },
  });
};
