import { testLab } from '../../../lab/test.ts';
import { formatSeconds } from '../../model/duration.ts';
import type { Action } from '../command.ts';
import type { labTest } from '../lab.ts';
import { table } from '../table.ts';

export const action: Action<typeof labTest> = async ({ clock, output, flags, signal }) => {
  const results = await testLab({
    monotonic: () => clock.monotonic(),
    signal,
    say: (text) => {
      if (!flags.json) output.note(`lab: ${text}`);
    },
  });
  const failed = results.filter(({ problem }) => problem !== undefined);
  const lines = table(results, [
    { title: 'PART', cell: (each) => each.title },
    { title: 'VERSION', cell: (each) => each.version },
    { title: 'RESULT', cell: (each) => (each.problem === undefined ? 'ready' : 'failed') },
    { title: 'TIME', cell: (each) => formatSeconds(each.seconds) },
  ]);
  const reasons = failed.flatMap(({ title, problem }) => [
    `${title}: ${problem?.happened ?? ''}`,
    ...(problem?.details ?? []).map((detail) => `  ${detail}`),
  ]);
  return {
    json: {
      ok: failed.length === 0,
      results: results.map((each) => ({ ...each, problem: each.problem?.toDocument() })),
    },
    text: [lines, ...reasons].join('\n'),
    exitCode: failed.length === 0 ? 0 : 1,
  };
};
