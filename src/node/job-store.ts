import type { NodeFiles } from '../ports/node-files.ts';
import { Problem } from '../model/problem.ts';
import { type JobRecord, epochDocument, jobRecordDocument } from './job-record.ts';

/**
 * What an agent remembers after its process died: its jobs and the highest epoch, each as a file that is written
 * atomically.
 */
export interface JobStore {
  load(): Promise<{
    readonly highestEpoch: number;
    readonly jobs: ReadonlyMap<string, JobRecord>;
    /** What cannot be read, by its file's name, with the reason: a flipped bit, or a job that only another version knows. */
    readonly damaged: ReadonlyMap<string, string>;
  }>;
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
      const damaged = new Map<string, string>();
      for (const entry of (await files.entries(jobsFolder)) ?? []) {
        if (entry.directory || !entry.name.endsWith('.json')) continue;
        const file = `${jobsFolder}/${entry.name}`;
        const text = await files.read(file);
        if (text === undefined) continue;
        const id = entry.name.slice(0, -'.json'.length);
        try {
          jobs.set(id, jobRecordDocument.read(text, file));
        } catch (thrown) {
          if (!(thrown instanceof Problem)) throw thrown;
          damaged.set(id, thrown.happened);
        }
      }
      const text = await files.read(epochFile);
      let highestEpoch = 0;
      try {
        if (text !== undefined) highestEpoch = epochDocument.read(text, epochFile).highest;
      } catch (thrown) {
        if (!(thrown instanceof Problem)) throw thrown;
        damaged.set('epoch', thrown.happened);
        // The jobs remember the epochs that they were asked with.
        highestEpoch = Math.max(0, ...[...jobs.values()].map(({ epoch }) => epoch));
      }
      return { highestEpoch, jobs, damaged };
    },
    saveEpoch: async (highest) => files.writeWhole(epochFile, epochDocument.write({ highest })),
    save: async (id, record) => files.writeWhole(fileOf(id), jobRecordDocument.write(record)),
    forget: async (id) => files.remove(fileOf(id)),
  };
}
