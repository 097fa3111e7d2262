import { mapConcurrently } from '../model/map-concurrently.ts';
import { UsageProblem } from '../model/problem.ts';
import type { ReportProgress } from '../model/progress.ts';
import type { GraphService } from '../ports/graph-service.ts';
import { isDormant, type Bank } from './bank.ts';
import { randomOf } from './random.ts';

/** Of the bad job. */
export const accountsPerTransaction = 50;
const parallel = 4;

/**
 * The disaster of the demo: a job gone wrong that drops accounts, with every edge at them. Takes `count` accounts of the dormant
 * branches, the same ones for the same bank. Resolves with their business keys. Throws UsageProblem `bad-count` when there are not as many.
 */
export async function runBadJob(
  graph: GraphService,
  bank: Bank,
  count: number,
  progress?: ReportProgress,
): Promise<readonly string[]> {
  const victims = accountsToDrop(bank, count);
  const batches = Array.from({ length: Math.ceil(count / accountsPerTransaction) }, (_, at) =>
    victims.slice(at * accountsPerTransaction, (at + 1) * accountsPerTransaction),
  );
  let done = 0;
  await mapConcurrently(batches, parallel, async (some) => {
    await graph.submit(dropScript, { victims: some }, { timeoutMs: 120_000 });
    done += some.length;
    progress?.({ done, total: count, unit: 'items', label: 'accounts deleted' });
  });
  return victims;
}

/** The bad job's choice: pure, sorted. */
export function accountsToDrop(bank: Bank, count: number): readonly string[] {
  const accounts = Array.from({ length: bank.branches }, (_, index) => index)
    .filter(isDormant)
    .flatMap((index) => bank.branch(index).vertices.filter((vertex) => vertex.label === 'account'))
    .map((vertex) => vertex.key);
  if (count > accounts.length) {
    throw new UsageProblem({
      code: 'bad-count',
      happened: `The bad job cannot delete ${count} accounts: the dormant branches have only ${accounts.length}.`,
      state: 'Nothing was deleted.',
      next: `Ask for at most ${accounts.length}, or load a larger sample graph.`,
    });
  }
  const random = randomOf('bad-job', bank.seed);
  for (let at = 0; at < count; at += 1) {
    const other = at + random.below(accounts.length - at);
    [accounts[at], accounts[other]] = [accounts[other] as string, accounts[at] as string];
  }
  return accounts.slice(0, count).sort();
}

/** Without locks and look-ups, as careless jobs run: what is dropped is gone from the indexes too, only nobody is asked first. */
const dropScript = `
  def tx = graph.buildTransaction().enableBatchLoading().start()
  try {
    tx.traversal().V().has('businessKey', org.apache.tinkerpop.gremlin.process.traversal.P.within(victims)).drop().iterate()
    tx.commit()
  } catch (Throwable problem) {
    if (tx.isOpen()) tx.rollback()
    throw problem
  }
  []
`;
