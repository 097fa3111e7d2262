import { fileAuditTrust } from '../../../adapters/system/audit-key.ts';
import { systemProcesses } from '../../../adapters/system/processes.ts';
import { listRuns, showRun } from '../../../journal/runs.ts';
import { formatBytes } from '../../../model/bytes.ts';
import { disksWithoutRoom } from '../../../model/disk-room.ts';
import { formatSeconds } from '../../../model/duration.ts';
import type { EnvironmentConfig } from '../../../model/config.ts';
import { microsOf } from '../../../model/instant.ts';
import { FailedProblem, asProblem } from '../../../model/problem.ts';
import { installedSandboxToolchain } from '../../../platforms/sandbox/sandbox-toolchain.ts';
import { changesSince } from '../../../platforms/sandbox/report.ts';
import type { ShippingHealth } from '../../../ports/node-agent.ts';
import type { Platform } from '../../../ports/platform.ts';
import { measureLogGrowth } from '../../../runbooks/catalog/log-growth.ts';
import { currentTimeline } from '../../../runbooks/catalog/timeline-record.ts';
import { newestRestore } from '../../../runbooks/recovery/newest-restore.ts';
import { readNewestFacts } from '../../../runbooks/recovery/recovery-facts.ts';
import { computeWindow } from '../../../runbooks/recovery/window.ts';
import { streamsOf } from '../../../runbooks/recovery/log-range-reader.ts';
import { requireNoUnfinishedRestore } from '../../../runbooks/catalog/restore-catalog.ts';
import { onlyLooking, requireHealthyRing } from '../../../runbooks/steps/ring-check.ts';
import { probeStore } from '../../../runbooks/catalog/store-probe.ts';
import { changeRemedy, changeText } from '../../configuration/change-text.ts';
import { configWarnings } from '../../configuration/config-notes.ts';
import type { CliContext } from '../../context.ts';
import { restoresMeasured } from '../../runs/measured-runs.ts';
import { within } from '../../runs/within.ts';
import { rtoVerdict } from '../status/rto.ts';
import { type DoctorFinding, tryCheck } from './findings.ts';
import { logCost } from './log-cost.ts';
import { keepingFinding } from './store-keeping.ts';

/** Checks that need no environment. Of the warnings about the configuration only those of `only`, when it is given. */
export async function machineChecks(context: CliContext, only?: string): Promise<readonly DoctorFinding[]> {
  return Promise.all([
    tryCheck('configuration', async () => {
      const { file, config } = await context.config();
      const says = `${file}: ${Object.keys(config.environments).length} environments`;
      const warnings = configWarnings(config, only);
      if (warnings.length === 0) return says;
      return {
        level: 'warning',
        says,
        details: warnings,
        next: 'Change the setting, or do without what it seems to promise.',
      };
    }),
    tryCheck('runtime', async () => `Node ${process.versions.node}, Cardea ${context.version}`),
    tryCheck('toolchain', async () => {
      const toolchain = installedSandboxToolchain();
      if (toolchain !== undefined) return `complete: ${toolchain.java}, ${toolchain.medusa}`;
      return {
        level: 'warning',
        says: 'not installed; only the sandbox needs it',
        next: 'Install it with: cardea setup',
      };
    }),
  ]);
}

/**
 * Everything that an operation on this environment needs. A wrong name throws; everything else that is wrong is a
 * finding.
 */
