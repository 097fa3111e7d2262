import { runPrefix } from '../../../journal/event-file.ts';
import { readStepLog } from '../../../journal/step-log.ts';
import { UsageProblem } from '../../../model/problem.ts';
import type { ObjectStore } from '../../../ports/object-store.ts';
import type { Action } from '../../command.ts';
import { suggestion } from '../../nearest.ts';
import { environmentOfRun } from '../../runs/run-lookup.ts';
import type { logs } from './declaration.ts';
export const action: Action<typeof logs> = async (context, input) => {
  const environment = await environmentOfRun(context, input.id, input.env);
  const { bucket } = await context.platform(environment);
  const steps = await stepsWithLog(bucket, input.id);
  if (input.step !== undefined && !steps.includes(input.step)) {
    throw new UsageProblem({
      code: 'no-log',
      happened: `Run ${input.id} has no log of a step "${input.step}".`,
      state: 'Nothing was changed.',
      next: `Name another step; ${suggestion(input.step, steps)}.`,
    });
  }
  const wanted = input.step === undefined ? steps : [input.step];
  const texts = await Promise.all(
    wanted.map(async (step) => ({ step, text: (await readStepLog(bucket, input.id, step)).trimEnd() })),
  );
  const human = texts.map(({ step, text }) =>
    input.step === undefined ? `${context.output.paint('bold', step)}\n${text}` : text,
  );
  return {
    json: texts.map(({ step, text }) => ({ step, lines: text.split('\n') })),
    text: texts.length === 0 ? `No step of ${input.id} has written a log.` : human.join('\n\n'),
  };
};

async function stepsWithLog(bucket: ObjectStore, run: string): Promise<readonly string[]> {
  const steps: string[] = [];
  for await (const { key } of bucket.list(`${runPrefix(run)}logs/`)) {
    const step = /\/logs\/(.+)\.log$/.exec(key)?.[1];
    if (step !== undefined) steps.push(step);
  }
  return steps;
}
