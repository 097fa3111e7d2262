import { z } from 'zod';

/** Where a bucket lies, with every reference resolved to something a local process can open. Credentials stay in a file of mode 0600. */
export const storeLocation = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('directory'), path: z.string() }),
  z.object({
    kind: z.literal('s3'),
    bucket: z.string(),
    /** Absent for AWS itself. */
    endpoint: z.string().optional(),
    region: z.string(),
    /** INI file in the form of the AWS CLI with one profile `default`: aws_access_key_id, aws_secret_access_key. */
    credentialsFile: z.string(),
    encryption: z.enum(['AES256', 'aws:kms', 'none']),
    checksums: z.enum(['when-supported', 'when-required']),
  }),
]);
export type StoreLocation = z.infer<typeof storeLocation>;

/** The file a node's agent is started with: `cardea agent --config FILE`. Written by the platform, read by nobody else. */
export const agentConfig = z.object({
  /** The node's own name; Medusa's fqdn. */
  node: z.string(),
  environment: z.string(),
  /** The environment whose bucket the store is, when it is not the agent's own: that of a copy. */
  bucketOf: z.string().optional(),
  /** Name of the project in the configuration. */
  project: z.string().optional(),
  listen: z.object({ host: z.string(), port: z.number().int() }),
  /** File of mode 0600 with the bearer token that every request carries. */
  tokenFile: z.string(),
  /** The agent's own folder: finished jobs, its log, Medusa's configuration and scratch space. */
  stateDirectory: z.string(),
  cassandra: z.object({
    yaml: z.string(),
    dataDirectories: z.array(z.string()).min(1),
    commitlogDirectory: z.string(),
    hintsDirectory: z.string(),
    savedCachesDirectory: z.string(),
    /** Same file system as the data: what a restore moves aside goes here, by rename. */
    asideDirectory: z.string(),
    cqlAddress: z.string(),
    cqlPort: z.number().int(),
    /** Argument array of nodetool for this node, host and port included. */
    nodetool: z.array(z.string()).min(1),
    /** File that holds the pid of the running Cassandra; absent or stale means stopped. */
    pidFile: z.string(),
    /** Cassandra holds this file locked (flock) from its start to its end: on its data's volume, in no directory that a restore moves. */
    lockFile: z.string(),
  }),
  medusa: z.object({
    executable: z.string(),
    /** Directory that holds a `nodetool` executable for Medusa's PATH. */
    nodetoolDirectory: z.string(),
    /** Megabytes per second; 0 is no limit. */
    bandwidth: z.number().nonnegative(),
  }),
  store: storeLocation,
  /** Absent when this agent ships no commit log: that of a copy, or of an environment that does not want it. */
  shipping: z
    .object({
      /** Hard links to segments stand here: on the file system of the commit log, and nobody else's. */
      linkDirectory: z.string(),
      intervalMs: z.number().int().positive(),
      /** Bytes that only the links hold, at most. */
      maximumPinned: z.number().int().positive(),
    })
    .optional(),
});
export type AgentConfig = z.infer<typeof agentConfig>;
