import type { EdgeElement, Property, VertexElement } from './element.ts';
import { propertyTypes } from './schema.ts';

/** A value as it is compared: its Java type and its text. */
export interface TypedValue {
  readonly name: string;
  readonly type: string;
  readonly text: string;
  readonly meta: readonly TypedValue[];
}

/**
 * One text per element, equal exactly when the elements are: label, ends, and every property value with its type and meta-properties in
 * a fixed order.
 */
export function canonicalVertex(label: string, properties: readonly TypedValue[]): string {
  return `${label} ${canonicalProperties(properties)}`;
}

export function canonicalEdge(label: string, from: string, to: string, properties: readonly TypedValue[]): string {
  return `${label} ${from} -> ${to} ${canonicalProperties(properties)}`;
}

export function vertexText(vertex: VertexElement): string {
  return canonicalVertex(vertex.label, vertex.properties.map(typedValue));
}

export function edgeText(edge: EdgeElement): string {
  return canonicalEdge(edge.label, edge.from, edge.to, edge.properties.map(typedValue));
}

function typedValue({ name, value, meta = {} }: Property): TypedValue {
  return {
    name,
    type: propertyTypes[name] ?? 'String',
    text: String(value),
    meta: Object.entries(meta).map(([metaName, metaValue]) => ({
      name: metaName,
      type: propertyTypes[metaName] ?? 'String',
      text: String(metaValue),
      meta: [],
    })),
  };
}

function canonicalProperties(properties: readonly TypedValue[]): string {
  return properties
    .map(({ name, type, text, meta }) => {
      // Java and JavaScript print a double differently, but both print it so that it reads back the same.
      const value = type === 'Double' ? String(Number(text)) : text;
      const below = meta.length === 0 ? '' : ` {${canonicalProperties(meta)}}`;
      return `${name}=${type} ${JSON.stringify(value)}${below}`;
    })
    .sort()
    .join(', ');
}
