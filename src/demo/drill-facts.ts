import type { EnvironmentConfig } from '../model/config.ts';
import type { RestorePoint } from '../model/restore-point.ts';
import type { Drill, DrillRun, Recovery } from './drill-document.ts';
import type { Lost } from './lost-transactions.ts';
import type { OracleProof } from './oracle-proof.ts';
import type { ShippingLag } from './shipping-lag.ts';

/** One way back, before anything is concluded from it. */
export interface RecoveredFacts
  extends Pick<Recovery, 'timeline' | 'to' | 'excluded' | 'incomplete' | 'secondsFromKill'> {
  readonly run: DrillRun;
  readonly proof: OracleProof;
  /** Every row and invariant: a finding is one line of text; of many only some are listed. */
  readonly check: { readonly elements: number; readonly findings: readonly string[]; readonly findingCount: number };
  /** Of the accounts that the bad job dropped, how many a look-up by key found. */
  readonly accountsFound: number;
  readonly nodesUp: number;
}

/** What was seen and measured during a drill, before anything is concluded from it. */
export interface DrillFacts
  extends Pick<
    Drill,
    | 'id'
    | 'environment'
    | 'startedAt'
    | 'seconds'
    | 'actor'
    | 'cardea'
    | 'store'
    | 'application'
    | 'badJob'
    | 'disaster'
    | 'window'
    | 'timelines'
    | 'phases'
  > {
  readonly objectives: EnvironmentConfig['objectives'];
  /** As its document stood after the rehearsal. */
  readonly point: RestorePoint;
  readonly lag: ShippingLag;
  /** How often the watermarks were looked at. */
  readonly looks: number;
  /** Of the accounts that the bad job dropped, how many a look-up by key still found before the kill. */
  readonly accountsAfterDrop: number;
  readonly instant: RecoveredFacts;
  readonly undo: RecoveredFacts;
  /** After the undo, the oldest first. */
  readonly lost: readonly Lost[];
  readonly backup: DrillRun;
  readonly rehearsal: DrillRun;
  /** Further runs of the story. */
  readonly decisions: readonly DrillRun[];
}