export async function environmentChecks(context: CliContext, name: string): Promise<readonly DoctorFinding[]> {
  const { config, auditKey } = await context.environment(name);
  let platform: Platform | undefined;
  const opened = await tryCheck('platform', async () => {
    platform = await context.platform(name);
    return `${config.platform.kind}, ${platform.nodes.length} declared nodes`;
  });
  const key = await tryCheck('audit key', async () => {
    const trust = await fileAuditTrust(auditKey, name);
    if (trust !== undefined) return auditKey;
    return {
      level: 'warning',
      says: `${auditKey} does not exist yet`,
      next: 'Nothing to do: the first run from this machine creates it.',
    };
  });
  if (platform === undefined) return [opened, key];
  const there = platform;
  const sandbox = config.platform.kind === 'sandbox' ? [await sandboxLook(name, config)] : [];
  const nodes = await Promise.all([
    tryCheck('store', async () => {
      const { seconds } = await probeStore(there.bucket, context.clock);
      return `${there.bucket.description}: written, read and deleted in ${seconds.toFixed(2)} s`;
    }),
    ...(there.bucket.keeping === undefined
      ? []
      : [
          tryCheck('store keeping', async () =>
            keepingFinding((await there.bucket.keeping?.()) ?? nothingKnown, config.backup.log.interval),
          ),
        ]),
    ...(config.backup.log.ship ? [tryCheck('log', async () => logLook(there, context.clock.now(), config))] : []),
    tryCheck('rto', async () => rtoLook(context, name, there)),
    tryCheck('ring', async () => {
      const ring = await requireHealthyRing(there, onlyLooking);
      return `all ${ring.members.size} nodes are up, one schema, Cassandra ${ring.cassandraVersion}`;
    }),
    tryCheck('graph', async () => {
      await there.graph.submit('g.inject(1)');
      return there.graph.url;
    }),
    ...there.nodes.map((node) => agentLook(context, there, node.name, config)),
    tryCheck('runs', async () => recentRuns(context, there)),
  ]);
  return [opened, key, ...sandbox, ...nodes];
}

const measuredMs = 86_400_000;

async function logLook(
  { bucket }: Platform,
  now: Date,
  config: EnvironmentConfig,
): Promise<Omit<DoctorFinding, 'name'>> {
  const timeline = await currentTimeline(bucket);
  const hostIds = await streamsOf(bucket, timeline);
  const since = microsOf(new Date(now.getTime() - measuredMs));
  return logCost(await measureLogGrowth(bucket, { timeline, hostIds, since }), config.backup.log.interval);
}

/**
 * Whether a restore of everything would keep the objective. What cannot be read is not known, and is no other fault
 * here.
 */
async function rtoLook(context: CliContext, name: string, platform: Platform): Promise<Omit<DoctorFinding, 'name'>> {
  const { clock } = context;
  const { config } = await context.environment(name);
  const nodes = platform.nodes.length;
  const read = Promise.all([readNewestFacts({ platform, config, clock }), restoresMeasured(platform.bucket)]).then(
    ([facts, runs]) => (facts === undefined ? undefined : newestRestore(facts, computeWindow(facts), { runs, nodes })),
  );
  const late = 'The log and the journals were not read in time';
  const restore = await within(clock, read, { patience: rtoPatience, late });
  return rtoVerdict(restore, { environment: name, rto: config.objectives.rto });
}

/** Milliseconds. */
const rtoPatience = 30_000;

const nothingKnown = { versions: 'unknown', locked: 'unknown', expires: 'unknown' } as const;

async function sandboxLook(name: string, config: EnvironmentConfig): Promise<DoctorFinding> {
  return tryCheck('settings', async () => {
    const changes = changesSince(name, config);
    if (changes.length === 0) return 'as the configuration says';
    return {
      level: 'warning',
      says: `the configuration was changed since ${name} was made`,
      details: changes.map((change) => `${changeText(name, change)}; ${changeRemedy(name, change.takes)}`),
    };
  });
}

