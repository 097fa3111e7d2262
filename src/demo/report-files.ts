import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectStore } from '../ports/object-store.ts';
import { type Drill, drillDocument, drillKey } from './drill-document.ts';
import { reportOf } from './report.ts';

/** Writes a drill's page and record into the environment's bucket and into a folder that outlives the environment. Resolves with the page's path. */
export async function writeReport(drill: Drill, bucket: ObjectStore, folder: string): Promise<string> {
  const page = reportOf(drill);
  const record = drillDocument.write(drill);
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'report.html');
  await Promise.all([
    bucket.put(drillKey(drill.id, 'json'), record),
    bucket.put(drillKey(drill.id, 'html'), page),
    writeFile(path, page),
    writeFile(join(folder, 'report.json'), record),
  ]);
  return path;
}

/** After a failure the servers' logs are worth more than the space they take. Resolves with their folder, undefined when there are none. */
export async function keepLogs(environment: string, folder: string): Promise<string | undefined> {
  const kept = join(folder, 'logs');
  return cp(join(environment, 'logs'), kept, { recursive: true }).then(
    () => kept,
    () => undefined,
  );
}
