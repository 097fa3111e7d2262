import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { byteSize } from './bytes.ts';
import { parseCron } from './cron.ts';
import { duration, durationText, milliseconds } from './duration.ts';
import { environmentName } from './identifiers.ts';
import { longestInterval, usualInterval } from './shipping-interval.ts';

/**
 * The shape of `cardea.config.ts`. Defaults everywhere: the shortest valid file is a name and one environment. Secrets never stand here,
 * only references to them (`secretRef`), and unknown keys are refused, because a misspelt retention is a lost backup.
 */

/** Where a secret is read from: an environment variable, a file (mode 0600), or a Kubernetes secret's key. Never the secret itself. */
const secretRef = z.union([
  z.strictObject({
    env: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]*$/, 'the name of an environment variable is in upper case, such as S3_SECRET_KEY'),
  }),
  z.strictObject({ file: z.string() }),
  z.strictObject({ secret: z.string(), key: z.string() }),
]);
export type SecretRef = z.infer<typeof secretRef>;

const store = z.union([
  z.strictObject({ kind: z.literal('directory'), path: z.string().optional() }),
  z.strictObject({
    kind: z.literal('s3'),
    bucket: z.string().min(3),
    endpoint: z.url().optional(),
    region: z.string().default('us-east-1'),
    accessKeyId: secretRef.optional(),
    secretAccessKey: secretRef.optional(),
    encryption: z.enum(['AES256', 'aws:kms', 'none']).default('AES256'),
    /** Some S3 servers do not know the SDK's default CRC32 trailers. */
    checksums: z.enum(['when-supported', 'when-required']).default('when-required'),
  }),
]);
export type StoreConfig = z.infer<typeof store>;

const retention = z.strictObject({
  /** Points older than this are removed, except the newest proven one and the source of a restore that is still open. */
  keep: duration.default('30d'),
  /** At least this many points stay, however old. */
  atLeast: z.number().int().positive().default(3),
});

const log = z.strictObject({
  /** Whether the nodes' agents ship the commit log: without it only restore points can be restored to. */
  ship: z.boolean().default(true),
  /**
   * How often what was written goes to the store; the loss in a disaster is this, and a third of a second. At most a
   * twentieth of `objectives.rpo`; without it `usualInterval`. What is more than 1 MiB goes at once.
   */
  interval: duration.optional(),
  /** The longest time from a transaction's time to its last write that is thought of: `settled` is `newest` less this. */
  settleMargin: duration.default('10s'),
  /** Commit log that waits for the store on a node's disk, at most. Beyond it the oldest is given up, and the window gets a gap. */
  maximumPinned: byteSize.default('4GiB'),
});

const backup = z.strictObject({
  /** Cron expression, UTC. */
  schedule: z
    .string()
    .superRefine((text, context) => {
      try {
        parseCron(text);
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as TypeError).message });
      }
    })
    .default('0 2 * * *'),
  /** The longest time between two bases, beside the schedule: the older the base, the longer a restore takes to replay the log. */
  bases: z
    .string()
    .regex(/^every \d+(s|m|h|d)$/, 'the time between two bases is written as "every 4h"')
    .optional(),
  retention: retention.prefault({}),
  store: store.default({ kind: 'directory' }),
  /** A backup needs at least this share of every node's disk free after it. */
  minimumFreeShare: z.number().min(0).max(0.9).default(0.1),
  /** Megabytes per second and node that Medusa may use; 0 is no limit. */
  bandwidth: z.number().nonnegative().default(0),
  log: log.prefault({}),
});

const objectives = z.strictObject({
  rpo: duration.default('5m'),
  rto: duration.default('4h'),
  backup: duration.default('2h'),
  restore: duration.default('4h'),
  rollback: duration.default('10m'),
  deployment: duration.default('15m'),
  pipeline: duration.default('30m'),
  tests: duration.default('10m'),
});

const datacenter = z.strictObject({
  cluster: z.string().default('hcd'),
  name: z.string().default('hcd-paris'),
  racks: z.array(z.string()).min(1).default(['rack1']),
  /** Nodes in all, spread over the racks in turn. */
  size: z.number().int().positive().default(3),
});

const janusgraph = z.strictObject({
  keyspace: z
    .string()
    .regex(/^[a-z][a-z0-9_]*$/)
    .default('janusgraph'),
  /** Name of the mixed index backend in JanusGraph's settings. */
  index: z.string().default('search'),
  replicationFactor: z.number().int().positive().default(3),
});

const sandbox = z.strictObject({
  kind: z.literal('sandbox'),
  heapMb: z.number().int().min(256).default(384),
});
const kubernetes = z.strictObject({
  kind: z.literal('kubernetes'),
  namespace: z.string(),
  context: z.string().optional(),
});

const writtenEnvironment = z.strictObject({
  platform: z.discriminatedUnion('kind', [sandbox, kubernetes]),
  sync: z.enum(['automatic', 'manual']).default('automatic'),
  promotesTo: z.string().optional(),
  approval: z.strictObject({ required: z.boolean(), by: z.array(z.string()).default([]) }).optional(),
  datacenter: datacenter.prefault({}),
  janusgraph: janusgraph.prefault({}),
  backup: backup.prefault({}),
  objectives: objectives.prefault({}),
});

