import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { type SegmentKind, SimulatedCommitLog } from '../../../test/support/simulated-commit-log.ts';
import { timelineId } from '../../model/identifiers.ts';
import { microsOf } from '../../model/instant.ts';
import { LogShipper } from './log-shipper.ts';

/**
 * What an agent claims, compared with what the files hold, at every tick: Cassandra with its own timing, which syncs its log in a period, pauses
 * now and then, and has a disk that stands still now and then. It goes on acknowledging until the last sync is one and a half periods old.
 */

const tickMs = 50;
/** As a core writes plain segments that are not mapped: what was written is appended ten times a second. */
const appendedMs = 100;
const periodMs = 10_000;

class Cassandra {
  readonly clock = new FakeClock();
  readonly log: SimulatedCommitLog;
  readonly #everyMs: number;
  #syncedAt: number;
  #dueAt: number;
  #pausedUntil = 0;
  #stalledUntil = 0;

  constructor(kind: SegmentKind) {
    this.log = new SimulatedCommitLog(this.clock, { size: 64 * 1024, kind });
    this.log.start();
    this.#everyMs = kind === 'direct' ? periodMs : appendedMs;
    this.#syncedAt = this.#now;
    this.#dueAt = this.#now + this.#everyMs;
    this.log.synced = async () => {
      while (this.#now < this.#stalledUntil) await this.clock.sleep(tickMs);
      return true;
    };
  }

  get #now(): number {
    return this.clock.now().getTime();
  }

  pause(ms: number): void {
    this.#pausedUntil = this.#now + ms;
  }

  stall(ms: number): void {
    this.#stalledUntil = this.#now + ms;
  }

  get answers(): boolean {
    return this.#now >= this.#pausedUntil;
  }

  write(): void {
    if (this.answers && this.#now - this.#syncedAt <= 1.5 * periodMs) this.log.write(60);
  }

  /** What its thread that syncs does in a tick. After a pause it is its turn a moment later than that of others. */
  tick(): void {
    if (this.#now < Math.max(this.#dueAt, this.#pausedUntil + 2 * tickMs, this.#stalledUntil)) return;
    this.#syncedAt = this.#now;
    this.#dueAt = this.#now + this.#everyMs;
    this.log.markAll();
    this.log.flush();
  }
}

async function agentOf({
  clock,
  log,
  ...cassandra
}: {
  clock: FakeClock;
  log: SimulatedCommitLog;
  answers: () => boolean;
}) {
  return LogShipper.open(
    {
      node: 'node-1',
      clock,
      log: { write: () => undefined },
      bucket: new MemoryStore(),
      files: log,
      settings: { maximumPinned: 1024 ** 3, minimumFree: 1024, syncPeriod: periodMs / 1000 },
      running: async () => 'running',
      answers: async () => cassandra.answers(),
    },
    {
      timeline: timelineId.parse('t0001'),
      hostId: '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01',
      after: null,
      writer: 'agent-1',
    },
  );
}

const happening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), forMs: fc.integer({ min: 50, max: 3000 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), forMs: fc.integer({ min: 300, max: 4000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('wait' as const), forMs: fc.integer({ min: 9000, max: 30_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pause' as const), forMs: fc.integer({ min: 100, max: 20_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('stall' as const), forMs: fc.integer({ min: 100, max: 25_000 }) }),
  },
);

test.each(['mapped', 'appended', 'direct'] as const)(
  'whatever Cassandra and its disk do, nothing is claimed that no file holds, of segments that are %s',
  async (kind) => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 5, maxLength: 30 }), async (happenings) => {
        const cassandra = new Cassandra(kind);
        const { clock, log } = cassandra;
        const shipper = await agentOf({ clock, log, answers: () => cassandra.answers });
        const claimedFalsely = () =>
          log.writes.filter(
            ({ acknowledgedAt, segment, end }) =>
              acknowledgedAt !== undefined && acknowledgedAt <= shipper.tail.covered && end > segment.chain.end,
          );
        const pass = async (ms: number, each: () => void = () => undefined) => {
          for (let at = 0; at < ms; at += tickMs) {
            await clock.advance(tickMs);
            each();
            cassandra.tick();
            await shipper.look();
            // A mapped one holds a write before any marker covers it: what is asked is whether it counts as there.
            if (kind !== 'mapped') expect(claimedFalsely()).toEqual([]);
            if (at % 250 === 0) await shipper.ship();
          }
        };
        for (const { do: what, forMs } of happenings) {
          if (what === 'write') await pass(forMs, () => cassandra.write());
          else if (what === 'wait') await pass(forMs);
          else cassandra[what](forMs);
        }
        cassandra.pause(0);
        cassandra.stall(0);
        await pass(2000);
        const end = microsOf(clock.now());
        await pass(periodMs + 8000);
        expect(shipper.tail.covered).toBeGreaterThanOrEqual(end);
        expect(claimedFalsely()).toEqual([]);
      }),
      { numRuns: 12 },
    );
  },
);
