import { checkGraph } from '../graph/check.ts';
import { onlyLooking, requireHealthyRing } from '../runbooks/steps/ring-check.ts';
import { type TransactionChoice, type ObservedState, observedState } from '../sample/oracle.ts';
import { transactionsOf } from '../sample/transaction.ts';
import type { RecoveredFacts } from './drill-facts.ts';
import { proveByOracle } from './oracle-proof.ts';
import type { OpenBank, Scene } from './scene.ts';
import { untilAborted } from './until-aborted.ts';
import { countOf } from './vertex-count.ts';

export interface Proved {
  readonly facts: Pick<RecoveredFacts, 'proof' | 'check' | 'accountsFound' | 'nodesUp'>;
  /** The whole restored graph as a reader finds it. */
  readonly observed: ObservedState;
}

/**
 * Looks at a restored graph in every way there is: each element against the application's log, every row and invariant, the dropped
 * accounts by key, every node. `chosen` says which of the logged transactions must be there.
 */
export async function proveRecovery(
  { stage, platform, clock, signal }: Scene,
  { bank, log }: OpenBank,
  accounts: readonly string[],
  chosen: (observed: ObservedState) => TransactionChoice,
): Promise<Proved> {
  const { database, graph, keyspace, indexBackend } = platform;
  const [observed, check, accountsFound, ring] = await stage.during(
    "The proof: compare every element with the application's log; check every row, invariant, account key and node",
    async (progress) =>
      untilAborted(
        signal,
        Promise.all([
          observedState(graph),
          checkGraph({ database, graph, keyspace, indexBackend, clock, progress, signal }),
          countOf(graph, accounts),
          requireHealthyRing(platform, onlyLooking),
        ]),
      ),
  );
  const proof = proveByOracle(bank, await transactionsOf(log.records()), chosen(observed), observed);
  const elements = proof.restored.vertices + proof.restored.edges;
  const differing = proof.missing.length + proof.unexpected.length + proof.changed.length;
  stage.say(
    `${whole(elements)} elements were compared value by value; ${whole(differing)} differ. Of ${whole(proof.transactions)} transactions, ${whole(proof.split.length)} were restored only in part.`,
  );
  return {
    observed,
    facts: {
      proof,
      check: {
        elements: check.elements,
        findingCount: check.findingCount,
        findings: check.findings.map(({ kind, element, detail }) => `${kind} ${element}: ${detail}`),
      },
      accountsFound,
      nodesUp: [...ring.members.values()].filter((member) => member.up).length,
    },
  };
}

function whole(value: number): string {
  return value.toLocaleString('en');
}
