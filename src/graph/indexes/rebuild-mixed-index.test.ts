import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { TableRows } from '../../../test/support/table-rows.ts';
import { FailedProblem, RetryableProblem } from '../../model/problem.ts';
import { rebuildMixedIndexes } from './rebuild-mixed-index.ts';

const text = { happened: 'It would not.', state: 's', next: 'n' };
const failed = () => new FailedProblem({ code: 'graph-script-failed', ...text });
const away = () => new RetryableProblem({ code: 'graph-unreachable', ...text });

interface Asked {
  readonly ids: readonly bigint[];
  readonly apart: boolean;
}

/** The server: what it answers for some rows at once. */
function rebuild(answer: (asked: Asked) => unknown) {
  const clock = new FakeClock();
  const asked: Asked[] = [];
  const working = rebuildMixedIndexes({
    database: new TableRows(),
    keyspace: 'janusgraph',
    backend: 'search',
    clock: { now: () => clock.now(), monotonic: () => clock.monotonic(), sleep: () => Promise.resolve() },
    graph: {
      url: 'ws://nowhere/gremlin',
      submit: async <Row>(_script: string, bindings?: Readonly<Record<string, unknown>>) => {
        const call = bindings as unknown as Asked;
        asked.push(call);
        return [answer(call)] as Row[];
      },
      close: () => Promise.resolve(),
    },
  });
  return { working, asked };
}

const all = ({ ids }: Asked) => ({ written: ids.length, failed: [] });

test('a value that cannot be indexed is passed over by name, and every other document is written', async () => {
  const bad = 4344n;
  const { working } = rebuild((asked) => {
    if (!asked.ids.includes(bad)) return all(asked);
    if (!asked.apart) throw failed();
    return {
      written: asked.ids.length - 1,
      failed: [{ name: bad.toString(36), why: 'UnsupportedOperationException: Can only index Point' }],
    };
  });
  const whole = await rebuild(all).working;
  const rebuilt = await working;
  expect(rebuilt).toEqual({
    indexes: ['search'],
    documents: whole.documents - 1,
    passedOver: [
      { index: 'search', element: 'vertex 4344', why: 'UnsupportedOperationException: Can only index Point' },
    ],
    passedOverCount: 1,
  });
});

test('a document that is refused for a reason that passes is written in the end', async () => {
  let refusals = 2;
  const { working } = rebuild((asked) => {
    if (!asked.apart && refusals > 0) throw failed();
    if (asked.apart && refusals-- > 0) return { written: 0, failed: [{ name: '3co', why: '429 Too Many Requests' }] };
    return all(asked);
  });
  expect(await working).toMatchObject({ passedOverCount: 0 });
});

test('a server that is away for a while is waited for', async () => {
  let times = 2;
  const { working } = rebuild((asked) => {
    if (times-- > 0) throw away();
    return all(asked);
  });
  expect(await working).toMatchObject({ indexes: ['search'], passedOverCount: 0 });
});

test('an index that refuses everything is at fault itself: nothing is called passed over', async () => {
  const names = Array.from({ length: 11 }, (_, at) => ({ name: `${at}co`, why: 'index is read-only' }));
  const { working } = rebuild(({ apart }) => {
    if (!apart) throw failed();
    return { written: 0, failed: names };
  });
  await expect(working).rejects.toMatchObject({ code: 'index-refuses', details: expect.arrayContaining([]) });
});
