import { join } from 'node:path';
import { execa } from 'execa';
import { builtTool, type LabTool } from '../../lab/building/tools.ts';
import { objectsOf } from './kubernetes-schemas.ts';

/** The user's repository as it looks with Cardea. */
export const platform = join(import.meta.dirname, '../../platform');
export const chart = join(platform, 'helm/janusgraph-banking');

export const environments = ['dev', 'staging', 'prod'] as const;
export type Environment = (typeof environments)[number];

/** What Helm is asked to render. */
export interface Rendering {
  readonly environment: Environment;
  readonly lab?: boolean;
  /** `--set` of Helm. */
  readonly set?: readonly string[];
}

export async function tool(name: LabTool): Promise<string> {
  return builtTool(name, { progress: () => undefined, signal: AbortSignal.timeout(1_800_000) });
}

export async function helm(command: 'lint' | 'template', { environment, lab = false, set = [] }: Rendering) {
  const files = [`values-${environment}.yaml`, ...(lab ? ['values-lab.yaml'] : [])];
  const args = [
    ...(command === 'lint' ? ['lint', '--strict'] : ['template', 'janusgraph-banking']),
    chart,
    `--namespace=janusgraph-banking-${environment}`,
    ...files.map((file) => `--values=${join(chart, file)}`),
    ...set.map((each) => `--set=${each}`),
  ];
  return execa(await tool('helm'), args, { stdin: 'ignore', reject: false });
}

/** The manifests as text. */
export async function render(rendering: Rendering): Promise<string> {
  const { stdout, stderr, failed } = await helm('template', rendering);
  if (failed) throw new Error(stderr);
  return `${stdout}\n`;
}

export async function renderObjects(rendering: Rendering) {
  return objectsOf(await render(rendering));
}
