import { formatBytes } from '../model/bytes.ts';
import { formatSeconds } from '../model/duration.ts';
import { formatInstant, microsOf } from '../model/instant.ts';
import type { RestorePoint } from '../model/restore-point.ts';
import { pointOfRun } from '../runbooks/backup.ts';
import { backupRunbook, rehearseRunbook } from '../runbooks/index.ts';
import { getPoint } from '../runbooks/catalog/point-catalog.ts';
import { noteCommitTimes } from './bad-job-chapter.ts';
import { demoName } from './demo-config.ts';
import type { DrillRun } from './drill-document.ts';
import { drillRun } from './drill-run.ts';
import type { OpenBank, Scene } from './scene.ts';
import type { Watch } from './watermark-watch.ts';

export interface PointAndRun {
  readonly point: RestorePoint;
  readonly run: DrillRun;
}

/** Takes a base while the application writes: a mixture of instants, which only the shipped log makes consistent. */
export async function backUp(scene: Scene, opened: OpenBank): Promise<PointAndRun> {
  const { stage, platform, services, phase } = scene;
  stage.chapter('The backup: every node under load, without pausing the application');
  const before = opened.writer.counters().acknowledged;
  const outcome = await phase('backup', () =>
    stage.carryOut(backupRunbook, { environment: demoName, params: { cut: 'fuzzy' }, services }),
  );
  const meanwhile = opened.writer.counters().acknowledged - before;
  const point = await getPoint(platform.bucket, pointOfRun(outcome.run));
  stage.say(
    `${point.id} is ${point.proof}: ${formatBytes(point.bytes)} from ${point.nodes.length} nodes; new bytes were read back and are equal. ${meanwhile} transactions were written meanwhile.`,
  );
  await noteCommitTimes(scene, opened);
  return { point, run: await drillRun(platform.bucket, outcome.run, backupRunbook) };
}

/**
 * A backup counts only after it was restored together with its log: here to the newest instant that is in the bucket
 * now.
 */
export async function rehearsePoint(
  scene: Scene,
  opened: OpenBank,
  { id, timeline }: RestorePoint,
  shipping: Watch,
): Promise<PointAndRun> {
  const { stage, platform, services, phase } = scene;
  const instant = formatInstant(shipping.looks().at(-1)?.newest ?? microsOf(scene.clock.now()));
  stage.chapter('The rehearsal: base and log count as good only after they were restored');
  stage.say(
    `Restores to ${instant.slice(11, 26)} on a second ring beside the live one, without a connection to it. The application keeps writing.`,
  );
  const params = { point: id, replay: true, logs: { instant, timeline } };
  const outcome = await phase('rehearse', () =>
    stage.carryOut(rehearseRunbook, { environment: demoName, params, services }),
  );
  const point = await getPoint(platform.bucket, id);
  const { proven } = point;
  const measured = proven === undefined ? 0 : Object.values(proven.seconds).reduce((sum, each) => sum + each, 0);
  stage.say(`${point.id} is ${point.proof}, cut: ${point.cut}. Restoring it took ${formatSeconds(measured)}.`);
  await noteCommitTimes(scene, opened);
  return { point, run: await drillRun(platform.bucket, outcome.run, rehearseRunbook) };
}
