/**
 * The kinds of objects that a bucket holds, each with the keys that are of it: flips are drawn from all alike, so that the few objects of
 * a small kind get their share. docs/bucket.md says what each is.
 */
const kinds: ReadonlyArray<readonly [kind: string, key: RegExp]> = [
  ['point', /^backup-[^/]+\.json$/],
  ['identity', /^environment\/identity\.json$/],
  ['ids of the environment', /^environment\/ids\.json$/],
  ['shipping order', /^environment\/shipping\.json$/],
  ['inventory', /^inventories\/[^/]+\/[^/]+\.json$/],
  ...['Data', 'Index', 'Filter', 'Statistics', 'Summary', 'CompressionInfo', 'Digest', 'TOC'].map(
    (part) => [`SSTable ${part}`, new RegExp(`^medusa/.*/data/.*-${part}\\.(?:db|crc32|txt)$`)] as const,
  ),
  ...['manifest.json', 'schema.cql', 'tokenmap.json', 'server_version.json', 'differential'].map(
    (name) => [`Medusa ${name}`, new RegExp(`^medusa/[^/]+/[^/]+/meta/${name.replace('.', '\\.')}$`)] as const,
  ),
  ...['manifest', 'schema', 'tokenmap', 'differential', 'started', 'finished'].map(
    (name) => [`Medusa index ${name}`, new RegExp(`^medusa/index/backup_index/[^/]+/${name}_[^/]+$`)] as const,
  ),
  ['Medusa latest backup', /^medusa\/index\/latest_backup\//],
  ['timeline', /^timelines\/[^/]+\.json$/],
  ['watermark', /^log\/[^/]+\/[^/]+\/watermark\.json$/],
  ['mark of a log', /^log\/[^/]+\/[^/]+\/marks\//],
  ['copy of a mark', /^log-marks\/[^/]+\/[^/]+\//],
  ['schema of a log', /^log\/[^/]+\/schema\//],
  ['index of a log', /^log\/[^/]+\/[^/]+\/index\/\d+-\d+$/],
  ['piece of a log', /^log\/[^/]+\/[^/]+\/\d+\/\d+-\d+$/],
  ['schema of a graph', /^schemas\/[^/]+\.json$/],
  ['accepted findings', /^findings\/accepted\.json$/],
  ['findings', /^findings\/[^/]+\.json$/],
  ['record of a restore', /^restores\/[^/]+\.json$/],
  ['undo plan', /^restores\/[^/]+\/undo-plan\.json$/],
  ['log plan', /^restores\/[^/]+\/log-plan-[0-9a-f]+\.json$/],
  ['passed over', /^restores\/[^/]+\/passed-over\.json$/],
  ['ids', /^restores\/[^/]+\/ids\.json$/],
  ['event', /^runs\/[^/]+\/\d+\.json$/],
  ['document of a step', /^runs\/[^/]+\/results\/[^/]+\.json$/],
  ['log of a step', /^runs\/[^/]+\/logs\/[^/]+\.log$/],
  ['lease', /^leases\//],
  ['audit entry', /^audit\/\d+\.json$/],
  ['report', /^drills\//],
];

/** Throws TypeError for an object that is of none: whoever stores something new gives it a kind. */
export function kindOf(key: string): string {
  const found = kinds.find(([, pattern]) => pattern.test(key));
  if (found === undefined) throw new TypeError(`${key} is of no kind that bits are flipped in`);
  return found[0];
}

/** A file of the database, as Medusa keeps it. */
export function isDataFile(key: string): boolean {
  return kindOf(key).startsWith('SSTable');
}

/** Medusa's own documents: what it reads of them nobody else sees. */
export function isTools(key: string): boolean {
  return key.startsWith('medusa/') && !isDataFile(key);
}
