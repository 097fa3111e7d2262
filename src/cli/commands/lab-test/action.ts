import { createInterface } from 'node:readline/promises';
import { testCluster } from '../../../../lab/proofs/any-cluster.ts';
import { testLab } from '../../../../lab/test.ts';
import { formatSeconds } from '../../../model/duration.ts';
import type { Action } from '../../command.ts';
import type { labTest } from './declaration.ts';
import { table } from '../../terminal/table.ts';

/** It is small, lies on Docker's registry, and holds httpd and wget. */
const standardImage = 'docker.io/library/busybox:1.37';

export const action: Action<typeof labTest> = async ({ clock, output, flags, signal }, input) => {
  const options = {
    monotonic: () => clock.monotonic(),
    signal,
    say: (text: string) => {
      if (!flags.json) output.note(`lab: ${text}`);
    },
  };
  const { kubeconfig, install, image = standardImage } = input;
  const agree = async (question: string) => install || ask(question, signal);
  const results = await (kubeconfig === undefined
    ? testLab(options)
    : testCluster({ ...options, kubeconfig, image, agree }));
  const outcome = ({ problem }: (typeof results)[number]) =>
    problem === undefined ? 'ready' : problem.code === 'lab-not-tried' ? 'not tried' : 'failed';
  const failed = results.filter((each) => outcome(each) === 'failed');
  const lines = table(results, [
    { title: 'PART', cell: (each) => each.title },
    { title: 'VERSION', cell: (each) => each.version },
    { title: 'RESULT', cell: outcome },
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

/** The answer of the person at the terminal; no if there is no terminal. */
async function ask(question: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // While it asks, the terminal gives Ctrl-C to it alone.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `, { signal })).trim());
  } finally {
    terminal.close();
  }
}
