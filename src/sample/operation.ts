import { z } from 'zod';
import { edgeElement, edgeLabel, property, propertyName, propertyValue, vertexElement } from './element.ts';

/**
 * One change of the graph in business keys and values. `set-property` replaces a SINGLE property and adds to a LIST or SET one;
 * `remove-property` takes away one value, or all of that name when none is given; dropping a vertex takes its edges with it.
 */
export const operation = z.discriminatedUnion('type', [
  z.object({ type: z.literal('add-vertex'), vertex: vertexElement }),
  z.object({ type: z.literal('drop-vertex'), key: z.string() }),
  z.object({ type: z.literal('add-edge'), edge: edgeElement }),
  z.object({ type: z.literal('drop-edge'), key: z.string(), label: edgeLabel, from: z.string() }),
  z.object({ type: z.literal('set-property'), key: z.string(), property }),
  z.object({
    type: z.literal('remove-property'),
    key: z.string(),
    name: propertyName,
    value: propertyValue.optional(),
  }),
  z.object({
    type: z.literal('set-edge-property'),
    key: z.string(),
    label: edgeLabel,
    from: z.string(),
    property,
  }),
]);
export type GraphOperation = z.infer<typeof operation>;
