import { createHash } from 'node:crypto';
import type { Fingerprint } from '../../src/model/restore-point.ts';
import type { GraphService } from '../../src/ports/graph-service.ts';

/** A value as the server's script describes it: the Java class, and its text or number. */
interface Described {
  readonly type: string;
  readonly value: string | number | boolean;
}

interface Element {
  readonly id: string;
  readonly label: string;
  readonly properties: readonly { readonly key: string; readonly value: Described }[];
}

interface VertexProperty extends Element {
  readonly vertex: string;
  readonly value: Described;
}

interface Edge extends Element {
  readonly from: string;
  readonly to: string;
}

const script = `
describe = { found ->
  type = found.getClass().getSimpleName()
  if (found instanceof Float || found instanceof Double || found instanceof Boolean) return [type: type, value: found]
  if (found instanceof Date) return [type: type, value: found.getTime().toString()]
  if (found instanceof java.time.Instant) return [type: type, value: found.getEpochSecond() + '.' + String.format('%09d', found.getNano())]
  [type: type, value: found.toString()]
}
inner = { element -> element.properties().collect { [key: it.key(), value: describe(it.value())] } }
vertices = []; properties = []; edges = []
g.V().each { vertex ->
  vertices << [id: vertex.id().toString(), label: vertex.label()]
  vertex.properties().each { properties << [id: it.id().toString(), label: it.key(), vertex: vertex.id().toString(), value: describe(it.value()), properties: inner(it)] }
}
g.E().each { edges << [id: it.id().toString(), label: it.label(), from: it.outVertex().id().toString(), to: it.inVertex().id().toString(), properties: inner(it)] }
graph.tx().rollback()
[[vertices: vertices, properties: properties, edges: edges]]
`;

/** The fingerprint of a graph as its server shows it through Gremlin: made by other means than from the rows, to compare with. */
export async function gremlinFingerprint(graph: GraphService): Promise<Fingerprint> {
  const [all] = await graph.submit<{ vertices: Element[]; properties: VertexProperty[]; edges: Edge[] }>(script);
  const { vertices = [], properties = [], edges = [] } = all ?? {};
  const texts = [
    ...vertices.map(({ id, label }) => ['v', id, label]),
    ...properties.map((one) => ['p', one.vertex, relation(one), one.label, textOf(one.value), ...inner(one)]),
    ...edges.map((one) => ['e', relation(one), one.label, one.from, one.to, ...inner(one)]),
  ].map((parts) => parts.join('\u001e'));
  let sum = 0n;
  for (const text of texts) sum += BigInt(`0x${createHash('sha256').update(text).digest('hex')}`);
  return {
    vertices: vertices.length,
    edges: edges.length,
    properties: properties.length,
    vertexLabels: counts(vertices),
    edgeLabels: counts(edges),
    propertyKeys: counts(properties),
    hash: (sum % 2n ** 256n).toString(16).padStart(64, '0'),
  };
}

/** The first part of a relation's id, in decimal. */
function relation({ id }: Element): string {
  return String(Number.parseInt(id.split('-')[0] ?? '', 36));
}

function inner({ properties }: Element): string[] {
  return properties.map(({ key, value }) => `${key}=${textOf(value)}`).sort();
}

function textOf({ type, value }: Described): string {
  // A float comes with its own shortest digits; as the number it is, it has those of a double.
  if (type === 'Float') return `${type}:${Math.fround(Number(value))}`;
  const quoted = ['String', 'UUID', 'Instant', 'Character'].includes(type);
  return quoted ? `${type}:${String(value).length}'${value}'` : `${type}:${value}`;
}

function counts(elements: readonly { readonly label: string }[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { label } of elements) found[label] = (found[label] ?? 0) + 1;
  return found;
}
