import { basename } from 'node:path';
import { formatBytes } from '../../../model/bytes.ts';
import type { ConfigurationChange } from '../../../platforms/sandbox/configuration-changes.ts';
import type { SandboxReport } from '../../../platforms/sandbox/report.ts';
import { changeRemedy, changeText } from '../../configuration/change-text.ts';
import { table } from '../../terminal/table.ts';

/** An environment of the sandbox for people: what to connect to, what runs, where the logs are, what its configuration says otherwise. */
export function sandboxText(report: SandboxReport, changes: readonly ConfigurationChange[] = []): string {
  const pid = (value: number | null) => (value === null ? 'down' : String(value));
  const facts = [
    ['state', `${report.state}, ${formatBytes(report.memoryBytes)} of memory`],
    ['gremlin', `${report.gremlin} (pid ${pid(report.graph.pid)})`],
    ['keyspace', `${report.keyspace}, datacenter ${report.datacenter}`],
    ['bucket', report.bucket],
    ['folder', report.directory],
    ['logs', report.logs],
    ...(report.copies.length === 0
      ? []
      : [['copies', report.copies.map((copy) => `${report.environment}~${basename(copy)}`).join(', ')]]),
  ];
  const nodes = table(report.nodes, [
    { title: 'NODE', cell: (node) => node.name },
    { title: 'RACK', cell: (node) => node.rack },
    { title: 'CQL', cell: (node) => `${node.host}:9042` },
    { title: 'PID', cell: (node) => pid(node.pid) },
    { title: 'AGENT', cell: (node) => pid(node.agentPid) },
    { title: 'HOST ID', cell: (node) => node.hostId ?? '' },
  ]);
  const otherwise = changes.flatMap((change) => [
    `  changed   ${changeText(report.environment, change)}`,
    `            → ${changeRemedy(report.environment, change.takes)}`,
  ]);
  const lines = facts.map(([name = '', value = '']) => `  ${name.padEnd(9)} ${value}`);
  return [report.environment, ...lines, ...otherwise, nodes].join('\n');
}
