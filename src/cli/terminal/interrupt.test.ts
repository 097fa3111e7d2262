import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { interrupt } from './interrupt.ts';

function pressed(options: { readonly outlivesTerminal?: boolean } = {}) {
  const signals = new EventEmitter();
  const said: string[] = [];
  const exits: number[] = [];
  const stop = interrupt({
    meaning: { stopping: 'Stopping.', state: 'It runs on.', next: 'Do it again.' },
    tell: (line) => said.push(line),
    exit: (code) => exits.push(code),
    signals: signals as unknown as NodeJS.Process,
    ...options,
  });
  return { signals, said, exits, stop };
}

test('the first Ctrl-C asks the work to stop and says how to go on; the second leaves at once', () => {
  const { signals, said, exits, stop } = pressed();
  stop.say({
    stopping: 'cardea run resume backup-20260219-020000-k3f9',
    state: 'It is left.',
    next: 'Resume it.',
  });
  signals.emit('SIGINT');
  expect(stop.signal.aborted).toBe(true);
  expect(said).toEqual(['cardea run resume backup-20260219-020000-k3f9']);
  expect(exits).toEqual([]);
  signals.emit('SIGINT');
  expect(exits).toEqual([130]);
  expect(said.at(-1)).toBe('Left at once. It is left. Resume it.');
});

test('a request to terminate is taken like Ctrl-C', () => {
  const { signals, exits, stop } = pressed();
  signals.emit('SIGTERM');
  expect(stop.signal.aborted).toBe(true);
  signals.emit('SIGTERM');
  expect(exits).toEqual([143]);
});

test('a command that ends at the first Ctrl-C says nothing of stopping', () => {
  const { signals, said, stop } = pressed();
  stop.say({ state: 'It only reads.', next: 'Do it again.' });
  signals.emit('SIGINT');
  expect(stop.by).toBe('SIGINT');
  expect(said).toEqual([]);
});

test('a terminal that is closed is taken like Ctrl-C, unless the command is to outlive it', () => {
  const closed = pressed();
  closed.signals.emit('SIGHUP');
  expect(closed.stop).toMatchObject({ requested: true, by: 'SIGHUP' });
  const outliving = pressed({ outlivesTerminal: true });
  outliving.signals.emit('SIGHUP');
  expect(outliving.stop.requested).toBe(false);
  outliving.signals.emit('SIGTERM');
  expect(outliving.stop.by).toBe('SIGTERM');
});
