import type { GraphService } from '../ports/graph-service.ts';
import { writingBindings, writingElements } from './groovy.ts';
import type { GraphOperation } from './operation.ts';
import { edgeRow, propertyRow, vertexRow } from './wire.ts';

/** Carries the operations out in one transaction of the graph's own. Resolves after its commit returned; any error leaves it in doubt. */
export async function commitTransaction(graph: GraphService, operations: readonly GraphOperation[]): Promise<void> {
  await graph.submit(commitScript, { ...writingBindings, operations: operations.map(wireForm) });
}

function wireForm(operation: GraphOperation): Readonly<Record<string, unknown>> {
  switch (operation.type) {
    case 'add-vertex':
      return { type: operation.type, row: vertexRow(operation.vertex) };
    case 'add-edge':
      return { type: operation.type, row: edgeRow(operation.edge) };
    case 'set-property':
    case 'set-edge-property':
      return { ...operation, property: propertyRow(operation.property) };
    case 'drop-vertex':
    case 'drop-edge':
    case 'remove-property':
      return operation;
  }
}

/** Vertices are looked up by business key through the index, edges among those that leave their first vertex. */
const commitScript = `
  ${writingElements}
  def tx = graph.newTransaction()
  try {
    def traversal = tx.traversal()
    def known = [:]
    def vertexOf = { name ->
      def vertex = known[name]
      if (vertex == null) { vertex = traversal.V().has('businessKey', name).next(); known[name] = vertex }
      vertex
    }
    def edgeOf = { operation -> traversal.V(vertexOf(operation.from)).outE(operation.label).has('businessKey', operation['key']).next() }
    operations.each { operation ->
      switch (operation.type) {
        case 'add-vertex': known[operation.row[0]] = writing.addVertex(tx, operation.row); break
        case 'add-edge': writing.addEdge(vertexOf(operation.row[2]), vertexOf(operation.row[3]), operation.row); break
        case 'drop-vertex': vertexOf(operation['key']).remove(); known.remove(operation['key']); break
        case 'drop-edge': edgeOf(operation).remove(); break
        case 'set-property': writing.put(vertexOf(operation['key']), operation.property); break
        case 'remove-property':
          def wanted = operation.value == null ? null : writing.typed(operation.name, operation.value)
          def values = vertexOf(operation['key']).properties(operation.name).findAll { wanted == null || it.value() == wanted }
          values.each { it.remove() }
          break
        case 'set-edge-property':
          edgeOf(operation).property(operation.property[0], writing.typed(operation.property[0], operation.property[1]))
          break
        default: throw new IllegalArgumentException(operation.type)
      }
    }
    tx.commit()
  } catch (Throwable problem) {
    if (tx.isOpen()) tx.rollback()
    throw problem
  }
  []
`;
