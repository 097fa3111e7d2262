import type { NodeFiles } from '../ports/node-files.ts';
import { type JobRecord, epochDocument, jobRecordDocument } from './job-record.ts';

/**
 * What an agent remembers after its process died: its jobs and the highest epoch, each as a file that is written
 * atomically.
 */
export interface JobStore {
  load(): Promise<{ readonly highestEpoch: number; readonly jobs: ReadonlyMap<string, JobRecord> }>;
  saveEpoch(highest: number): Promise<void>;
  save(id: string, record: JobRecord): Promise<void>;
  forget(id: string): Promise<void>;
}

export function jobStoreIn(directory: string, files: NodeFiles): JobStore {
  const epochFile = `${directory}/epoch.json`;
  const jobsFolder = `${directory}/jobs`;
  const fileOf = (id: string) => `${jobsFolder}/${id}.json`;
  return {
    async load() {
      const jobs = new Map<string, JobRecord>();
      for (const entry of (await files.entries(jobsFolder)) ?? []) {
        if (entry.directory || !entry.name.endsWith('.json')) continue;
        const file = `${jobsFolder}/${entry.name}`;
        const text = await files.read(file);
        if (text !== undefined) jobs.set(entry.name.slice(0, -'.json'.length), jobRecordDocument.read(text, file));
      }
      const epoch = await files.read(epochFile);
      return { highestEpoch: epoch === undefined ? 0 : epochDocument.read(epoch, epochFile).highest, jobs };
    },
    saveEpoch: async (highest) => files.writeWhole(epochFile, epochDocument.write({ highest })),
    save: async (id, record) => files.writeWhole(fileOf(id), jobRecordDocument.write(record)),
    forget: async (id) => files.remove(fileOf(id)),
  };
}
