import { expect, test } from 'vitest';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { plantedAt, plantedFault } from '../../../test/support/planted-fault.ts';
import { SimulatedCommitLog } from '../../../test/support/simulated-commit-log.ts';
import { timelineId } from '../../model/identifiers.ts';
import type { ShippingState } from './shipping-state.ts';
import { ShippingLoop, type ShippingParts } from './shipping-loop.ts';

test("a fault in the shipping or in the watch over Cassandra is in the agent's log with file and line, once", async () => {
  const clock = new FakeClock();
  const said: Array<{ readonly event: string; readonly fields: string }> = [];
  const parts: ShippingParts = {
    node: 'node-1',
    environment: 'local',
    clock,
    log: { write: (event, fields) => void said.push({ event, fields: JSON.stringify(fields) }) },
    bucket: new MemoryStore({ calls: async () => void plantedFault() }),
    files: new SimulatedCommitLog(clock),
    database: {
      glance: async () => Promise.reject(new Error('odd', { cause: plantedCause() })),
      schema: async () => Promise.reject(new Error('odd')),
      close: async () => {},
    },
    running: async () => 'running',
    state: {
      load: async () => ({ after: null, paused: false, hostId: '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01' }),
      save: async () => {},
    },
    intervalMs: 250,
    settings: { maximumPinned: 1024 ** 3, minimumFree: 1024, buffered: false, syncPeriod: 10 },
  };
  const shipping = new ShippingLoop(parts);
  await shipping.start();
  await clock.advance(20_000);
  const stopped = shipping.stop();
  await settle();
  await stopped;
  for (const event of ['shipping failed', 'Cassandra cannot be watched']) {
    const told = said.filter((each) => each.event === event);
    expect(told).toHaveLength(1);
    expect(told[0]?.fields).toContain(plantedAt);
  }
});

test('bound to a bucket that was made anew, it begins a stream there; what it was told of the lost one is given up', async () => {
  const clock = new FakeClock();
  const hostId = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01';
  const anew = new MemoryStore();
  let saved: ShippingState = { after: '17', paused: true, hostId, timeline: timelineId.parse('t0003') };
  const shipping = new ShippingLoop({
    node: 'node-1',
    environment: 'local',
    clock,
    log: { write: () => {} },
    // As it is behind the agent's back: empty.
    bucket: anew,
    files: new SimulatedCommitLog(clock),
    database: {
      glance: async () => ({ hostId, tokens: ['1'], schemaVersion: 'v', truncated: new Map(), streams: [] }),
      schema: async () => ({ schemaVersion: 'v', keyspaces: [], tables: [] }),
      close: async () => {},
    } as unknown as ShippingParts['database'],
    running: async () => 'running',
    state: {
      load: async () => saved,
      save: async (state) => {
        saved = state;
      },
    },
    intervalMs: 250,
    settings: { maximumPinned: 1024 ** 3, minimumFree: 1024, buffered: false, syncPeriod: 10 },
  });
  await shipping.start();
  await clock.advance(3000);
  expect(shipping.health()).toMatchObject({ state: 'paused', timeline: 't0003' });

  await shipping.rebind();
  await clock.advance(3000);
  expect(shipping.health()).toMatchObject({ state: 'shipping', timeline: 't0001' });
  expect(anew.objects.has(`log/t0001/${hostId}/watermark.json`)).toBe(true);
  expect(saved).toMatchObject({ after: '17', paused: false });
  expect(saved.timeline).toBeUndefined();

  // The same bucket again, which has that timeline: a pause of a restore holds.
  const pausing = shipping.pause(new AbortController().signal, 0).catch(() => undefined);
  await clock.advance(1000);
  await pausing;
  await shipping.rebind();
  await clock.advance(1000);
  expect(shipping.health().state).toBe('paused');
  const stopped = shipping.stop();
  await settle();
  await stopped;
});

function plantedCause(): unknown {
  try {
    return plantedFault();
  } catch (fault) {
    return fault;
  }
}
