import { listPoints } from '../../runbooks/point-catalog.ts';
import { notStarted } from '../not-started.ts';
import type { Action } from '../command.ts';
import { pointJson, pointsTable } from '../points-table.ts';
import type { points } from '../points.ts';

export const action: Action<typeof points> = async (context, input) => {
  const { bucket } = await context.platform(input.env);
  const all = await notStarted(async () => listPoints(bucket));
  const shown = input.limit === 0 ? all : all.slice(0, input.limit);
  return {
    json: shown.map(pointJson),
    text: pointsTable(shown, context.clock.now(), context.output.paint),
  };
};
