/**
 * The JanusGraph servers of an environment. `submit` runs one script of ours in the server's script engine with bindings; scripts are
 * constants of the code, inputs only ever travel as bindings. Plain values come back (GraphSON 3): ids of elements as strings, maps as objects,
 * whole numbers as number, or as bigint outside the safe range. Throws RetryableProblem `graph-unreachable` when no server answers in time,
 * FailedProblem `graph-script-failed` with the server's message when the script fails.
 */
export interface GraphService {
  submit<Row>(
    script: string,
    bindings?: Readonly<Record<string, unknown>>,
    options?: { readonly timeoutMs?: number },
  ): Promise<readonly Row[]>;
  /** `ws://host:port/gremlin` of the first server, for people. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Idempotent. `startAll` waits until a Gremlin query answers. While the mixed index's own storage is set aside or brought back, the servers
 * must be stopped.
 */
export interface GraphLifecycle {
  startAll(signal: AbortSignal): Promise<void>;
  stopAll(signal: AbortSignal): Promise<void>;
  /** Whether any server runs. */
  running(): Promise<boolean>;
  /** Moves the index's storage aside under the run's name (a way back), leaving an empty one. */
  setIndexAside(run: string): Promise<void>;
  acceptIndexAside(run: string): Promise<void>;
  /**
   * `mayBeAbsent`: nothing may have been moved aside; then there is nothing to do. `lost`: something was, and is gone: the servers come up with an
   * empty index, which has to be made anew.
   */
  revertIndexAside(run: string, options: { readonly mayBeAbsent: boolean }): Promise<{ readonly lost: boolean }>;
}
