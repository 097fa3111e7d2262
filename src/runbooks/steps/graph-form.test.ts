import { expect, test } from 'vitest';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { TableRows } from '../../../test/support/table-rows.ts';
import { RetryableProblem } from '../../model/problem.ts';
import { checkForm, requireRestorableForm } from './graph-form.ts';

const point = 'backup-20260219-020000';

function platform(database: unknown, bucket = new MemoryStore()) {
  return { database, keyspace: 'janusgraph', bucket } as never;
}

function withTextIds(): TableRows {
  const database = new TableRows();
  const setting = Buffer.from('graph.allow-custom-vid-types').toString('hex');
  database.put('system_properties', Buffer.from('configuration').toString('hex'), setting, '8f01');
  return database;
}

const refused = { kind: 'refused', code: 'graph-form-unsupported' };

test('a backup of a graph with text ids is refused before anything is done', async () => {
  const services = (database: unknown) => ({ services: { platform: platform(database) } }) as never;
  await expect(checkForm.run(services(withTextIds()))).rejects.toMatchObject(refused);
  expect(await checkForm.run(services(new TableRows()))).toEqual({});
});

test('a keyspace without a graph is stored all the same', async () => {
  const database = new TableRows();
  database.tables.system_properties?.clear();
  expect(await checkForm.run({ services: { platform: platform(database) } } as never)).toEqual({});
});

test('a restore is refused before anything stops when the graph has text ids', async () => {
  await expect(requireRestorableForm(platform(withTextIds()), point, false)).rejects.toMatchObject(refused);
  await requireRestorableForm(platform(new TableRows()), point, true);
});

test('a point whose types were stored is of a form that can be restored, whatever was switched on since', async () => {
  const bucket = new MemoryStore();
  await bucket.put(`schemas/${point}.json`, '{}');
  await requireRestorableForm(platform(withTextIds(), bucket), point, false);
  // With its log the switch comes back, too.
  await expect(requireRestorableForm(platform(withTextIds(), bucket), point, true)).rejects.toMatchObject(refused);
});

test('a database that is down or a graph that is gone keeps nobody from restoring', async () => {
  const away = new RetryableProblem({ code: 'database-unreachable', happened: 'h', state: 's', next: 'n' });
  const down = {
    rows: () => {
      throw away;
    },
  };
  await requireRestorableForm(platform(down), point, true);
  const empty = new TableRows();
  empty.tables.system_properties?.clear();
  await requireRestorableForm(platform(empty), point, true);
});
