import type { GraphService } from '../ports/graph-service.ts';

/** Java types of the sample's properties. In TypeScript a Date is milliseconds since 1970 and a UUID is its text. */
type PropertyType = 'String' | 'Integer' | 'Long' | 'Double' | 'Boolean' | 'Date' | 'UUID';
export type Cardinality = 'SINGLE' | 'LIST' | 'SET';

interface PropertyKey {
  readonly type: PropertyType;
  readonly cardinality: Cardinality;
}

/**
 * The graph that the chart brings, platform/helm/janusgraph-banking/files/graph-schema.json, is this one's twin: whoever changes one changes
 * both. test/unit/platform-schema.test.ts compares them; of the indexes it compares the names alone.
 * `businessKey` is what every vertex and edge carries, by which the oracle names it independently of JanusGraph's ids. */
export const propertyKeys = {
  businessKey: { type: 'String', cardinality: 'SINGLE' },
  name: { type: 'String', cardinality: 'SINGLE' },
  status: { type: 'String', cardinality: 'SINGLE' },
  email: { type: 'String', cardinality: 'LIST' },
  phone: { type: 'String', cardinality: 'SET' },
  score: { type: 'Double', cardinality: 'SINGLE' },
  branch: { type: 'Integer', cardinality: 'SINGLE' },
  verified: { type: 'Boolean', cardinality: 'SINGLE' },
  number: { type: 'String', cardinality: 'SINGLE' },
  balance: { type: 'Long', cardinality: 'SINGLE' },
  overdraft: { type: 'Long', cardinality: 'SINGLE' },
  openedAt: { type: 'Date', cardinality: 'SINGLE' },
  note: { type: 'String', cardinality: 'SINGLE' },
  hardware: { type: 'UUID', cardinality: 'SINGLE' },
  street: { type: 'String', cardinality: 'SINGLE' },
  city: { type: 'String', cardinality: 'SINGLE' },
  postcode: { type: 'String', cardinality: 'SINGLE' },
  role: { type: 'String', cardinality: 'SINGLE' },
  amount: { type: 'Long', cardinality: 'SINGLE' },
  reference: { type: 'String', cardinality: 'SINGLE' },
  at: { type: 'Date', cardinality: 'SINGLE' },
  sequence: { type: 'Long', cardinality: 'LIST' },
} as const satisfies Record<string, PropertyKey>;
export type PropertyName = keyof typeof propertyKeys;

export const vertexLabels = ['customer', 'account', 'device', 'address', 'writer'] as const;

/** Every multiplicity of JanusGraph but ONE2ONE, because each has its own layout in the database. */
export const edgeLabels = {
  holds: 'ONE2MANY',
  transfer: 'MULTI',
  uses: 'SIMPLE',
  livesAt: 'MANY2ONE',
} as const;
export type EdgeLabel = keyof typeof edgeLabels;

/** Names of the graph's indexes. */
export const indexNames = {
  accountByNumber: 'accountByNumber',
  vertexByBusinessKey: 'vertexByBusinessKey',
  customerByStatus: 'customerByStatus',
  addressByCity: 'addressByCity',
  search: 'bankSearch',
} as const;

/** A `unique` one is kept so across servers by lock rows, without which JanusGraph does not see a race; `only` restricts to one vertex label. */
const compositeIndexes = [
  { name: indexNames.accountByNumber, keys: ['number'], unique: true },
  { name: indexNames.vertexByBusinessKey, keys: ['businessKey'], unique: false },
  { name: indexNames.customerByStatus, keys: ['status'], unique: false, only: 'customer' },
  { name: indexNames.addressByCity, keys: ['city', 'postcode'], unique: false },
] as const;

/** Text and numbers. Not the balance: Lucene syncs to disk at every change, and balances change with every booking. */
const mixedIndex = { name: indexNames.search, keys: { name: 'TEXT', overdraft: 'DEFAULT', score: 'DEFAULT' } } as const;

