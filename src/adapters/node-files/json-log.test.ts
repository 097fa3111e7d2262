import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { rememberSecret } from '../../model/secrets.ts';
import { openJsonLog } from './json-log.ts';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'cardea-json-log-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

function eventsOf(file: string): readonly string[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => (JSON.parse(line) as { readonly event: string }).event);
}

test('a log that has grown to its limit is put away whole, two old files are kept, and no line is torn', () => {
  const place = folder();
  const file = join(place, 'agent.log');
  const log = openJsonLog(file, { maximum: 300 });
  for (let line = 0; line < 40; line += 1) log.write(`event ${line}`, { text: 'as long as this' });
  expect(readdirSync(place).sort()).toEqual(['agent.1.log', 'agent.2.log', 'agent.log']);
  const files = ['agent.2.log', 'agent.1.log', 'agent.log'].map((name) => join(place, name));
  for (const each of files) expect(statSync(each).size).toBeLessThanOrEqual(300);
  const kept = files.flatMap(eventsOf);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, at) => `event ${40 - kept.length + at}`));
});

test('an agent that starts again goes on in its file and counts what lies in it', () => {
  const place = folder();
  const file = join(place, 'agent.log');
  openJsonLog(file, { maximum: 200 }).write('first', { text: 'x'.repeat(100) });
  openJsonLog(file, { maximum: 200 }).write('second', { text: 'x'.repeat(100) });
  expect(eventsOf(join(place, 'agent.1.log'))).toEqual(['first']);
  expect(eventsOf(file)).toEqual(['second']);
});

test('a line longer than the limit is written all the same, and a log that cannot be written disturbs nobody', () => {
  const place = folder();
  const file = join(place, 'agent.log');
  openJsonLog(file, { maximum: 10 }).write('longer than ten bytes');
  expect(eventsOf(file)).toEqual(['longer than ten bytes']);
  const log = openJsonLog(join(place, 'gone', 'agent.log'));
  rmSync(join(place, 'gone'), { recursive: true });
  expect(() => log.write('nowhere')).not.toThrow();
});

test('each event is a line of JSON with its time and fields', () => {
  const file = join(folder(), 'state', 'agent.log');
  const log = openJsonLog(file);
  log.write('one', { at: 'given', list: [1, 'two'] });
  log.write('two');
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { event: 'one', list: [1, 'two'] },
    { event: 'two' },
  ]);
});

test('F1: a secret that this process has read gets into no line, however deep it lies and however it must be written', () => {
  const file = join(folder(), 'agent.log');
  rememberSecret('planted "key" of the store');
  openJsonLog(file).write('odd', { problem: { details: ['with planted "key" of the store inside'] } });
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ problem: { details: ['with (secret) inside'] } });
});
