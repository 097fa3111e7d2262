import { expect, test } from 'vitest';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { TableRows } from '../../test/support/table-rows.ts';
import { RefusedProblem, RetryableProblem } from '../model/problem.ts';
import { restoreRunbook } from './restore.ts';

const text = { happened: 'No.', state: 's', next: 'n' };

/** The step that notes the ids of a living graph. */
async function noteIds(database: unknown): Promise<unknown> {
  const step = restoreRunbook.steps.find(({ id }) => id === 'note-ids');
  const platform = { database, keyspace: 'janusgraph', bucket: new MemoryStore() };
  const run = 'restore-20260219-031500-k3f9';
  return step?.run({ run, services: { platform }, log: () => undefined } as never);
}

const thatThrows = (problem: Error) => ({
  rows: () => {
    throw problem;
  },
});

test('what is refused while the ids are noted ends the restore before anything is moved', async () => {
  const denied = new RefusedProblem({ code: 'database-denied', ...text });
  await expect(noteIds(thatThrows(denied))).rejects.toBe(denied);
});

test('a database that is down, or has lost its graph, keeps nobody from restoring: the ids are unknown', async () => {
  expect(await noteIds(new TableRows())).toEqual({ known: true });
  expect(await noteIds(thatThrows(new RetryableProblem({ code: 'database-unreachable', ...text })))).toEqual({
    known: false,
  });
  const empty = new TableRows();
  empty.tables.system_properties?.clear();
  expect(await noteIds(empty)).toEqual({ known: false });
});

test('no form of a graph that is refused before a restore stops anything is refused after it', async () => {
  const database = new TableRows();
  const setting = Buffer.from('graph.allow-custom-vid-types').toString('hex');
  database.put('system_properties', Buffer.from('configuration').toString('hex'), setting, '8f01');
  expect(await noteIds(database)).toEqual({ known: true });
});
