import type { GraphService } from '../../ports/graph-service.ts';
import type { MixedIndex } from '../codec/relation-type.ts';

/** A document as the server sums it up: its name and, where the backend keeps values, its fields, joined by bars. */
export interface StoredDocument {
  readonly name: string;
  readonly text: string;
}

/** How long a walk over a whole index may take in the server. */
const walkTimeoutMs = 3_600_000;

/**
 * Walks every document of a Lucene store inside the graph server, where the index is at hand. The backend keeps what was indexed, and its
 * reader is reached through JanusGraph's own transaction, so that names and values come in one pass over a fixed state of the index.
 * Compiled statically: what runs once per field must not look up its methods by name.
 */
const luceneWalk = `
import groovy.transform.CompileStatic
import java.nio.charset.StandardCharsets
import java.util.function.BiConsumer
import java.util.zip.CRC32
import org.apache.lucene.document.Document
import org.apache.lucene.index.IndexReader
import org.apache.lucene.index.IndexableField
import org.apache.lucene.index.MultiBits
import org.apache.lucene.index.Term
import org.apache.lucene.search.TermQuery
import org.apache.lucene.util.Bits
import org.janusgraph.diskstorage.util.StandardBaseTransactionConfig
import org.janusgraph.diskstorage.util.time.TimestampProviders

@CompileStatic
int crcOf(String text) {
  CRC32 crc = new CRC32()
  crc.update(text.getBytes(StandardCharsets.UTF_8))
  return (int) crc.getValue()
}

@CompileStatic
String[] textOf(Document document) {
  String name = null
  List<String> parts = new ArrayList<String>()
  for (IndexableField field : document.getFields()) {
    Number number = field.numericValue()
    if (field.name().equals('_____elementid')) {
      name = field.stringValue()
    } else if (number instanceof Double || number instanceof Float) {
      parts.add(field.name() + '=d' + Long.toHexString(Double.doubleToLongBits(number.doubleValue())))
    } else if (number != null) {
      parts.add(field.name() + '=i' + number.longValue())
    } else if (!field.stringValue().startsWith('_____geo')) {
      parts.add(field.name() + '=t' + field.stringValue())
    }
  }
  Collections.sort(parts)
  parts.add(0, name)
  return [name, String.join('|', parts)] as String[]
}

@CompileStatic
void eachText(IndexReader reader, BiConsumer<String, String> visit) {
  Bits live = MultiBits.getLiveDocs(reader)
  for (int at = 0; at < reader.maxDoc(); at++) {
    if (live == null || live.get(at)) {
      String[] found = textOf(reader.document(at))
      visit.accept(found[0], found[1])
    }
  }
}

provider = graph.getBackend().getIndexInformation().get(backend)
withSearcher = { work ->
  indexTx = provider.beginTransaction(new StandardBaseTransactionConfig.Builder().timestampProvider(TimestampProviders.MICRO).build())
  try {
    searcher = indexTx.getSearcher(store)
    if (searcher != null) work(searcher)
  } finally {
    indexTx.rollback()
  }
}
eachDocument = { visit -> withSearcher { eachText(it.getIndexReader(), visit) } }
`;

/** For other backends JanusGraph's interface gives the names of all documents and no values: there only the names are compared. */
const namesWalk = `
import groovy.transform.CompileStatic
import java.nio.charset.StandardCharsets
import java.util.function.BiConsumer
import java.util.zip.CRC32
import org.janusgraph.core.schema.Parameter
import org.janusgraph.diskstorage.indexing.RawQuery

@CompileStatic
int crcOf(String text) {
  CRC32 crc = new CRC32()
  crc.update(text.getBytes(StandardCharsets.UTF_8))
  return (int) crc.getValue()
}

eachDocument = { visit ->
  tx = graph.newTransaction()
  try {
    tx.getTxHandle().rawQuery(backend, new RawQuery(store, '*:*', new Parameter[0])).forEach { visit.accept(it.getResult(), it.getResult()) }
  } finally {
    tx.rollback()
  }
}
`;

