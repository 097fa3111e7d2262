import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { interrupt } from './interrupt.ts';

function pressed() {
  const signals = new EventEmitter();
  const said: string[] = [];
  const exits: number[] = [];
  const stop = interrupt(
    (line) => said.push(line),
    (code) => exits.push(code),
    signals as unknown as NodeJS.Process,
  );
  return { signals, said, exits, stop };
}

test('the first Ctrl-C asks the work to stop and says how to go on; the second leaves at once', () => {
  const { signals, said, exits, stop } = pressed();
  stop.say('cardea run resume backup-20260219-020000-k3f9');
  signals.emit('SIGINT');
  expect(stop.signal.aborted).toBe(true);
  expect(said).toEqual(['cardea run resume backup-20260219-020000-k3f9']);
  expect(exits).toEqual([]);
  signals.emit('SIGINT');
  expect(exits).toEqual([130]);
});

test('a request to terminate is taken like Ctrl-C', () => {
  const { signals, exits, stop } = pressed();
  signals.emit('SIGTERM');
  expect(stop.signal.aborted).toBe(true);
  signals.emit('SIGTERM');
  expect(exits).toEqual([143]);
});
