// Runs in JanusGraph with the bindings `wanted` (graph-schema.json) and `backend` (name of the mixed index backend, or nothing). Answers
// with the names that it created. What exists in another form is refused before anything is created.
import org.apache.tinkerpop.gremlin.structure.Vertex
import org.janusgraph.core.Cardinality
import org.janusgraph.core.Multiplicity
import org.janusgraph.core.schema.ConsistencyModifier
import org.janusgraph.core.schema.Mapping

def types = [String: String, Integer: Integer, Long: Long, Double: Double, Boolean: Boolean, Date: Date, UUID: UUID]
def searched = backend ? wanted.mixedIndexes : [:]
def created = []

def management = graph.openManagement()
try {
  def existing = wanted.propertyKeys.keySet().findAll { management.containsPropertyKey(it) }
  def different = existing.findAll { name ->
    def key = management.getPropertyKey(name)
    key.dataType() != types[wanted.propertyKeys[name].type] || key.cardinality().name() != wanted.propertyKeys[name].cardinality
  } + wanted.edgeLabels.findAll { name, multiplicity ->
    management.containsEdgeLabel(name) && management.getEdgeLabel(name).multiplicity().name() != multiplicity
  }.keySet()
  if (different) throw new IllegalArgumentException("in the graph in another form, which cannot be changed: ${different.join(', ')}")

  wanted.propertyKeys.each { name, key ->
    if (!existing.contains(name)) {
      management.makePropertyKey(name).dataType(types[key.type]).cardinality(Cardinality.valueOf(key.cardinality)).make()
      created << name
    }
  }
  wanted.vertexLabels.each { name ->
    if (!management.containsVertexLabel(name)) { management.makeVertexLabel(name).make(); created << name }
  }
  wanted.edgeLabels.each { name, multiplicity ->
    if (!management.containsEdgeLabel(name)) {
      management.makeEdgeLabel(name).multiplicity(Multiplicity.valueOf(multiplicity)).make()
      created << name
    }
  }
  wanted.compositeIndexes.each { name, index ->
    if (!management.containsGraphIndex(name)) {
      def builder = management.buildIndex(name, Vertex)
      index.keys.each { builder.addKey(management.getPropertyKey(it)) }
      if (index.unique) builder.unique()
      if (index.only) builder.indexOnly(management.getVertexLabel(index.only))
      def made = builder.buildCompositeIndex()
      // Kept unique across servers by lock rows.
      if (index.unique) management.setConsistency(made, ConsistencyModifier.LOCK)
      created << name
    }
  }
  searched.each { name, index ->
    if (!management.containsGraphIndex(name)) {
      def builder = management.buildIndex(name, Vertex)
      index.keys.each { key, mapping -> builder.addKey(management.getPropertyKey(key), Mapping.valueOf(mapping).asParameter()) }
      builder.buildMixedIndex(backend)
      created << name
    }
  }
  if (created) management.commit() else management.rollback()
} catch (Throwable problem) {
  if (management.isOpen()) management.rollback()
  throw problem
}
created
