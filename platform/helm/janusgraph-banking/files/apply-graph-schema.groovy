// Runs in JanusGraph with the bindings `wanted` (graph-schema.json) and `backend` (name of the mixed index backend, or nothing). Answers
// with the names that it created. What exists in another form is refused before anything is created.
import org.apache.tinkerpop.gremlin.structure.Vertex
import org.janusgraph.core.Cardinality
import org.janusgraph.core.Multiplicity
import org.janusgraph.core.schema.ConsistencyModifier
import org.janusgraph.core.schema.Mapping
import org.janusgraph.core.schema.SchemaAction
import org.janusgraph.core.schema.SchemaStatus
import org.janusgraph.graphdb.database.management.ManagementSystem

def types = [String: String, Integer: Integer, Long: Long, Double: Double, Boolean: Boolean, Date: Date, UUID: UUID]
def searched = backend ? wanted.mixedIndexes : [:]
def created = []
// Indexes on keys that were there before: they do not know the graph's elements yet.
def toFill = []

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
      if (index.keys.any { existing.contains(it) }) toFill << name
      created << name
    }
  }
  searched.each { name, index ->
    if (!management.containsGraphIndex(name)) {
      def builder = management.buildIndex(name, Vertex)
      index.keys.each { key, mapping -> builder.addKey(management.getPropertyKey(key), Mapping.valueOf(mapping).asParameter()) }
      builder.buildMixedIndex(backend)
      if (index.keys.keySet().any { existing.contains(it) }) toFill << name
      created << name
    }
  }
  if (created) management.commit() else management.rollback()
} catch (Throwable problem) {
  if (management.isOpen()) management.rollback()
  throw problem
}

// Also those that an earlier run was stopped at.
management = graph.openManagement()
def unfinished = (wanted.compositeIndexes.keySet() + searched.keySet()).findAll { name ->
  def index = management.getGraphIndex(name)
  index.fieldKeys.any { index.getIndexStatus(it) in [SchemaStatus.INSTALLED, SchemaStatus.REGISTERED] }
}
unfinished.each { name ->
  def index = management.getGraphIndex(name)
  def asked = toFill.contains(name) || index.fieldKeys.every { index.getIndexStatus(it) == SchemaStatus.REGISTERED }
  // Every server is asked anew to take note of it.
  if (!asked) management.updateIndex(index, SchemaAction.REGISTER_INDEX).get()
}
management.commit()
(toFill + unfinished).unique().each { name ->
  def report = ManagementSystem.awaitGraphIndexStatus(graph, name).status(SchemaStatus.REGISTERED, SchemaStatus.ENABLED).call()
  def filling = graph.openManagement()
  if (!report.succeeded) {
    def open = filling.openInstances.join(', ')
    filling.rollback()
    throw new IllegalStateException("the index ${name} waits for a server that is gone and still registered, or for a transaction that was left open. Registered are ${open}")
  }
  filling.updateIndex(filling.getGraphIndex(name), SchemaAction.REINDEX).get()
  filling.commit()
}
created
