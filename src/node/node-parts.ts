import type { BackupTool } from '../ports/backup-tool.ts';
import type { Clock } from '../ports/clock.ts';
import type { NodeDatabase } from '../ports/node-database.ts';
import type { NodeFiles } from '../ports/node-files.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** What the jobs of one node work with. */
export interface NodeParts {
  readonly node: string;
  readonly clock: Clock;
  readonly bucket: ObjectStore;
  readonly tool: BackupTool;
  readonly database: NodeDatabase;
  readonly files: NodeFiles;
  readonly directories: NodeDirectories;
}

/** Absolute paths. `data` is only one, because Medusa supports only one. */
export interface NodeDirectories {
  readonly data: string;
  readonly commitlog: string;
  readonly hints: string;
  readonly savedCaches: string;
  /** On the file system of the data. It holds old data that was moved aside, and files that are being restored. */
  readonly aside: string;
}
