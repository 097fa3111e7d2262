import { checkGraph } from '../graph/check.ts';
import { formatSeconds } from '../model/duration.ts';
import type { RestorePoint } from '../model/restore-point.ts';
import { acceptRunbook, restoreRunbook } from '../runbooks/index.ts';
import { requireHealthyRing } from '../runbooks/ring-check.ts';
import { transactionsOf } from '../sample/transaction.ts';
import { demoName } from './demo-config.ts';
import type { Struck } from './disaster-chapter.ts';
import type { DrillFacts } from './drill.ts';
import type { DrillRun } from './drill-document.ts';
import { drillRun } from './drill-run.ts';
import { compareWithLog } from './logged-transactions.ts';
import type { OpenBank, Scene } from './scene.ts';
import { untilAborted } from './until-aborted.ts';
import { countOf } from './vertex-count.ts';

export interface Restored {
  readonly run: DrillRun;
  /** Seconds from the kill to the end of the restore. */
  readonly outage: number;
}

/** Shows the plan, then brings the whole environment back in place. */
export async function restore(scene: Scene, point: RestorePoint, disaster: Struck): Promise<Restored> {
  const { stage, platform, services, phase, clock } = scene;
  stage.chapter('The restore: the plan first, then in place');
  const params = { point: point.id, allowTaken: false };
  stage.plan(restoreRunbook, demoName, params);
  stage.say(`Confirmed, as by hand: cardea restore ${demoName} --to ${point.id} --confirm ${demoName}`);
  const outcome = await phase('restore', () =>
    stage.carryOut(restoreRunbook, { environment: demoName, params, services, confirmed: demoName }),
  );
  const outage = clock.monotonic() - disaster.at;
  return { outage, run: await drillRun(platform.bucket, outcome.run, restoreRunbook) };
}

export interface Proved {
  readonly acceptRun: DrillRun;
  readonly facts: Pick<DrillFacts, 'check' | 'accounts' | 'againstLog' | 'nodesUp'>;
}

/** Looks at the restored graph in every way there is, then lets the data go that the restore had moved aside. */
export async function prove(
  scene: Scene,
  { log }: OpenBank,
  { cut, disaster, restored }: { readonly cut: string; readonly disaster: Struck; readonly restored: Restored },
): Promise<Proved> {
  const { stage, platform, services, phase, clock, signal } = scene;
  const { database, graph, keyspace, indexBackend } = platform;
  stage.chapter('The proof');
  const facts = await phase('prove', async () => {
    const [check, againstLog, afterRestore, ring] = await stage.during(
      "Every row and invariant, the dropped accounts by key, the application's log by its numbers, every node",
      async (progress) =>
        untilAborted(
          signal,
          Promise.all([
            checkGraph({ database, graph, keyspace, indexBackend, clock, progress, signal }),
            transactionsOf(log.records()).then(async (transactions) => compareWithLog(graph, transactions, cut)),
            countOf(graph, disaster.accounts),
            requireHealthyRing(platform),
          ]),
        ),
    );
    return {
      check: {
        fingerprint: check.fingerprint,
        elements: check.elements,
        findingCount: check.findingCount,
        findings: check.findings.map(({ kind, element, detail }) => `${kind} ${element}: ${detail}`),
      },
      accounts: { afterDrop: disaster.afterDrop, afterRestore },
      againstLog,
      nodesUp: [...ring.members.values()].filter((member) => member.up).length,
    };
  });
  stage.say(`The graph was away ${formatSeconds(restored.outage)}, from the kill to the last check of the restore.`);
  const accepted = await phase('accept', () =>
    stage.carryOut(acceptRunbook, {
      environment: demoName,
      params: { restore: restored.run.id },
      services,
      confirmed: demoName,
    }),
  );
  return { facts, acceptRun: await drillRun(platform.bucket, accepted.run, acceptRunbook) };
}
