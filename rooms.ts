/**
 * The rooms of the house and the arrows between them: what each may import of the others, at any depth of folders. oxlint.config.ts makes
 * the lint rule of it; docs/architecture.md says the same for people, and a test compares them.
 *
 * `everything` stands for all other rooms. Tests beside the source may import what they like.
 */
export const rooms: Readonly<Record<string, readonly string[] | 'everything'>> = {
  'src/model': [],
  'src/ports': ['src/model'],
  'src/journal': ['src/model', 'src/ports'],
  'src/runbook': ['src/model', 'src/ports', 'src/journal'],
  'src/commitlog': ['src/model'],
  'src/graph': ['src/model', 'src/ports'],
  'src/node': ['src/model', 'src/ports', 'src/commitlog'],
  'src/runbooks': ['src/model', 'src/ports', 'src/runbook', 'src/commitlog', 'src/graph'],
  'src/host': ['src/model'],
  'src/toolchain': ['src/model', 'src/host'],
  'src/adapters': ['src/model', 'src/ports', 'src/host'],
  'src/platforms': ['src/model', 'src/ports', 'src/host', 'src/toolchain', 'src/adapters'],
  'src/agent': ['src/model', 'src/ports', 'src/host', 'src/node', 'src/adapters', 'src/platforms'],
  'src/sample': ['src/model', 'src/ports'],
  'src/demo': [
    'src/model',
    'src/ports',
    'src/journal',
    'src/runbook',
    'src/graph',
    'src/runbooks',
    'src/host',
    'src/platforms',
    'src/sample',
  ],
  'src/cli': 'everything',
  lab: ['src/model', 'src/host', 'src/toolchain'],
  platform: [],
  test: 'everything',
  bench: 'everything',
};

/** Rooms that only prove or measure: none of the program may need them. */
export const outside: readonly string[] = ['test', 'bench', 'platform'];
