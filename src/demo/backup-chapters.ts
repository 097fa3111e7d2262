import type { RunEvent } from '../journal/event.ts';
import { formatBytes } from '../model/bytes.ts';
import { formatSeconds } from '../model/duration.ts';
import type { RestorePoint } from '../model/restore-point.ts';
import { pointOfRun } from '../runbooks/backup.ts';
import { backupRunbook, rehearseRunbook } from '../runbooks/index.ts';
import { getPoint } from '../runbooks/point-catalog.ts';
import { demoName } from './demo-config.ts';
import type { DrillRun } from './drill-document.ts';
import { drillRun } from './drill-run.ts';
import type { OpenBank, Scene } from './scene.ts';

export interface BackedUp {
  readonly point: RestorePoint;
  readonly run: DrillRun;
  /** When the writer stood still, ISO: what it was told later is in no point. */
  readonly cut: string;
}

/** Steps after which the backup no longer looks at the live graph: the writer need not wait for the upload. */
const needsQuiet: readonly string[] = ['snapshot', 'fingerprint'];

/** Backs the bank up between two transactions; the writer rests only until snapshots and fingerprint are taken. */
export async function backUp(scene: Scene, { writer }: OpenBank): Promise<BackedUp> {
  const { stage, platform, services, phase, clock } = scene;
  stage.chapter('The backup: every node at one quiet moment');
  await writer.pause();
  const cut = clock.now().toISOString();
  const written = writer.counters().acknowledged;
  stage.say(`The application pauses after ${written} transactions.`);
  const waiting = new Set(needsQuiet);
  const from = clock.monotonic();
  let rested = 0;
  const onEvent = ({ event }: RunEvent): void => {
    if (event.type !== 'step-succeeded' || !waiting.delete(event.step) || waiting.size > 0) return;
    rested = clock.monotonic() - from;
    writer.resume();
  };
  const outcome = await phase('backup', () =>
    stage
      .carryOut(backupRunbook, { environment: demoName, params: { cut: 'quiesced' }, services, onEvent })
      .finally(() => writer.resume()),
  );
  const point = await getPoint(platform.bucket, pointOfRun(outcome.run));
  stage.say(
    `${point.id} is ${point.proof}: ${formatBytes(point.bytes)} of ${point.nodes.length} nodes, new bytes read back and equal. The application rested ${formatSeconds(rested)}.`,
  );
  return { point, cut, run: await drillRun(platform.bucket, outcome.run, backupRunbook) };
}

/** Nothing is a backup until it has been restored. */
export async function rehearse(
  scene: Scene,
  { id }: RestorePoint,
): Promise<{ readonly point: RestorePoint; readonly run: DrillRun }> {
  const { stage, platform, services, phase } = scene;
  stage.chapter('The rehearsal: a backup is not good until it has been restored');
  stage.say('A second ring, beside the live one and without a connection to it; the application goes on writing.');
  const outcome = await phase('rehearse', () =>
    stage.carryOut(rehearseRunbook, { environment: demoName, params: { point: id }, services }),
  );
  const point = await getPoint(platform.bucket, id);
  const { proven } = point;
  const measured = proven === undefined ? 0 : Object.values(proven.seconds).reduce((sum, each) => sum + each, 0);
  stage.say(`${point.id} is ${point.proof}. Measured: ${formatSeconds(measured)} to bring it back.`);
  return { point, run: await drillRun(platform.bucket, outcome.run, rehearseRunbook) };
}
