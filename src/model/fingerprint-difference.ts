import type { Fingerprint } from './restore-point.ts';

/**
 * One line for every count that differs, and one for the hash when the counts agree but the content does not. Empty means the two graphs
 * hold the same vertices, edges and properties. Pure.
 */
export function fingerprintDifferences(expected: Fingerprint, observed: Fingerprint): readonly string[] {
  const lines = [
    ...(['vertices', 'edges', 'properties'] as const).flatMap((name) =>
      line(`${name} in total`, expected[name], observed[name]),
    ),
    ...perName('vertices labelled', expected.vertexLabels, observed.vertexLabels),
    ...perName('edges labelled', expected.edgeLabels, observed.edgeLabels),
    ...perName('properties named', expected.propertyKeys, observed.propertyKeys),
  ];
  if (lines.length === 0 && expected.hash !== observed.hash) {
    return [
      `the counts agree, but the content differs: hash ${expected.hash.slice(0, 12)}… expected, ${observed.hash.slice(0, 12)}… found`,
    ];
  }
  return lines;
}

function perName(
  what: string,
  expected: Readonly<Record<string, number>>,
  observed: Readonly<Record<string, number>>,
): readonly string[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(observed)])].sort();
  return names.flatMap((name) => line(`${what} "${name}"`, expected[name] ?? 0, observed[name] ?? 0));
}

function line(what: string, expected: number, observed: number): readonly string[] {
  return expected === observed ? [] : [`${what}: ${expected} expected, ${observed} found`];
}
