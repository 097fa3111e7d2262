import { mapConcurrently } from '../model/map-concurrently.ts';
import type { ReportProgress } from '../model/progress.ts';
import type { GraphService } from '../ports/graph-service.ts';
import type { Bank } from './bank.ts';
import { writingBindings, writingElements } from './groovy.ts';
import { edgeRow, vertexRow } from './wire.ts';

/**
 * Loads a bank into a graph whose schema exists: one transaction and one request per branch, `parallel` at a time. A branch that is
 * there already is left alone, so a load that was interrupted between branches goes on; a server killed inside a commit may leave part
 * of a branch. Progress counts elements. Resolves with what was written now.
 */
export async function loadBank(
  graph: GraphService,
  bank: Bank,
  options: { readonly parallel?: number; readonly progress?: ReportProgress } = {},
): Promise<{ readonly vertices: number; readonly edges: number }> {
  const total = bank.counts.vertices + bank.counts.edges;
  const present = new Set(await presentBranches(graph, bank));
  const missing = Array.from({ length: bank.branches }, (_, index) => index).filter((index) => !present.has(index));
  const perBranch = total / bank.branches;
  let done = present.size * perBranch;
  const loaded = { vertices: 0, edges: 0 };
  await mapConcurrently(missing, options.parallel ?? 4, async (index) => {
    const branch = bank.branch(index);
    await graph.submit(
      loadScript,
      { ...writingBindings, vertices: branch.vertices.map(vertexRow), edges: branch.edges.map(edgeRow) },
      // A whole branch on a busy machine with a cold JVM: seconds as a rule, but not always.
      { timeoutMs: 120_000 },
    );
    loaded.vertices += branch.vertices.length;
    loaded.edges += branch.edges.length;
    done += perBranch;
    options.progress?.({ done, total, unit: 'items', label: 'vertices and edges' });
  });
  return loaded;
}

async function presentBranches(graph: GraphService, bank: Bank): Promise<readonly number[]> {
  const first = Array.from({ length: bank.branches }, (_, index) => `customer-${index}-0`);
  const keys = await graph.submit<string>(
    'graph.traversal().V().has("businessKey", org.apache.tinkerpop.gremlin.process.traversal.P.within(firstKeys)).values("businessKey").toList()',
    { firstKeys: first },
  );
  return keys.map((key) => first.indexOf(key));
}

/**
 * Batch loading leaves out locks and the look-ups that enforce uniqueness: safe here, because a bank's keys and account numbers are
 * distinct by construction and nobody else writes them while it loads.
 */
const loadScript = `
  ${writingElements}
  def tx = graph.buildTransaction().enableBatchLoading().start()
  try {
    writing.addAll(tx, vertices, edges)
    tx.commit()
  } catch (Throwable problem) {
    if (tx.isOpen()) tx.rollback()
    throw problem
  }
  []
`;
