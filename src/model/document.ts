import { sha256 } from './sha256.ts';
import { z } from 'zod';
import { canonicalJson } from './canonical-json.ts';
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

/**
 * `sealed`: written with `check`, the SHA-256 of its content, so that no flipped bit of a number or a time passes for another one. A document
 * without it is read as it is: who takes the seal off has changed nothing else by that.
 */
export function documentType<Shape extends z.ZodRawShape>(
  kind: string,
  version: number,
  shape: Shape,
  { sealed = false }: { readonly sealed?: boolean } = {},
): DocumentType<Shape> {
  const body = z.object(shape);
  const schema = z.object({ kind: z.literal(kind), version: z.literal(version), ...shape });
  return {
    kind,
    version,
    body,
    schema,
    write(value) {
      const content = body.parse(value) as object;
      const seal = sealed ? { check: sealOf(content) } : {};
      return `${JSON.stringify({ kind, version, ...content, ...seal }, null, 2)}\n`;
    },
    read(text, where) {
      const { value, check } = parseEnvelope(text, where, { kind, version, schema });
      // What the schema has accepted is not checked a second time: a shipped log has millions of these.
      const content = withoutEnvelope(value) as z.output<z.ZodObject<Shape>>;
      if (sealed && check !== undefined && check !== sealOf(content)) {
        throw badDocument(where, 'its content does not match its check sum');
      }
      return content;
    },
  };
}

function withoutEnvelope({ kind: _kind, version: _version, ...content }: Record<string, unknown>): object {
  return content;
}

function sealOf(content: object): string {
  return sha256(canonicalJson(content));
}

/** By hand, because each of the millions of documents of a shipped log passes here before its schema. */
function envelopeOf(value: unknown): { kind: string; version: number; check: unknown } | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('version' in value)) return undefined;
  const { kind, version } = value;
  if (typeof kind !== 'string' || typeof version !== 'number') return undefined;
  return { kind, version, check: 'check' in value ? value.check : undefined };
}

function parseEnvelope(
  text: string | Uint8Array,
  where: string,
  { kind, version, schema }: { readonly kind: string; readonly version: number; readonly schema: z.ZodType },
): { readonly value: Record<string, unknown>; readonly check: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(typeof text === 'string' ? text : new TextDecoder().decode(text));
  } catch (cause) {
    throw badDocument(where, 'it is not JSON', cause);
  }
  const head = envelopeOf(value);
  if (head === undefined) throw badDocument(where, 'it has no kind and version');
  if (head.kind !== kind) throw badDocument(where, `its kind is "${head.kind}", expected "${kind}"`);
  if (head.version !== version) {
    throw badDocument(where, `its version is ${head.version}; this Cardea reads only version ${version} of "${kind}"`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw badDocument(where, z.prettifyError(parsed.error), parsed.error);
  return { value: parsed.data as Record<string, unknown>, check: head.check };
}

function badDocument(where: string, why: string, cause?: unknown): FailedProblem {
  return new FailedProblem({
    code: 'bad-document',
    happened: `${where} cannot be read: ${why}.`,
    state: 'Nothing was changed, and the document was not changed either.',
    next: 'Check whether a newer Cardea wrote it or somebody edited it. `cardea audit` shows which journals are intact.',
    cause,
  });
}
