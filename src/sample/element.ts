import { z } from 'zod';
import { edgeLabels, propertyKeys, vertexLabels, type EdgeLabel, type PropertyName } from './schema.ts';

/** Elements of the sample graph, named by business key. Schemas, because they also stand in the writer's log. */

export const propertyValue = z.union([z.string(), z.number(), z.boolean()]);
export type PropertyValue = z.infer<typeof propertyValue>;

export const propertyName = z.enum(Object.keys(propertyKeys) as [PropertyName, ...PropertyName[]]);

/** One value of a property; a LIST or SET property has several entries of one name. `meta` are properties of the property. */
export const property = z.object({
  name: propertyName,
  value: propertyValue,
  meta: z.record(z.string(), propertyValue).optional(),
});
export type Property = z.infer<typeof property>;

export const vertexElement = z.object({
  key: z.string(),
  label: z.enum(vertexLabels),
  properties: z.array(property).readonly(),
});
export type VertexElement = z.infer<typeof vertexElement>;

export const edgeLabel = z.enum(Object.keys(edgeLabels) as [EdgeLabel, ...EdgeLabel[]]);

export const edgeElement = z.object({
  key: z.string(),
  label: edgeLabel,
  from: z.string(),
  to: z.string(),
  properties: z.array(property).readonly(),
});
export type EdgeElement = z.infer<typeof edgeElement>;
