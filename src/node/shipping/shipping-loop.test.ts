import { expect, test } from 'vitest';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { plantedAt, plantedFault } from '../../../test/support/planted-fault.ts';
import { SimulatedCommitLog } from '../../../test/support/simulated-commit-log.ts';
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

function plantedCause(): unknown {
  try {
    return plantedFault();
  } catch (fault) {
    return fault;
  }
}
