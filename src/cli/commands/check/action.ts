import { checkGraph, type CheckResult } from '../../../graph/check.ts';
import { RefusedProblem, RetryableProblem, UsageProblem } from '../../../model/problem.ts';
import { acceptFindings, knownFindings, KnownFindings } from '../../../runbooks/catalog/finding-catalog.ts';
import type { check } from './declaration.ts';
import { checkText } from './text.ts';
import type { Action, Input } from '../../command.ts';
import { progressLine } from '../../terminal/progress-line.ts';

export const action: Action<typeof check> = async (context, input) => {
  requireConfirmation(input);
  const { database, graph, keyspace, indexBackend, bucket } = await context.platform(input.env);
  const { clock, signal, output, flags, actor } = context;
  const before = await knownFindings(bucket).catch((error: unknown) => {
    if (!(error instanceof RetryableProblem) || input.accept) throw error;
    output.note(`What is known cannot be read, so that every finding counts as new: ${error.happened}\n`);
    return new KnownFindings();
  });
  for (const each of before.damaged) output.note(`${each} What it knew counts as new.\n`);
  const line = await progressLine(output, `check ${input.env}`, () => clock.now(), flags.quiet || flags.json);
  try {
    const options = { database, graph, keyspace, indexBackend, clock, progress: line.report, signal };
    const result = await checkGraph({ ...options, known: before.judge });
    line.end();
    const accepted = input.accept ? result.allNew : [];
    if (input.accept) {
      requireAllListed(result, accepted.length);
      const by = `${actor.name} on ${actor.host}`;
      await acceptFindings(bucket, accepted, result.all, { by, at: clock.now() });
    }
    const { ok, fingerprint, elements, seconds, findingCount, knownCount, carried } = result;
    return {
      json: {
        ok: ok || input.accept,
        fingerprint,
        findings: result.findings.slice(0, input.limit),
        findingCount,
        known: result.known.slice(0, input.limit),
        knownCount,
        carried,
        ...(input.accept ? { accepted: accepted.length } : {}),
        elements,
        seconds,
      },
      text: checkText(
        input.env,
        { ...result, ...(input.accept ? { accepted: accepted.length } : {}) },
        input.limit,
        output.paint,
      ),
      exitCode: ok || input.accept ? 0 : 1,
    };
  } finally {
    line.end();
  }
};

function requireConfirmation({ env, accept, confirm }: Input<typeof check>): void {
  if (!accept && confirm === undefined) return;
  if (!accept) {
    throw new UsageProblem({
      code: 'usage',
      happened: '--confirm was given without --accept: a check alone changes nothing.',
      state: 'Nothing was changed.',
      next: `Run: cardea check ${env}`,
    });
  }
  if (confirm === env) return;
  throw new RefusedProblem({
    code: 'not-confirmed',
    happened: `Findings that are accepted fail no check, restore or rehearsal of ${env} any more; this needs a confirmation.`,
    state: 'Nothing was changed.',
    next: `Look at them first: cardea check ${env}. Then: cardea check ${env} --accept --confirm ${env}`,
  });
}

/** What was only counted has no name by which it could be known again. */
function requireAllListed({ findingCount, elements }: CheckResult, named: number): void {
  if (findingCount <= named) return;
  throw new RefusedProblem({
    code: 'too-many-findings',
    happened: `There are ${findingCount} new findings, and only ${named} of them can be accepted one by one.`,
    state: `Nothing was accepted. The graph has ${elements} elements.`,
    next: 'A graph with so much damage is not one to live with: restore a point from before it.',
  });
}
