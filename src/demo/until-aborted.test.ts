import { expect, test } from 'vitest';
import { untilAborted } from './until-aborted.ts';

test('the result of the work, or what it failed with', async () => {
  const { signal } = new AbortController();
  await expect(untilAborted(signal, Promise.resolve(7))).resolves.toBe(7);
  await expect(untilAborted(signal, Promise.reject(new TypeError('broken')))).rejects.toThrow('broken');
});

test('aborted, it does not wait for the work, and the failure of work left behind harms nobody', async () => {
  const controller = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const waiting = untilAborted(controller.signal, promise);
  controller.abort(new RangeError('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  await expect(untilAborted(controller.signal, promise)).rejects.toThrow('stopped');
  // An unhandled rejection would fail this file.
  reject(new TypeError('broken later'));
  await Promise.resolve();
});
