import { propertyCardinalities, propertyTypes } from './schema.ts';

/**
 * The part of the scripts that writes elements, as an object `writing`. The scripts are constants, so the server compiles each once; all
 * values travel as bindings. `typed` gives a value the Java type of its property: over the wire a number has none. Compiled statically:
 * Groovy's dynamic calls would take half of the time that loading takes the server.
 */
export const writingElements = `
  import groovy.transform.CompileStatic
  import org.apache.tinkerpop.gremlin.structure.Vertex
  import org.apache.tinkerpop.gremlin.structure.VertexProperty
  import org.janusgraph.core.JanusGraphTransaction

  @CompileStatic
  class Writing {
    Map<String, String> types
    Map<String, String> cardinalities

    Object typed(String name, Object value) {
      switch (types.get(name)) {
        case 'Long': return Long.valueOf(((Number) value).longValue())
        case 'Integer': return Integer.valueOf(((Number) value).intValue())
        case 'Double': return Double.valueOf(((Number) value).doubleValue())
        case 'Date': return new Date(((Number) value).longValue())
        case 'UUID': return UUID.fromString((String) value)
        default: return value
      }
    }

    Object[] pairs(List<List> rows, Object... first) {
      List<Object> values = new ArrayList<>(Arrays.asList(first))
      for (List row : rows) {
        values.add(row.get(0))
        values.add(typed((String) row.get(0), row.get(1)))
      }
      values.toArray()
    }

    void put(Vertex vertex, List row) {
      String name = (String) row.get(0)
      Object[] meta = row.size() == 2 ? new Object[0] : pairs((List<List>) row.get(2))
      vertex.property(VertexProperty.Cardinality.valueOf(cardinalities.get(name).toLowerCase()), name, typed(name, row.get(1)), meta)
    }

    Vertex addVertex(JanusGraphTransaction tx, List row) {
      Vertex vertex = tx.addVertex((String) row.get(1))
      vertex.property('businessKey', row.get(0))
      for (List property : (List<List>) row.get(2)) put(vertex, property)
      vertex
    }

    void addEdge(Vertex from, Vertex to, List row) {
      from.addEdge((String) row.get(1), to, pairs((List<List>) row.get(4), 'businessKey', row.get(0)))
    }

    void addAll(JanusGraphTransaction tx, List<List> vertices, List<List> edges) {
      Map<Object, Vertex> made = new HashMap<>()
      for (List row : vertices) made.put(row.get(0), addVertex(tx, row))
      for (List row : edges) addEdge(made.get(row.get(2)), made.get(row.get(3)), row)
    }
  }
  def writing = new Writing(types: types, cardinalities: cardinalities)
`;

/** Bindings that `writingElements` reads. */
export const writingBindings = { types: propertyTypes, cardinalities: propertyCardinalities };
