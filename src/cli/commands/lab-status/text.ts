import type { LabReport } from '../../../../lab/report.ts';
import { formatBytes } from '../../../model/bytes.ts';
import { table } from '../../terminal/table.ts';

/** The lab for people: who holds it, how to reach it, what runs. */
export function labText(report: LabReport): string {
  if (report.state === 'down') return 'The lab is down. Start it with: cardea lab up';
  const facts = [
    ['state', `${report.state}; its servers use ${formatBytes(report.memoryBytes)} of memory, not counting pods`],
    ['held by', report.checkout],
    ['server', report.server],
    ['kubeconfig', report.kubeconfig],
    ['logs', report.logs],
    ...Object.entries(report.tools),
  ];
  const servers = table(report.servers, [
    { title: 'SERVER', cell: (server) => server.title },
    { title: 'VERSION', cell: (server) => server.version },
    { title: 'PID', cell: (server) => (server.pid === null ? 'down' : String(server.pid)) },
    { title: 'MEMORY', cell: (server) => formatBytes(server.memoryBytes) },
    { title: 'LOG', cell: (server) => server.log },
  ]);
  const engines = table(report.engines, [
    { title: 'ENGINE', cell: (engine) => engine.title },
    { title: 'VERSION', cell: (engine) => engine.version },
    { title: 'NAMESPACE', cell: (engine) => engine.namespace },
    { title: 'STATE', cell: ({ lacking }) => (lacking.length === 0 ? 'running' : `missing: ${lacking.join(', ')}`) },
  ]);
  const dead = report.dead.flatMap(({ title, log, end }) => [
    `${title} is no longer running. The end of ${log}:`,
    ...end.map((line) => `  ${line}`),
  ]);
  return [
    'lab',
    ...facts.map(([name = '', value = '']) => `  ${name.padEnd(11)} ${value}`),
    servers,
    engines,
    ...dead,
  ].join('\n');
}
