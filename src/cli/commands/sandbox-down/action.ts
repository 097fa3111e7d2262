import { takeDown } from '../../../platforms/sandbox/take-down.ts';
import type { Action } from '../../command.ts';
import type { sandboxDown } from './declaration.ts';

/** Reads no configuration: it must be possible to stop what runs, whatever the file says now. */
export const action: Action<typeof sandboxDown> = async ({ signal }, input) => {
  const { existed } = await takeDown(input.env, { keepData: input.keepData, confirmed: input.confirm, signal });
  const done = input.keepData ? 'stopped; its data is kept' : 'stopped and deleted';
  return {
    json: { environment: input.env, existed, kept: existed && input.keepData },
    text: existed ? `${input.env} was ${done}.` : `There is no ${input.env} in the sandbox; nothing to do.`,
  };
};
