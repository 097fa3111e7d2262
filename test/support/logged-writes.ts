import type { Client } from 'cassandra-driver';
import { expect } from 'vitest';
import type { Database } from '../../src/ports/database.ts';
import { openLogTable } from './log-table.ts';
import type { ShippedLog } from './shipped-log.ts';

/** A write with a text in it that is found again in the bytes of the log. */
export interface LoggedWrite {
  readonly number: number;
  /** Microseconds since 1970 when it was acknowledged. */
  readonly acknowledgedAt: number;
}

/** A client that writes all the time and notes what was acknowledged. */
export interface LoggedWrites {
  readonly acknowledged: readonly LoggedWrite[];
  /** Writes that failed, and why: expected only while the database is away. */
  readonly failed: readonly string[];
  /** Connects anew, after the database was away. */
  reconnect(): Promise<void>;
  stop(): Promise<void>;
}

interface WritesOptions {
  readonly lanes?: number;
  readonly pauseMs?: number;
  /** Of each value. */
  readonly bytes?: number;
  /** Few rows again and again, so that the log grows and the data does not. */
  readonly overwrite?: boolean;
}

const pattern = /#(\d{9})#/g;
let last = 0;

export async function startWrites(
  address: string,
  port: number,
  { lanes = 4, pauseMs = 2, bytes = 200, overwrite = false }: WritesOptions = {},
): Promise<LoggedWrites> {
  const acknowledged: LoggedWrite[] = [];
  const failed: string[] = [];
  const stop = new AbortController();
  let client: Client | undefined = await openLogTable(address, port, 'shipping_test');
  const lane = async () => {
    while (!stop.signal.aborted) {
      last += 1;
      const number = last;
      const session = client;
      try {
        if (session === undefined) throw new TypeError('not connected');
        await session.execute(insert, [String(number % 97), overwrite ? '0' : String(number), textOf(number, bytes)], {
          prepare: true,
        });
        acknowledged.push({ number, acknowledgedAt: Math.floor((performance.timeOrigin + performance.now()) * 1000) });
      } catch (thrown) {
        failed.push(String(thrown));
        if (session !== undefined && session === client) {
          // The driver loses itself in attempts to come back.
          client = undefined;
          void session.shutdown().catch(() => undefined);
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const running = Promise.all(Array.from({ length: lanes }, lane));
  return {
    acknowledged,
    failed,
    async reconnect() {
      client ??= await openLogTable(address, port, 'shipping_test');
    },
    async stop() {
      stop.abort();
      await running;
      await client?.shutdown();
    },
  };
}

/** Numbers of the writes that lie in the shipped log. */
export function writesIn({ objects }: ShippedLog): ReadonlySet<number> {
  const found = new Set<number>();
  for (const { plain } of objects) {
    for (const match of Buffer.from(plain).toString('latin1').matchAll(pattern)) found.add(Number(match[1]));
  }
  return found;
}

/**
 * A Cassandra that is killed loses what it acknowledged and had not marked: what is missing in the log then is missing in its tables too,
 * and was acknowledged right before a kill. `kills`: microseconds since 1970.
 */
export async function expectLostByCassandra(
  database: Database,
  missing: readonly LoggedWrite[],
  kills: readonly number[],
): Promise<void> {
  const unexplained: string[] = [];
  for (const { number, acknowledgedAt } of missing) {
    // An answer that was on its way is read after the kill.
    const kill = kills.find((at) => acknowledgedAt < at + 1e6 && acknowledgedAt > at - 5e6);
    const rows = await database.execute('SELECT key FROM shipping_test.rows WHERE key = ? AND column1 = ?', [
      BigInt(number % 97),
      BigInt(number),
    ]);
    if (rows.length > 0 || kill === undefined) {
      const where = rows.length > 0 ? 'which is in the table' : 'in no table either';
      unexplained.push(`${number}, ${where}, acknowledged at ${acknowledgedAt}, kills at ${kills.join(', ')}`);
    }
  }
  expect(unexplained).toEqual([]);
}

const insert = 'INSERT INTO shipping_test.rows (key, column1, value) VALUES (?, ?, ?)';

function textOf(number: number, bytes: number): Buffer {
  return Buffer.from(`#${String(number).padStart(9, '0')}#${'x'.repeat(bytes)}`);
}
