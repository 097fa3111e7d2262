import type { GraphService } from '../ports/graph-service.ts';

/** How many of these business keys a look-up finds, as any application would look. */
export async function countOf(graph: GraphService, keys: readonly string[]): Promise<number> {
  let found = 0;
  for (let at = 0; at < keys.length; at += batch) {
    const [count] = await graph.submit<number>(countScript, { wanted: keys.slice(at, at + batch) });
    found += count ?? 0;
  }
  return found;
}

const batch = 250;

const countScript = `
  def tx = graph.buildTransaction().readOnly().start()
  try {
    [tx.traversal().V().has('businessKey', org.apache.tinkerpop.gremlin.process.traversal.P.within(wanted)).count().next()]
  } finally { tx.rollback() }
`;
