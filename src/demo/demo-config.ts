import { type Config, configSchema, type EnvironmentConfig } from '../model/config.ts';
import { UsageProblem } from '../model/problem.ts';

export interface DemoSize {
  readonly nodes: number;
  readonly store: 'directory' | 's3';
}

/** The one environment's name; no other command ever makes one of this name. */
export const demoName = 'demo';

/**
 * A configuration of the demo's environment alone: the sample's `local` with as many nodes as asked for, and as many replicas as fit them
 * up to three. Pure. Throws UsageProblem `bad-size`.
 */
export function demoConfig(
  sample: Config,
  size: DemoSize,
): { readonly config: Config; readonly environment: EnvironmentConfig } {
  if (size.nodes < 1 || size.nodes > 9) {
    throw new UsageProblem({
      code: 'bad-size',
      happened: `A demo of ${size.nodes} nodes cannot run on one machine.`,
      state: 'Nothing was started.',
      next: 'Use --nodes with a number from 1 to 9; three nodes show the most.',
    });
  }
  const local = Object.values(sample.environments).find((each) => each.platform.kind === 'sandbox');
  const config = configSchema.parse({
    name: sample.name,
    environments: {
      [demoName]: {
        ...(local ?? { platform: { kind: 'sandbox' } }),
        promotesTo: undefined,
        approval: undefined,
        datacenter: { ...local?.datacenter, size: size.nodes },
        janusgraph: { ...local?.janusgraph, replicationFactor: Math.min(3, size.nodes) },
        backup: { ...local?.backup, store: storeOf(size.store) },
      },
    },
  });
  const environment = Object.values(config.environments)[0] as EnvironmentConfig;
  return { config, environment };
}

function storeOf(kind: DemoSize['store']): unknown {
  return kind === 'directory' ? { kind } : { kind, bucket: `cardea-${demoName}` };
}

/** `cardea.config.ts` with which the other commands find a demo that was kept. */
export function configFile(config: Config): string {
  return `import { defineConfig } from 'cardea';

// Written by \`cardea demo --keep\`; gone with its environment.
export default defineConfig(${JSON.stringify(config, null, 2)});
`;
}
