import { formatSeconds } from '../../model/duration.ts';
import { acceptPoint, choosePoint, type Choice } from '../../runbooks/choose-point.ts';
import { restoreIntoRunbook, restoreRunbook } from '../../runbooks/index.ts';
import { getPoint, listPoints } from '../../runbooks/point-catalog.ts';
import type { Platform } from '../../ports/platform.ts';
import type { Action } from '../command.ts';
import { notStarted } from '../not-started.ts';
import { operate } from '../operation.ts';
import type { restore } from '../restore.ts';

export const action: Action<typeof restore> = async (context, input) => {
  const { name } = await context.environment(input.env);
  const { point, warning } = await notStarted(async () =>
    chosen(await context.platform(name), input.to, input.allowTaken),
  );
  if (warning !== undefined) context.output.warn(context.output.paintNote('yellow', `WARNING: ${warning}`));
  const params = { point: point.id, allowTaken: input.allowTaken };
  if (input.into !== undefined) {
    const into = input.into;
    return operate(context, {
      environment: name,
      runbook: restoreIntoRunbook,
      params: { ...params, into },
      confirmed: input.confirm,
      async done({ run, seconds }) {
        const copy = await (await context.platform(name)).copies.open(into);
        await copy?.close();
        const gremlin = copy?.graph.url ?? null;
        return {
          json: { run, ok: true, seconds, point: point.id, into, gremlin },
          text: `${point.id} runs as ${into} beside ${name}, after ${formatSeconds(seconds)}: ${gremlin}. ${name} was not touched.\nLook at it: cardea check ${name}~${into}. Remove it: cardea sandbox down ${name}~${into}`,
        };
      },
    });
  }
  return operate(context, {
    environment: name,
    runbook: restoreRunbook,
    params,
    confirmed: input.confirm,
    done: ({ run, seconds }) => ({
      json: { run, ok: true, seconds, point: point.id },
      text: [
        `${name} is back at ${point.id} (${point.takenAt}), after ${formatSeconds(seconds)}; its graph was checked.`,
        `What was there before lies aside. When all is well: cardea restore accept ${run} --confirm ${name}`,
        `To undo the restore:                                cardea restore revert ${run} --confirm ${name}`,
      ].join('\n'),
    }),
  });
};

async function chosen({ bucket, environment }: Platform, to: string | undefined, allowTaken: boolean): Promise<Choice> {
  if (to === undefined) return choosePoint(await listPoints(bucket), environment);
  return acceptPoint(await getPoint(bucket, to), allowTaken);
}