async function agentLook(
  context: CliContext,
  platform: Platform,
  node: string,
  config: EnvironmentConfig,
): Promise<DoctorFinding> {
  return tryCheck(`node ${node}`, async () => {
    const agent = platform.agent(node);
    const asked = context.clock.now();
    const health = await agent.health();
    const skew = clockSkew(asked, health.at, context.clock.now());
    const disk = await agent.disk();
    const says = `agent ${health.version}, ${formatBytes(disk.free)} of ${formatBytes(disk.total)} free`;
    if (skew > longestSkew) {
      const off = `${says}; its clock differs from the clock here by ${formatSeconds(skew)}`;
      return { level: 'bad', says: off, next: `Synchronise the clocks of ${node} and of this machine (chrony, ntpd).` };
    }
    if (health.version !== context.version) {
      const next = `Restart the agent of ${node} with version ${context.version}.`;
      return { level: 'warning', says: `${says}; this command is Cardea ${context.version}`, next };
    }
    const details = disksWithoutRoom(
      [{ node, ...disk, writes: Math.ceil(disk.liveData / 10) }],
      config.backup.minimumFreeShare,
    );
    if (details.length > 0) {
      const next = 'Free disk space: nodetool clearsnapshot --all, or `cardea restore accept RUN` for an old restore.';
      return { level: 'bad', says: `${says}; that is too little for a backup`, details, next };
    }
    const unshipped = config.backup.log.ship ? await shippingLook(platform, health.shipping) : undefined;
    if (unshipped !== undefined) return { ...unshipped, says: `${says}; ${unshipped.says}` };
    if (disk.aside > 0) {
      return {
        level: 'warning',
        says: `${says}; ${formatBytes(disk.aside)} of old data are kept from a restore`,
        next: 'See which restore waits to be accepted: cardea status',
      };
    }
    return says;
  });
}

/** Why the node's log is not shipped; undefined when it is. */
async function shippingLook(
  { bucket, environment }: Platform,
  shipping: ShippingHealth | undefined,
): Promise<Omit<DoctorFinding, 'name'> | undefined> {
  if (shipping === undefined) {
    return {
      level: 'warning',
      says: 'its agent ships no log, although the configuration says that it does',
      next: `Start the agent with the configuration of ${environment}.`,
    };
  }
  const { state, problem, unreadable } = shipping;
  if (state === 'stopped') {
    const next = `When the other agent is gone: cardea ship ${environment}`;
    return { level: 'bad', says: `its log is not shipped. ${problem ?? ''}`.trimEnd(), next };
  }
  if (state === 'paused') {
    try {
      await requireNoUnfinishedRestore(bucket);
    } catch (thrown) {
      const { happened, next } = asProblem(thrown, 'Reading the restores');
      return { level: 'warning', says: `its log is not shipped, for now. ${happened}`, next };
    }
    return {
      level: 'bad',
      says: 'its log is not shipped: it was paused, and no restore needs that any more',
      next: `cardea ship ${environment}`,
    };
  }
  if (unreadable !== undefined) {
    return {
      level: 'bad',
      says: `its log is shipped, and no instant can be restored from it: ${unreadable}`,
      next: 'Restore points stay good. docs/hcd.md says which formats are read.',
    };
  }
  if (problem === undefined) return undefined;
  const next = 'Nothing to do when it goes on by itself: it tries again, and catches up.';
  return { level: 'warning', says: `its log waits: ${problem}`, next };
}

/** Seconds. Cassandra orders writes by these clocks, and a lease of 30 s is measured by them. */
const longestSkew = 2;

/** Seconds between an agent's clock and ours, less the time that the call took. */
function clockSkew(asked: Date, theirs: string, answered: Date): number {
  const at = Date.parse(theirs);
  return Math.max(0, asked.getTime() - at, at - answered.getTime()) / 1000;
}

/** How many of the newest journals are verified. */
const journalsLooked = 20;

async function recentRuns(context: CliContext, { bucket, environment }: Platform): Promise<string> {
  const world = { store: bucket, clock: context.clock, processes: systemProcesses() };
  const runs = await listRuns(world, { limit: journalsLooked });
  const details: string[] = [];
  for (const { run } of runs) {
    await showRun(world, run).catch((error: Error) => details.push(error.message));
  }
  if (details.length === 0) return `the journals of the newest ${runs.length} are intact`;
  throw new FailedProblem({
    code: 'journal-damaged',
    happened: `${details.length} of the newest ${runs.length} journals are damaged.`,
    state: 'The journals were not changed.',
    next: `Audit all runs: cardea audit ${environment}`,
    details,
  });
}
