import { expect, test } from 'vitest';
import { TableRows } from '../../test/support/table-rows.ts';
import { FailedProblem } from '../model/problem.ts';
import { undoCompensateRunbook } from './undo-compensate.ts';

const step = (wanted: string) => undoCompensateRunbook.steps.find(({ id }) => id === wanted);

/** The step that asks, on servers that answer `cache` and take or refuse the update of documents. */
async function ask(cache: string, indexBackend?: string): Promise<unknown> {
  const graph = {
    submit: async (script: string) => {
      if (script.includes('DB_CACHE')) return [cache];
      throw new FailedProblem({ code: 'graph-script-failed', happened: 'No index.', state: 's', next: 'n' });
    },
  };
  const platform = { database: new TableRows(), keyspace: 'janusgraph', graph, indexBackend };
  return step('check-servers')?.run({ services: { platform }, signal: new AbortController().signal } as never);
}

test('an undo asks whether servers let go of old values before it writes, and is refused when they never do', async () => {
  await expect(ask('0')).rejects.toMatchObject({ kind: 'refused', code: 'graph-caches' });
  await expect(ask('7200000')).rejects.toMatchObject({
    code: 'graph-caches',
    happened: expect.stringContaining('for 2 h 0 min'),
  });
  expect(await ask('10000')).toEqual({ cacheSeconds: 10 });
  expect(await ask('none')).toEqual({ cacheSeconds: 0 });
  expect(step('write-undo')?.needs).toContain('check-servers');
});

test('an undo asks whether the mixed index can be updated before it writes', async () => {
  await expect(ask('none', 'search')).rejects.toMatchObject({ code: 'graph-script-failed' });
});

test('an undo that fails after its write can be carried on', () => {
  expect(undoCompensateRunbook.pivot).toBe('write-undo');
});
