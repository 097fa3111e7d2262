import { fileAuditTrust } from '../../adapters/system/audit-key.ts';
import { systemProcesses } from '../../adapters/system/processes.ts';
import type { RunsWorld } from '../../journal/runs.ts';
import type { TrustingWorld } from '../../journal/vouching.ts';
import type { CliContext } from '../context.ts';

/** What is needed to read the runs of an environment and to judge their journals. Makes no key. */
export async function runsWorld(context: CliContext, name: string): Promise<RunsWorld & TrustingWorld> {
  const [{ bucket }, { auditKey, operatorKeys }] = await Promise.all([
    context.platform(name),
    context.environment(name),
  ]);
  return {
    store: bucket,
    clock: context.clock,
    processes: systemProcesses(),
    signer: { trust: () => fileAuditTrust(auditKey, name, operatorKeys) },
  };
}
