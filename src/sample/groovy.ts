import { propertyCardinalities, propertyTypes } from './schema.ts';

/**
 * Parts of the scripts that write elements. The scripts are constants, so the server compiles each once; all values travel as
 * bindings. `typed` gives a value the Java type of its property: over the wire a number has none.
 */
export const writingElements = `
  def typed = { name, value ->
    switch (types[name]) {
      case 'Long': return ((Number) value).longValue()
      case 'Integer': return ((Number) value).intValue()
      case 'Double': return ((Number) value).doubleValue()
      case 'Date': return new Date(((Number) value).longValue())
      case 'UUID': return UUID.fromString((String) value)
      default: return value
    }
  }
  def cardinality = { name ->
    org.apache.tinkerpop.gremlin.structure.VertexProperty.Cardinality.valueOf(cardinalities[name].toLowerCase())
  }
  def put = { vertex, row ->
    if (row.size() == 2) vertex.property(cardinality(row[0]), row[0], typed(row[0], row[1]))
    else {
      def meta = []
      row[2].each { entry -> meta << entry[0]; meta << typed(entry[0], entry[1]) }
      vertex.property(cardinality(row[0]), row[0], typed(row[0], row[1]), meta as Object[])
    }
  }
  def addVertex = { tx, row ->
    def vertex = tx.addVertex(row[1])
    vertex.property('businessKey', row[0])
    row[2].each { put(vertex, it) }
    vertex
  }
  def addEdge = { from, to, row ->
    def values = ['businessKey', row[0]]
    row[4].each { entry -> values << entry[0]; values << typed(entry[0], entry[1]) }
    from.addEdge(row[1], to, values as Object[])
  }
`;

/** Bindings that `writingElements` reads. */
export const writingBindings = { types: propertyTypes, cardinalities: propertyCardinalities };
