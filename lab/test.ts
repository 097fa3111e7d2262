import { RefusedProblem } from '../src/model/problem.ts';
import { type ProofResult, runChecks, type TestOptions } from './proofs/check.ts';
import { findLab } from './lab.ts';
import { clusterChecks } from './proofs/cluster-checks.ts';
import { serverChecks } from './proofs/server-checks.ts';

/**
 * Runs every check, one after the other, also after one failed. What runs in the cluster is not tried while a server does not: nothing could be told
 * from it. Throws RefusedProblem `lab-down` when there is no lab.
 */
export async function testLab(options: TestOptions): Promise<readonly ProofResult[]> {
  const found = findLab();
  if (found === undefined) {
    throw new RefusedProblem({
      code: 'lab-down',
      happened: 'The lab is down, so it cannot be tested.',
      state: 'Nothing was changed.',
      next: 'Start it with: cardea lab up',
    });
  }
  const servers = await runChecks(serverChecks(found.lab), options);
  const unwell = servers.filter(({ problem }) => problem !== undefined).map(({ title }) => title);
  const checks = clusterChecks(found.lab);
  if (unwell.length === 0) return [...servers, ...(await runChecks(checks, options))];
  return [...servers, ...checks.map(({ title, version }) => notTried(title, version, unwell))];
}

function notTried(title: string, version: string, unwell: readonly string[]): ProofResult {
  const problem = new RefusedProblem({
    code: 'lab-not-tried',
    happened: `This part was not tried, because it needs ${unwell.join(', ')}.`,
    state: 'Nothing was changed.',
    next: 'Start the missing parts with: cardea lab up',
  });
  return { title, version, seconds: 0, problem };
}
