/** What the first file of a chain holds instead of a previous hash. */
export const noHash = '0'.repeat(64);

export function runPrefix(run: string): string {
  return `runs/${run}/`;
}

export function eventKey(run: string, sequence: number): string {
  return `${runPrefix(run)}${numberedFile(sequence)}`;
}

export function numberedFile(sequence: number): string {
  return `${String(sequence).padStart(6, '0')}.json`;
}

/** `runs/x/000012.json` and `audit/000012.json` give 12; any other key undefined. */
export function sequenceOf(key: string): number | undefined {
  const match = /(?:^|\/)(\d{6,})\.json$/.exec(key);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}
