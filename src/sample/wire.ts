import type { EdgeElement, Property, VertexElement } from './element.ts';

/** Elements as nested lists, the cheapest form to send: `[name, value]` or `[name, value, [[meta, value] …]]` for a property. */
export type WireRow = ReadonlyArray<string | number | boolean | WireRow>;

export function vertexRow(vertex: VertexElement): WireRow {
  return [vertex.key, vertex.label, vertex.properties.map(propertyRow)];
}

export function edgeRow(edge: EdgeElement): WireRow {
  return [edge.key, edge.label, edge.from, edge.to, edge.properties.map(propertyRow)];
}

export function propertyRow({ name, value, meta }: Property): WireRow {
  return meta === undefined ? [name, value] : [name, value, Object.entries(meta)];
}
