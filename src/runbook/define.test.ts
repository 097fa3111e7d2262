import { expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { checkedOrder } from './check.ts';
import { defineRunbook } from './define.ts';

const head = { name: 'sample', version: 1, title: 'Sample', params: z.object({ size: z.number() }) };

test('a step sees exactly the results of the steps it needs, typed by their schemas', () => {
  const runbook = defineRunbook<{ size: number }, { unit: string }>(head)
    .step({
      id: 'measure',
      title: 'Measure',
      effect: 'read',
      needs: [],
      timeout: '5s',
      result: z.object({ bytes: z.number() }),
      run: async ({ params }) => ({ bytes: params.size }),
    })
    .step({
      id: 'copy',
      title: 'Copy',
      effect: 'write',
      needs: ['measure'],
      when: { result: 'measure.bytes', is: 5 },
      timeout: '5s',
      result: z.object({ text: z.string() }),
      run: async ({ results, services }) => {
        expectTypeOf(results).toEqualTypeOf<{ readonly measure: { bytes: number } }>();
        return { text: `${results.measure.bytes} ${services.unit}` };
      },
    })
    .build();
  expect(runbook.steps.map((step) => step.id)).toEqual(['measure', 'copy']);
});

test('a need that no step makes does not compile and is refused by name', () => {
  const build = () =>
    defineRunbook<{ size: number }, unknown>(head)
      .step({
        id: 'copy',
        title: 'Copy',
        effect: 'write',
        // @ts-expect-error no step before is called "measure"
        needs: ['measure'],
        timeout: '5s',
        result: z.object({}),
        run: async () => ({}),
      })
      .build();
  expect(build).toThrow(/runbook "sample" is wrong/);
});

test('a cycle is refused with its whole path', () => {
  const steps = [
    { id: 'a', needs: ['c'], timeout: '1s' },
    { id: 'b', needs: ['a'], timeout: '1s' },
    { id: 'c', needs: ['b'], timeout: '1s' },
  ];
  expect(() => checkedOrder('ring', steps)).toThrow(
    expect.objectContaining({ code: 'bad-runbook', details: ['a cycle: a → c → b → a'] }),
  );
});

test('every mistake of a graph is listed, not only the first', () => {
  const steps = [
    { id: 'Bad Id', needs: [], timeout: '1s' },
    { id: 'a', needs: ['nowhere'], timeout: 'soon' },
    { id: 'a', needs: [], timeout: '1s', when: { result: 'b.ok', is: true } },
  ];
  expect(() => checkedOrder('many', steps)).toThrow(
    expect.objectContaining({
      details: [
        'step "Bad Id": an id is kebab-case, at most 40 characters',
        'step "a": timeout: "soon" is not a duration; write 90s, 5m, 4h, 30d or 1h30m',
        'step "a" is defined twice',
        'step "a" needs "nowhere", but there is no such step',
        'step "a": its condition reads the result of "b", but the step does not need "b"',
      ],
    }),
  );
});
