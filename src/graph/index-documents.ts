import type { GraphService } from '../ports/graph-service.ts';
import type { MixedIndex } from './relation-type.ts';

/** A document as the server sums it up: its name and, where the backend keeps values, its fields, joined by bars. */
export interface StoredDocument {
  readonly name: string;
  readonly text: string;
}

/** How long a walk over a whole index may take in the server. */
const walkTimeoutMs = 3_600_000;

/**
 * Walks every document of a store inside the graph server, where the index is at hand. The Lucene backend keeps what was indexed, and its
 * reader is reached through JanusGraph's own transaction, so that names and values come in one pass over a fixed state of the index. For
 * other backends JanusGraph's interface gives the names of all documents and no values: there only the names are compared.
 */
const walk = `
import java.util.zip.CRC32
import java.nio.charset.StandardCharsets
import org.janusgraph.diskstorage.util.StandardBaseTransactionConfig
import org.janusgraph.diskstorage.util.time.TimestampProviders
import org.janusgraph.diskstorage.indexing.RawQuery
import org.apache.lucene.index.MultiBits
import org.apache.lucene.index.Term
import org.apache.lucene.search.TermQuery
import org.janusgraph.core.schema.Parameter

crcOf = { String text -> CRC32 crc = new CRC32(); crc.update(text.getBytes(StandardCharsets.UTF_8)); (int) crc.getValue() }

textOf = { doc ->
  String name = null
  List<String> parts = new ArrayList<String>()
  for (field in doc.getFields()) {
    String key = field.name()
    Number number = field.numericValue()
    if (key == '_____elementid') {
      name = field.stringValue()
    } else if (number instanceof Double || number instanceof Float) {
      parts.add(key + '=d' + Long.toHexString(Double.doubleToLongBits(number.doubleValue())))
    } else if (number != null) {
      parts.add(key + '=i' + number.longValue())
    } else if (!field.stringValue().startsWith('_____geo')) {
      parts.add(key + '=t' + field.stringValue())
    }
  }
  Collections.sort(parts)
  parts.add(0, name)
  [name, String.join('|', parts)]
}

provider = graph.getBackend().getIndexInformation().get(backend)
keepsValues = provider.getClass().getSimpleName() == 'LuceneIndex'
config = new StandardBaseTransactionConfig.Builder().timestampProvider(TimestampProviders.MICRO).build()

eachDocument = { visit ->
  if (!keepsValues) {
    tx = graph.newTransaction()
    try {
      tx.getTxHandle().rawQuery(backend, new RawQuery(store, '*:*', new Parameter[0])).forEach { visit(it.getResult(), it.getResult()) }
    } finally {
      tx.rollback()
    }
    return
  }
  indexTx = provider.beginTransaction(config)
  try {
    searcher = indexTx.getSearcher(store)
    if (searcher != null) {
      reader = searcher.getIndexReader()
      live = MultiBits.getLiveDocs(reader)
      for (int at = 0; at < reader.maxDoc(); at++) {
        if (live == null || live.get(at)) {
          found = textOf(reader.document(at))
          visit(found[0], found[1])
        }
      }
    }
  } finally {
    indexTx.rollback()
  }
}
`;

const kindScript = `
provider = graph.getBackend().getIndexInformation().get(backend)
provider == null ? 'none' : provider.getClass().getSimpleName()
`;

const sumsScript = `${walk}
int size = 1 << bits
crcs = new int[size]
hashes = new int[size]
eachDocument { String name, String text ->
  int at = crcOf(name) & (size - 1)
  crcs[at] += crcOf(text)
  hashes[at] += text.hashCode()
}
bytes = java.nio.ByteBuffer.allocate(size * 8)
for (int at = 0; at < size; at++) { bytes.putInt(crcs[at]); bytes.putInt(hashes[at]) }
Base64.getEncoder().encodeToString(bytes.array())
`;

const listScript = `${walk}
wantedBuckets = new BitSet(1 << bits)
wanted.each { wantedBuckets.set((int) it) }
listed = []
eachDocument { String name, String text ->
  if (wantedBuckets.get(crcOf(name) & ((1 << bits) - 1))) listed.add([name: name, text: text])
}
listed
`;

const namedScript = `${walk}
named = []
if (!keepsValues) {
  wantedNames = new HashSet(wanted)
  eachDocument { String name, String text -> if (wantedNames.contains(name)) named.add([name: name, text: text]) }
} else {
  indexTx = provider.beginTransaction(config)
  try {
    searcher = indexTx.getSearcher(store)
    if (searcher != null) {
      wanted.each { name ->
        for (hit in searcher.search(new TermQuery(new Term('_____elementid', name)), 10).scoreDocs) {
          found = textOf(searcher.doc(hit.doc))
          named.add([name: found[0], text: found[1]])
        }
      }
    }
  } finally {
    indexTx.rollback()
  }
}
named
`;

/** True when the index' backend keeps the values that were indexed, so that they can be compared. */
export async function holdsValues(graph: GraphService, index: MixedIndex): Promise<boolean> {
  const [kind] = await graph.submit<string>(kindScript, { backend: index.backend });
  return kind === 'LuceneIndex';
}

/** The two sums (CRC-32 and Java's hash) of the documents' texts, per bucket of their names' CRC-32. Throws `graph-unreachable`, `graph-script-failed`. */
export async function documentSums(
  graph: GraphService,
  index: MixedIndex,
  bucketBits: number,
): Promise<{ bucket: number; crcs: number; hashes: number }[]> {
  const bindings = { backend: index.backend, store: index.store, bits: bucketBits };
  const [packed = ''] = await graph.submit<string>(sumsScript, bindings, { timeoutMs: walkTimeoutMs });
  const bytes = Buffer.from(packed, 'base64');
  return Array.from({ length: bytes.length / 8 }, (_, bucket) => ({
    bucket,
    crcs: bytes.readInt32BE(bucket * 8),
    hashes: bytes.readInt32BE(bucket * 8 + 4),
  }));
}

/** The documents in these buckets. */
export function documentsIn(
  graph: GraphService,
  index: MixedIndex,
  bucketBits: number,
  buckets: readonly number[],
): Promise<readonly StoredDocument[]> {
  const bindings = { backend: index.backend, store: index.store, bits: bucketBits, wanted: buckets };
  return graph.submit<StoredDocument>(listScript, bindings, { timeoutMs: walkTimeoutMs });
}

/** Those of these documents that are there, as they are now. */
export async function documentsByName(
  graph: GraphService,
  index: MixedIndex,
  names: readonly string[],
): Promise<ReadonlyMap<string, StoredDocument>> {
  const bindings = { backend: index.backend, store: index.store, bits: 0, wanted: names };
  const found = await graph.submit<StoredDocument>(namedScript, bindings, { timeoutMs: walkTimeoutMs });
  return new Map(found.map((document) => [document.name, document]));
}
