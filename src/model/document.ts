import { z } from 'zod';
import { FailedProblem } from './problem.ts';

/**
 * A JSON document of the bucket: `kind` and `version` first, then the body. An unknown kind or version is refused by name,
 * because a program that guesses at a newer format loses data silently.
 */
export interface DocumentType<Shape extends z.ZodRawShape> {
  readonly kind: string;
  readonly version: number;
  /** The document without its envelope: what programs work with. */
  readonly body: z.ZodObject<Shape>;
  readonly schema: z.ZodObject<Shape & { kind: z.ZodLiteral<string>; version: z.ZodLiteral<number> }>;
  /** Pretty JSON with a final newline: these files are read by people too. Throws a ZodError when the body does not fit. */
  write(body: z.input<z.ZodObject<Shape>>): string;
  /** Throws FailedProblem `bad-document` naming `where` when the text is not such a document. */
  read(text: string | Uint8Array, where: string): z.output<z.ZodObject<Shape>>;
}

export function documentType<Shape extends z.ZodRawShape>(
  kind: string,
  version: number,
  shape: Shape,
): DocumentType<Shape> {
  const body = z.object(shape);
  const schema = z.object({ kind: z.literal(kind), version: z.literal(version), ...shape });
  return {
    kind,
    version,
    body,
    schema,
    write(value) {
      return `${JSON.stringify({ kind, version, ...(body.parse(value) as object) }, null, 2)}\n`;
    },
    read(text, where) {
      return body.parse(parseEnvelope(text, where, kind, version, schema));
    },
  };
}

const envelope = z.looseObject({ kind: z.string(), version: z.number() });

function parseEnvelope(
  text: string | Uint8Array,
  where: string,
  kind: string,
  version: number,
  schema: z.ZodType,
): unknown {
  let value: unknown;
  try {
    value = JSON.parse(typeof text === 'string' ? text : new TextDecoder().decode(text));
  } catch (cause) {
    throw badDocument(where, 'it is not JSON', cause);
  }
  const head = envelope.safeParse(value);
  if (!head.success) throw badDocument(where, 'it has no kind and version', head.error);
  if (head.data.kind !== kind) throw badDocument(where, `its kind is "${head.data.kind}", expected "${kind}"`);
  if (head.data.version !== version) {
    throw badDocument(where, `its version is ${head.data.version}; this Cardea reads version ${version} of "${kind}"`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw badDocument(where, z.prettifyError(parsed.error), parsed.error);
  return parsed.data;
}

function badDocument(where: string, why: string, cause?: unknown): FailedProblem {
  return new FailedProblem({
    code: 'bad-document',
    happened: `${where} cannot be read: ${why}.`,
    state: 'Nothing was changed; the document was left as it is.',
    next: 'Check whether a newer Cardea wrote it or somebody edited it; `cardea audit` says which documents are intact.',
    cause,
  });
}
