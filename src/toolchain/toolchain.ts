/** The programs that the sandbox runs and the lab's images hold, ready to run. Absolute paths. */
export interface Toolchain {
  readonly java: string;
  /** Jars, sorted: a class archive is only good for the very same class path. */
  readonly cassandra: readonly string[];
  readonly janusgraph: readonly string[];
  readonly medusa: string;
  /** Where class archives of these jars and this JVM belong. */
  readonly archiveFolder: string;
  /** Class archives of the JVM; undefined while there is none. */
  readonly archives: ClassArchives;
}

export interface ClassArchives {
  readonly cassandra: string | undefined;
  readonly janusgraph: string | undefined;
  readonly nodetool: string | undefined;
}
