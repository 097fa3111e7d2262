import { surveyPoints } from '../../../runbooks/catalog/point-catalog.ts';
import { refuseWhenUnreachable } from '../../runs/refuse-when-unreachable.ts';
import type { Action } from '../../command.ts';
import { pointJson, pointsText } from './text.ts';
import type { points } from './declaration.ts';

export const action: Action<typeof points> = async (context, input) => {
  const { bucket } = await context.platform(input.env);
  const { points, damaged } = await refuseWhenUnreachable(async () => surveyPoints(bucket));
  const own = points.filter(({ environment }) => environment === input.env);
  const all = [...own, ...damaged].sort((a, b) => (a.id < b.id ? 1 : -1));
  const others = points.length - own.length;
  if (others > 0) {
    context.output.note(
      `${others} more ${others === 1 ? 'point is' : 'points are'} of other environments that had used this bucket; they are never restored from here, and never removed.`,
    );
  }
  const shown = input.limit === 0 ? all : all.slice(0, input.limit);
  return {
    json: shown.map(pointJson),
    text: pointsText(shown, context.clock.now(), context.output.paint),
  };
};