const kindScript = `
provider = graph.getBackend().getIndexInformation().get(backend)
provider == null ? 'none' : provider.getClass().getSimpleName()
`;

const sums = `
@CompileStatic
class Sums implements BiConsumer<String, String> {
  int[] crcs
  int[] hashes
  void accept(String name, String text) {
    int at = crc(name) & (crcs.length - 1)
    crcs[at] += crc(text)
    hashes[at] += text.hashCode()
  }
  static int crc(String text) {
    CRC32 crc = new CRC32()
    crc.update(text.getBytes(StandardCharsets.UTF_8))
    return (int) crc.getValue()
  }
}
found = new Sums(crcs: new int[1 << bits], hashes: new int[1 << bits])
eachDocument(found)
bytes = java.nio.ByteBuffer.allocate((1 << bits) * 8)
for (int at = 0; at < (1 << bits); at++) { bytes.putInt(found.crcs[at]); bytes.putInt(found.hashes[at]) }
Base64.getEncoder().encodeToString(bytes.array())
`;

const list = `
wantedBuckets = new BitSet(1 << bits)
wanted.each { wantedBuckets.set((int) it) }
listed = []
eachDocument({ String name, String text ->
  if (wantedBuckets.get(crcOf(name) & ((1 << bits) - 1))) listed.add([name: name, text: text])
} as BiConsumer)
listed
`;

const namedByWalk = `
wantedNames = new HashSet(wanted)
named = []
eachDocument({ String name, String text -> if (wantedNames.contains(name)) named.add([name: name, text: text]) } as BiConsumer)
named
`;

const namedByTerm = `
named = []
withSearcher { searcher ->
  wanted.each { name ->
    for (hit in searcher.search(new TermQuery(new Term('_____elementid', name)), 10).scoreDocs) {
      found = textOf(searcher.doc(hit.doc))
      named.add([name: found[0], text: found[1]])
    }
  }
}
named
`;

/** The documents of one mixed index, asked of the graph server. All throw RetryableProblem `graph-unreachable`, FailedProblem `graph-script-failed`. */
export interface IndexDocuments {
  /** The backend keeps the values that were indexed, so that they can be compared; else a document's text is its name alone. */
  readonly holdsValues: boolean;
  /** The two sums (CRC-32 and Java's hash) of the documents' texts, per bucket of their names' CRC-32. */
  sums(): Promise<{ bucket: number; crcs: number; hashes: number }[]>;
  inBuckets(buckets: readonly number[]): Promise<readonly StoredDocument[]>;
  /** Those of these documents that are there, as they are now. */
  named(names: readonly string[]): Promise<ReadonlyMap<string, StoredDocument>>;
}

export async function openIndexDocuments(
  graph: GraphService,
  index: MixedIndex,
  bucketBits: number,
): Promise<IndexDocuments> {
  const place = { backend: index.backend, store: index.store };
  const [kind] = await graph.submit<string>(kindScript, { backend: index.backend });
  const holdsValues = kind === 'LuceneIndex';
  const walk = holdsValues ? luceneWalk : namesWalk;
  const ask = <Row>(script: string, bindings: Readonly<Record<string, unknown>>): Promise<readonly Row[]> =>
    graph.submit<Row>(walk + script, { ...place, ...bindings }, { timeoutMs: walkTimeoutMs });
  return {
    holdsValues,
    async sums() {
      const [packed = ''] = await ask<string>(sums, { bits: bucketBits });
      const bytes = Buffer.from(packed, 'base64');
      return Array.from({ length: bytes.length / 8 }, (_, bucket) => ({
        bucket,
        crcs: bytes.readInt32BE(bucket * 8),
        hashes: bytes.readInt32BE(bucket * 8 + 4),
      }));
    },
    inBuckets: (buckets) => ask<StoredDocument>(list, { bits: bucketBits, wanted: buckets }),
    async named(names) {
      const found = await ask<StoredDocument>(holdsValues ? namedByTerm : namedByWalk, { wanted: names });
      return new Map(found.map((document) => [document.name, document]));
    },
  };
}
