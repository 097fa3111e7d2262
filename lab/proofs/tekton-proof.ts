import { z } from 'zod';
import { meets } from '../engines/addon.ts';
import { inProofSpace, type ProvingGround, unmet } from './proof.ts';

/** A pipeline of three tasks: the second gets the first one's result, the last runs at the end in any case; the run gives a result of its own. */
export async function proveTekton(ground: ProvingGround): Promise<void> {
  const { kubectl, image } = ground;
  await inProofSpace(ground, 'cardea-lab-test-tekton', async ({ here, apply, until }) => {
    await apply(pipelineRun(image));
    const look = async () => kubectl.look(['get', 'pipelinerun', 'proof', here]);
    const tell = async () => JSON.stringify(outcome.safeParse(await look()).data?.status.conditions ?? '');
    await until('a PipelineRun succeeds', async () => meets(await look(), 'Succeeded'), tell);
    const { status } = outcome.parse(await look());
    const [heard] = status.results ?? [];
    if (heard?.value !== 'the door opens')
      throw unmet('The result of the PipelineRun is wrong.', JSON.stringify(status));
    const ran = status.childReferences?.map(({ pipelineTaskName }) => pipelineTaskName).sort();
    if (ran?.join(' ') !== 'close hear say')
      throw unmet('Not every task of the PipelineRun ran.', JSON.stringify(status));
  });
}

const outcome = z.object({
  status: z.object({
    conditions: z.array(z.object({ reason: z.string(), message: z.string() })).optional(),
    results: z.array(z.object({ name: z.string(), value: z.unknown() })).optional(),
    childReferences: z.array(z.object({ pipelineTaskName: z.string() })).optional(),
  }),
});

function pipelineRun(image: string): object {
  const step = (script: string, ...args: readonly string[]) => [
    { name: 'step', image, command: ['/bin/sh', '-c', script, 'step', ...args] },
  ];
  const word = 'word';
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'PipelineRun',
    metadata: { name: 'proof' },
    spec: {
      pipelineSpec: {
        results: [{ name: 'heard', value: '$(tasks.hear.results.word)' }],
        tasks: [
          {
            name: 'say',
            taskSpec: {
              results: [{ name: word }],
              steps: step('printf %s "the door" > "$1"', '$(results.word.path)'),
            },
          },
          {
            name: 'hear',
            params: [{ name: word, value: '$(tasks.say.results.word)' }],
            taskSpec: {
              params: [{ name: word }],
              results: [{ name: word }],
              steps: step('printf "%s opens" "$1" > "$2"', '$(params.word)', '$(results.word.path)'),
            },
          },
        ],
        finally: [{ name: 'close', taskSpec: { steps: step('exit 0') } }],
      },
    },
  };
}
