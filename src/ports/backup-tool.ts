/**
 * The program that carries files between this node and the bucket: Medusa. Its success is never taken for proof: whoever calls it
 * compares `contents` with an inventory of his own. All methods end the tool's process when the signal fires, then reject with its reason.
 */
export interface BackupTool {
  /**
   * Uploads the files of the snapshot whose tag is the backup's name, and leaves the snapshot where it is. Throws
   * FailedProblem or, when the store was away, RetryableProblem with the end of the tool's log.
   */
  upload(
    backup: string,
    mode: BackupMode,
    options: { readonly signal: AbortSignal; readonly onTable: (keyspace: string, table: string) => void },
  ): Promise<void>;
  /**
   * Removes this node's part of a backup; false when the tool knows none of that name. `keepFiles`: data files that no other backup needs
   * stay for the next attempt to find, else they go too.
   */
  remove(backup: string, options: { readonly keepFiles: boolean; readonly signal: AbortSignal }): Promise<boolean>;
  /** The tool's own record of what it stored for a node; undefined when there is no finished backup of that name. */
  contents(node: string, backup: string): Promise<BackupContents | undefined>;
  /** Key prefix, `/` at its end, below which files of this node's table are stored. */
  folderOf(backup: string, mode: BackupMode, keyspace: string, table: string): string;
  /** Brings files of a node's backup to `<destination>/<keyspace>/<table>/`; the destination must not exist yet. */
  download(
    node: string,
    backup: string,
    options: {
      readonly destination: string;
      /** All when absent. */
      readonly keyspaces?: readonly string[];
      readonly signal: AbortSignal;
    },
  ): Promise<void>;
  /** Ends a process of the tool that outlived the agent that started it. */
  endLeftOver(): Promise<void>;
}

export type BackupMode = 'full' | 'differential';

export interface BackupContents {
  /** Object key of the record itself. */
  readonly record: string;
  readonly tables: ReadonlyArray<{ readonly keyspace: string; readonly table: string }>;
  readonly files: readonly StoredFile[];
}

export interface StoredFile {
  readonly keyspace: string;
  /** Table folder as on disk: name, dash, table id. */
  readonly table: string;
  /** Relative to the table folder: `nb-1-big-Data.db`, `.index/nb-1-big-Data.db`. */
  readonly path: string;
  readonly bytes: number;
  /** Object key in the bucket. */
  readonly key: string;
}
