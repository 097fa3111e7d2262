import { randomInt } from 'node:crypto';
import type { Ids } from '../../ports/clock.ts';

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

export const systemIds: Ids = {
  token: (length) => Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join(''),
};
