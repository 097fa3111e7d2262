import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { labFolders } from '../../lab/folders.ts';
import { findGo } from '../../lab/building/go.ts';
import { labPart, type PartName } from '../../lab/building/parts.ts';

/** A JSON schema, or a part of one. */
type Schema = { [key: string]: unknown };

/** What Kubernetes or an operator accepts as one kind of object. */
export interface KindSchema {
  readonly apiVersion: string;
  readonly kind: string;
  readonly schema: Schema;
}

/** Of Kubernetes itself, from the API description in its own module. Unknown fields are refused everywhere. */
export async function kubernetesKinds(): Promise<readonly KindSchema[]> {
  const file = join(await partModule('kubernetes'), 'api/openapi-spec/swagger.json');
  const { definitions } = swagger.parse(JSON.parse(readFileSync(file, 'utf8')));
  const strict = Object.fromEntries(Object.entries(definitions).map(([name, each]) => [name, closed(each)]));
  // Written as text or as a number, which this form of description cannot say.
  const either = { anyOf: [{ type: 'string' }, { type: 'number' }] };
  strict['io.k8s.apimachinery.pkg.api.resource.Quantity'] = either;
  strict['io.k8s.apimachinery.pkg.util.intstr.IntOrString'] = either;
  return Object.entries(strict).flatMap(([name, schema]) =>
    kindsOf(schema).map(({ group, version, kind }) => ({
      apiVersion: group === '' ? version : `${group}/${version}`,
      kind,
      schema: { $ref: `#/definitions/${name}`, definitions: reachable(name, strict) },
    })),
  );
}

/** Of custom resources, from the definitions in a folder. */
export function customKinds(folder: string): readonly KindSchema[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => parse(readFileSync(join(folder, name), 'utf8')) as unknown)
    .flatMap((document) => {
      const read = customDefinition.safeParse(document);
      if (!read.success) return [];
      const { group, names, versions } = read.data.spec;
      return versions.map(({ name, schema }) => ({
        apiVersion: `${group}/${name}`,
        kind: names.kind,
        schema: { ...closed(schema.openAPIV3Schema), additionalProperties: false },
      }));
    });
}

/** Folder of the module that a part of the lab is built from, fetched where it is missing. */
export async function partModule(name: PartName): Promise<string> {
  const part = labPart(name);
  return moduleFolder([part.module], part.source);
}

/** Folder of a module of Go by `path@version`. */
export async function moduleFolder(args: readonly string[], cwd = tmpdir()): Promise<string> {
  const { parts: cache } = labFolders();
  mkdirSync(cache, { recursive: true });
  const go = await findGo({ cache, say: () => undefined, signal: AbortSignal.timeout(600_000) });
  const env = { ...go.variables, GOWORK: 'off' };
  const { stdout } = await execa(go.program, ['mod', 'download', '-json', ...args], { cwd, env, stdin: 'ignore' });
  return z.object({ Dir: z.string() }).parse(JSON.parse(stdout)).Dir;
}

/** Writes the schemas into the folder as kubeconform finds them, and says where: its `-schema-location`. */
export function writeSchemas(folder: string, kinds: readonly KindSchema[]): string {
  for (const { apiVersion, kind, schema } of kinds) {
    // kubeconform takes the version of what has no group for its group, too.
    const at = join(folder, apiVersion.includes('/') ? apiVersion : join(apiVersion, apiVersion));
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, `${kind.toLowerCase()}.json`), JSON.stringify(schema));
  }
  return join(folder, '{{ .Group }}/{{ .ResourceAPIVersion }}/{{ .ResourceKind }}.json');
}

/** Objects of a stream of YAML documents. */
export function objectsOf(stream: string): readonly KubernetesObject[] {
  return parseAllDocuments(stream)
    .map((document) => document.toJS() as unknown)
    .filter((each) => each !== null)
    .map((each) => kubernetesObject.parse(each));
}

const kubernetesObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.record(z.string(), z.unknown()).optional(),
  data: z.record(z.string(), z.string()).optional(),
});
type KubernetesObject = z.infer<typeof kubernetesObject>;

const swagger = z.object({ definitions: z.record(z.string(), z.record(z.string(), z.unknown())) });

const customDefinition = z.object({
  kind: z.literal('CustomResourceDefinition'),
  spec: z.object({
    group: z.string(),
    names: z.object({ kind: z.string() }),
    versions: z.array(
      z.object({ name: z.string(), schema: z.object({ openAPIV3Schema: z.record(z.string(), z.unknown()) }) }),
    ),
  }),
});

const groupVersionKinds = z.array(z.object({ group: z.string(), version: z.string(), kind: z.string() }));

function kindsOf(schema: Schema) {
  return groupVersionKinds.parse(schema['x-kubernetes-group-version-kind'] ?? []);
}

/** The same schema where no object may have a field that it does not describe. */
function closed(schema: unknown): Schema {
  return close(schema) as Schema;
}

function close(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(close);
  if (typeof value !== 'object' || value === null) return value;
  const inner: Schema = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, close(each)]));
  // Raw JSON in an operator's program: its own patches take this type away when it is installed.
  if (inner['format'] === 'byte' && inner['x-kubernetes-preserve-unknown-fields'] === true) return {};
  // Kubernetes' forms of numbers and texts are unknown to the checker.
  if (typeof inner['format'] === 'string') delete inner['format'];
  const open = inner['x-kubernetes-preserve-unknown-fields'] === true || 'additionalProperties' in inner;
  const isObject = inner['type'] === 'object' && typeof inner['properties'] === 'object';
  return isObject && !open ? { ...inner, additionalProperties: false } : inner;
}

/** The definitions that one needs, so that its schema stands alone. */
function reachable(name: string, all: Readonly<Record<string, Schema>>): Record<string, Schema> {
  const found = new Map<string, Schema>();
  const visit = (each: string) => {
    const schema = all[each];
    if (schema === undefined || found.has(each)) return;
    found.set(each, schema);
    for (const [, next] of JSON.stringify(schema).matchAll(/"#\/definitions\/([^"]+)"/g)) visit(next ?? '');
  };
  visit(name);
  return Object.fromEntries(found);
}
