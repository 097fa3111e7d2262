import { takeDown } from '../../../platforms/sandbox/take-down.ts';
import type { Action } from '../../command.ts';
import type { sandboxDown } from './declaration.ts';

/** Asks no configuration: what runs must be stoppable whatever its file says by now. */
export const action: Action<typeof sandboxDown> = async ({ signal }, input) => {
  const { existed } = await takeDown(input.env, { keepData: input.keepData, confirmed: input.confirm, signal });
  const done = input.keepData ? 'stopped; its data stays' : 'stopped and removed';
  return {
    json: { environment: input.env, existed, kept: existed && input.keepData },
    text: existed ? `${input.env} is ${done}.` : `There is no ${input.env} here; nothing to do.`,
  };
};
