import { readFileSync } from 'node:fs';
import { FailedProblem } from '../../src/model/problem.ts';
import type { CqlRow, Database } from '../../src/ports/database.ts';

/** Cells of one table: key, column, value in hex. */
export type Cells = Map<string, [key: string, column: string, value: string]>;

/**
 * The tables of a small graph that a real JanusGraph wrote, kept in memory and changeable, behind as much of CQL as the graph room uses.
 * Keys are told apart by part of the ring through a stand-in for the partitioner: good for one whole scan, not for tokens.
 */
export class TableRows implements Database {
  readonly tables: Readonly<Record<string, Cells>>;
  /** Write times of cells, by key and column in hex; all others were written at microsecond 1,000. */
  readonly times = new Map<string, bigint>();

  constructor(file: string | URL = new URL('../../src/graph/codec/golden-rows.json', import.meta.url)) {
    const golden = JSON.parse(readFileSync(file, 'utf8')) as { tables: Record<string, string[]> };
    this.tables = Object.fromEntries(
      Object.entries(golden.tables).map(([table, lines]) => [
        table,
        new Map(
          lines.map((line) => {
            const [key = '', column = '', value = ''] = line.split(' ');
            return [`${key} ${column}`, [key, column, value]];
          }),
        ),
      ]),
    );
  }

  put(table: string, key: string, column: string, value: string): void {
    this.#cells(table).set(`${key} ${column}`, [key, column, value]);
  }

  remove(table: string, key: string, column: string): void {
    if (!this.#cells(table).delete(`${key} ${column}`)) throw unexpected(`no cell ${key} ${column} in ${table}`);
  }

  async *rows(query: string, params: readonly unknown[] = []): AsyncIterable<CqlRow> {
    yield* await this.execute(query, params);
  }

  execute(query: string, params: readonly unknown[] = []): Promise<readonly CqlRow[]> {
    if (query.startsWith('SELECT table_name FROM system_schema.tables')) {
      return Promise.resolve(Object.keys(this.tables).map((name) => ({ table_name: name })));
    }
    const parts = /^(?:SELECT .+ FROM|INSERT INTO|DELETE FROM|TRUNCATE) "\w+"\.(\w+)(.*)$/s.exec(query);
    if (parts === null) throw unexpected(`the query is not known here: ${query}`);
    const [, table = '', rest = ''] = parts;
    const [first, second, third] = params;
    if (query.startsWith('TRUNCATE')) {
      this.tables[table]?.clear();
      return Promise.resolve([]);
    }
    if (query.startsWith('INSERT')) {
      this.put(table, hex(first), hex(second), third === undefined ? '' : hex(third));
      return Promise.resolve([]);
    }
    if (query.startsWith('DELETE')) {
      for (const [at, [key, column]] of this.#cells(table)) {
        if (key === hex(first) && (second === undefined || column === hex(second))) this.#cells(table).delete(at);
      }
      return Promise.resolve([]);
    }
    const cells = [...this.#cells(table).values()];
    if (query.startsWith('SELECT DISTINCT key')) {
      return Promise.resolve([...new Set(cells.map(([key]) => key))].map((key) => ({ key: Buffer.from(key, 'hex') })));
    }
    const wanted = cells.filter(([key, column]) => {
      if (rest.includes('token(key)')) {
        const token = BigInt.asIntN(64, BigInt(`0x${key.slice(-16).padStart(16, '0')}`) * 0x9e3779b97f4a7c15n);
        return token > (first as bigint) && token <= (second as bigint);
      }
      if (!rest.includes('key = ?')) return true;
      if (key !== hex(first)) return false;
      if (rest.includes('column1 = ?')) return column === hex(second);
      return !rest.includes('column1 >= ?') || (column >= hex(second) && column < hex(third));
    });
    return Promise.resolve(
      wanted
        .sort(([keyA, a], [keyB, b]) => compare(keyA, keyB) || compare(a, b))
        .map(([key, column, value]) => ({
          key: Buffer.from(key, 'hex'),
          column1: Buffer.from(column, 'hex'),
          value: Buffer.from(value, 'hex'),
          ...(query.includes('WRITETIME(value) AS time') ? { time: this.times.get(`${key} ${column}`) ?? 1000n } : {}),
        })),
    );
  }

  ring(): Promise<never> {
    throw unexpected('a ring was asked for');
  }

  ringSeenBy(): Promise<never> {
    throw unexpected('a ring was asked for');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #cells(table: string): Cells {
    const cells = this.tables[table];
    if (cells === undefined) throw unexpected(`there is no table ${table}`);
    return cells;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function hex(bytes: unknown): string {
  return (bytes as Buffer).toString('hex');
}

function unexpected(what: string): FailedProblem {
  return new FailedProblem({ code: 'test-tables', happened: what, state: 'In a test.', next: 'Mend the test.' });
}
