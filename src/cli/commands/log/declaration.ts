import { declare, rest, text } from '../../command.ts';

export const log = declare({
  name: 'log',
  group: 'Inspection',
  summary: "Tell what segment files of Cassandra's commit log hold.",
  about:
    'Of Cassandra 4.x and 5.0 and of the core of HCD 1.x, plain or compressed. The files are only read. For people: header, sections, times, sizes, and a summary by table. ' +
    'With `--json` one line of JSON for each update of a partition: {"segment", "offset", "end", "keyspace", "table", "tableId", "key", "operations": [{"kind", "clustering"?, "column"?, "path"?, "at", "value"?, "expiresAt"?}]}. ' +
    'Keys and values are in hex, `at` in microseconds since 1970. A mutation of several tables gives several lines with the same offset.',
  arguments: { files: rest('Segment files, such as CommitLog-8-1771466400000.log.') },
  options: {
    schema: text(
      'FILE',
      'The tables as JSON, as `log/TIMELINE/schema/` of a bucket has them. Without it the columns of a table cannot be told: of each mutation only its table and key.',
    ),
  },
  examples: [
    {
      run: 'cardea log CommitLog-8-1771466400000.log --schema schema.json',
      says: 'Show what the segment holds, by table.',
    },
    {
      run: 'cardea log CommitLog-100-*.log --schema schema.json --json | grep edgestore',
      says: 'Every update of JanusGraph’s edges, a line each.',
    },
  ],
});
