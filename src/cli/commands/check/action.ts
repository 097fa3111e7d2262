import { checkGraph } from '../../../graph/check.ts';
import type { check } from './declaration.ts';
import { checkText } from './text.ts';
import type { Action } from '../../command.ts';
import { progressLine } from '../../terminal/progress-line.ts';

export const action: Action<typeof check> = async (context, input) => {
  const { database, graph, keyspace, indexBackend } = await context.platform(input.env);
  const { clock, signal, output, flags } = context;
  const line = await progressLine(output, `check ${input.env}`, () => clock.now(), flags.quiet || flags.json);
  try {
    const result = await checkGraph({ database, graph, keyspace, indexBackend, clock, progress: line.report, signal });
    line.end();
    const { ok, fingerprint, elements, seconds } = result;
    const findings = result.findings.slice(0, input.limit);
    return {
      json: { ok, fingerprint, findings, findingCount: result.findingCount, elements, seconds },
      text: checkText(input.env, result, input.limit, output.paint),
      exitCode: ok ? 0 : 1,
    };
  } finally {
    line.end();
  }
};
