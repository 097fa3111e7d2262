import { takeDownLab } from '../../../../lab/down.ts';
import type { Action } from '../../command.ts';
import type { labDown } from './declaration.ts';
export const action: Action<typeof labDown> = async ({ signal }) => {
  const { existed } = await takeDownLab(signal);
  return {
    json: { existed },
    text: existed ? 'The lab was stopped and removed.' : 'There is no lab on this machine; nothing to do.',
  };
};