const environment = writtenEnvironment.transform(({ backup: written, ...rest }) => {
  const { kind } = rest.platform;
  const interval = written.log.interval ?? usualInterval(kind, written.store.kind, rest.objectives.rpo);
  return { ...rest, backup: { ...written, log: { ...written.log, interval } } };
});
export type EnvironmentConfig = z.infer<typeof environment>;

const notifications = z.strictObject({
  slack: z.strictObject({ webhook: secretRef }).optional(),
  pagerduty: z.strictObject({ routingKey: secretRef }).optional(),
});

/** As `<key>.pub` has it. A private key in a configuration is a secret in Git. */
const operatorKey = z.string().superRefine((pem, context) => {
  const mistake = operatorKeyMistake(pem);
  if (mistake !== undefined) context.addIssue({ code: 'custom', message: mistake });
});

/** What is wrong, and after the semicolon what would be right. */
function operatorKeyMistake(pem: string): string | undefined {
  const wanted = 'paste the Ed25519 public key (PEM) that the file audit.key.pub holds';
  if (pem.includes('PRIVATE KEY')) return `is a private key, which is a secret; ${wanted}, and make a new pair`;
  try {
    const type = createPublicKey(pem).asymmetricKeyType;
    return type === 'ed25519' ? undefined : `is a key of the kind ${type}; ${wanted}`;
  } catch {
    return `is no public key; ${wanted}`;
  }
}

export const configSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]*$/, 'a name consists of lower-case letters, digits and dashes'),
    repository: z.string().optional(),
    chart: z.string().optional(),
    environments: z.record(environmentName, environment).refine((all) => Object.keys(all).length > 0, {
      message: 'at least one environment is needed',
    }),
    notifications: notifications.prefault({}),
    /** Public keys (Ed25519, PEM) of operators, by name: what they have signed is believed, beside what this machine has. */
    operatorKeys: z.record(z.string(), operatorKey).default({}),
  })
  // Also when something else is wrong (`when`), so that one reading lists every mistake; the values may then be half there.
  .superRefine(
    (config, context) => {
      const written = config as Partial<typeof config> | null | undefined;
      const environments = Object.entries(written?.environments ?? {}) as ReadonlyArray<[string, Unfinished]>;
      const names = environments.map(([name]) => name);
      for (const [name, value] of environments) {
        if (typeof value?.promotesTo === 'string' && !names.includes(value.promotesTo)) {
          context.addIssue({
            code: 'custom',
            path: ['environments', name, 'promotesTo'],
            message: `no environment is named "${value.promotesTo}"; use one of ${names.join(', ')}`,
          });
        }
        const replicas = Number(value?.janusgraph?.replicationFactor);
        const size = Number(value?.datacenter?.size);
        if (replicas > size) {
          context.addIssue({
            code: 'custom',
            path: ['environments', name, 'janusgraph', 'replicationFactor'],
            message: `${replicas} replicas need more than ${size} nodes; use at most ${size}`,
          });
        }
        const [interval, rpo] = [value?.backup?.log?.interval, value?.objectives?.rpo].map(lengthOf);
        const most = rpo === undefined ? undefined : longestInterval(rpo);
        if (interval !== undefined && most !== undefined && interval > most) {
          context.addIssue({
            code: 'custom',
            path: ['environments', name, 'backup', 'log', 'interval'],
            message: `an RPO of ${String(value?.objectives?.rpo)} is kept for sure with at most a twentieth of it between two pieces; use ${durationText(most)} or less`,
          });
        }
      }
    },
    { when: () => true },
  );

/**
 * Settings that are checked and then used by nothing in this version: they are written down for versions to come. `*` stands for any
 * environment. A test looks in the source whether this is so.
 */
export const unusedSettings = [
  'repository',
  'chart',
  'notifications',
  'environments.*.platform.context',
  'environments.*.sync',
  'environments.*.promotesTo',
  'environments.*.approval',
  'environments.*.objectives.rollback',
  'environments.*.objectives.deployment',
  'environments.*.objectives.pipeline',
  'environments.*.objectives.tests',
] as const;

/** What the checks across keys look at, of an environment that may be wrong elsewhere. */
type Unfinished =
  | {
      readonly promotesTo?: unknown;
      readonly datacenter?: { readonly size?: unknown };
      readonly janusgraph?: { readonly replicationFactor?: unknown };
      readonly backup?: { readonly log?: { readonly interval?: unknown } };
      readonly objectives?: { readonly rpo?: unknown };
    }
  | undefined;

/** Milliseconds; undefined of what is no duration, which has a message of its own. */
function lengthOf(written: unknown): number | undefined {
  const { data } = duration.safeParse(written);
  return data === undefined ? undefined : milliseconds(data);
}

/** The configuration with every default filled in. */
export type Config = z.output<typeof configSchema>;
/** The configuration as people write it. */
export type ConfigInput = z.input<typeof configSchema>;

/** Identity with types, so that an editor helps while `cardea.config.ts` is written. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
