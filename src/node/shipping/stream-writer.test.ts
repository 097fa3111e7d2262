import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { storeThatGoesAway } from '../../../test/support/store-away.ts';
import { DirectoryStore } from '../../adapters/directory/directory-store.ts';
import { firstLink } from '../../commitlog/piece-chain.ts';
import { timelineId } from '../../model/identifiers.ts';
import { leadsOf, watermarkDocument, watermarkKey } from '../../model/log-piece.ts';
import { formatInstant, micros, microsOf } from '../../model/instant.ts';
import { Problem } from '../../model/problem.ts';
import { StreamWriter } from './stream-writer.ts';

const timeline = timelineId.parse('t0001');
const hostId = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01';
const away = storeThatGoesAway();

afterEach(() => away.remove());

test('a store that goes away in the middle of any put is not taken for another agent', async () => {
  const clock = new FakeClock();
  const bucket = new DirectoryStore(away.path);
  const since = microsOf(clock.now());
  const position = { segment: undefined, sequence: 0, chain: firstLink(timeline, hostId), covered: since };
  const parts = {
    bucket,
    clock,
    timeline,
    hostId,
    node: 'node-1',
    since,
    position,
    clockLeads: [],
    current: undefined,
  };
  const writer = new StreamWriter({ ...parts, writer: 'w', held: undefined });
  const codes = new Set<string>();
  let turns = 0;
  const flicker = setInterval(() => {
    turns += 1;
    if (turns % 2 === 1) away.take();
    else away.bring();
  }, 1);
  try {
    for (let at = 1; at <= 400; at += 1) {
      clock.leap(10);
      await writer.reach(micros(since + at)).catch((thrown: unknown) => {
        codes.add(thrown instanceof Problem ? thrown.code : String(thrown));
      });
    }
  } finally {
    clearInterval(flicker);
    away.bring();
  }
  expect([...codes]).not.toContain('log-stream-foreign');
  await writer.reach(micros(since + 1000));
  expect(writer.position.covered).toBe(since + 1000);
  await bucket.close();
});

test('the watermark says of each lead of clocks until when it was seen, in a list that does not grow', async () => {
  const clock = new FakeClock();
  const bucket = new MemoryStore();
  const since = microsOf(clock.now());
  const position = { segment: undefined, sequence: 0, chain: firstLink(timeline, hostId), covered: since };
  const parts = {
    bucket,
    clock,
    timeline,
    hostId,
    node: 'node-1',
    since,
    position,
    clockLeads: [],
    current: undefined,
  };
  const writer = new StreamWriter({ ...parts, writer: 'w', held: undefined });
  const at = (seconds: number) => micros(since + seconds * 1_000_000);
  const told = async () => {
    await writer.reach(since);
    return watermarkDocument.read(bucket.text(watermarkKey(timeline, hostId)), 'watermark');
  };
  writer.noteClockLead(0.005, at(1));
  writer.noteClockLead(2.5, at(2));
  writer.noteClockLead(0.1, at(3));
  writer.noteClockLead(0.2, at(4));
  writer.noteClockLead(0, at(5));
  const first = await told();
  expect(first.clockLead).toBe(2.5);
  expect(leadsOf(first)).toEqual([
    { until: formatInstant(at(2)), seconds: 2.5 },
    { until: formatInstant(at(4)), seconds: 0.2 },
  ]);
  for (let step = 1; step <= 100; step += 1) writer.noteClockLead(0.2 - step / 1000, at(10 + step));
  const leads = leadsOf(await told());
  expect(leads).toHaveLength(8);
  // What the last one says is at least as large and as late as what was seen last.
  expect(leads.at(-1)?.until).toBe(formatInstant(at(110)));
  expect(leads.at(-1)?.seconds).toBeGreaterThanOrEqual(0.1);
});