/** Java type of every property by name, as the scripts that write values want it. */
export const propertyTypes: Readonly<Record<string, PropertyType>> = Object.fromEntries(
  Object.entries(propertyKeys).map(([name, key]) => [name, key.type]),
);
export const propertyCardinalities: Readonly<Record<string, Cardinality>> = Object.fromEntries(
  Object.entries(propertyKeys).map(([name, key]) => [name, key.cardinality]),
);

/**
 * Creates what the schema lacks, in one management transaction: keys and their indexes appear together, so the indexes are enabled at
 * once. Idempotent. `indexBackend` is the mixed index's name in JanusGraph's settings; without one there is no mixed index.
 * Resolves with the names that were created.
 */
export async function createSchema(graph: GraphService, indexBackend: string | undefined): Promise<readonly string[]> {
  return graph.submit<string>(
    schemaScript,
    {
      propertyKeys: Object.entries(propertyKeys).map(([name, key]) => [name, key.type, key.cardinality]),
      vertexLabels: [...vertexLabels],
      edgeLabels: Object.entries(edgeLabels).map(([name, multiplicity]) => [name, multiplicity]),
      composites: compositeIndexes.map((index) => [
        index.name,
        [...index.keys],
        index.unique,
        'only' in index ? index.only : '',
      ]),
      searchIndex: [mixedIndex.name, Object.entries(mixedIndex.keys).map(([key, mapping]) => [key, mapping])],
      backend: indexBackend ?? '',
    },
    { timeoutMs: patience },
  );
}

/** Milliseconds; a server that has just started compiles its first scripts slowly. */
const patience = 120_000;

const schemaScript = `
  def javaTypes = [String: String.class, Integer: Integer.class, Long: Long.class, Double: Double.class,
                   Boolean: Boolean.class, Date: Date.class, UUID: UUID.class]
  def created = []
  def management = graph.openManagement()
  try {
    propertyKeys.each { row ->
      if (!management.containsPropertyKey(row[0])) {
        management.makePropertyKey(row[0]).dataType(javaTypes[row[1]])
          .cardinality(org.janusgraph.core.Cardinality.valueOf(row[2])).make()
        created << row[0]
      }
    }
    vertexLabels.each { label ->
      if (!management.containsVertexLabel(label)) { management.makeVertexLabel(label).make(); created << label }
    }
    edgeLabels.each { row ->
      if (!management.containsEdgeLabel(row[0])) {
        management.makeEdgeLabel(row[0]).multiplicity(org.janusgraph.core.Multiplicity.valueOf(row[1])).make()
        created << row[0]
      }
    }
    composites.each { row ->
      if (!management.containsGraphIndex(row[0])) {
        def builder = management.buildIndex(row[0], org.apache.tinkerpop.gremlin.structure.Vertex.class)
        row[1].each { key -> builder.addKey(management.getPropertyKey(key)) }
        if (row[2]) builder.unique()
        if (row[3] != '') builder.indexOnly(management.getVertexLabel(row[3]))
        def index = builder.buildCompositeIndex()
        if (row[2]) management.setConsistency(index, org.janusgraph.core.schema.ConsistencyModifier.LOCK)
        created << row[0]
      }
    }
    if (backend != '' && !management.containsGraphIndex(searchIndex[0])) {
      def builder = management.buildIndex(searchIndex[0], org.apache.tinkerpop.gremlin.structure.Vertex.class)
      searchIndex[1].each { row ->
        builder.addKey(management.getPropertyKey(row[0]), org.janusgraph.core.schema.Mapping.valueOf(row[1]).asParameter())
      }
      builder.buildMixedIndex(backend)
      created << searchIndex[0]
    }
    if (created.isEmpty()) management.rollback() else management.commit()
  } catch (Throwable problem) {
    if (management.isOpen()) management.rollback()
    throw problem
  }
  created
`;
