import { test } from 'vitest';

/** Whether tests on real parts run in full, as `npm run test:faults` and `npm run test:lab:long` do it, or only what the time of `npm test` allows. */
export const inFull = process.env['CARDEA_NEW_INPUTS'] !== undefined;

/** A test of `npm run test:faults` among others of its file: without it, it is not declared. */
export function testInFull(name: string, body: () => Promise<void>): void {
  if (inFull) test(name, body);
}
