import type { DrillFacts, RecoveredFacts } from './drill-facts.ts';
import type { DrillCheck, DrillRun } from './drill-document.ts';

/** What had to be true of a drill, and what was seen. Pure. */
export function checksOf(facts: DrillFacts): DrillCheck[] {
  const { badJob, disaster, instant, lost, point, rehearsal, undo } = facts;
  const { vertices: dropped } = badJob.dropped;
  const looks = ['start-database', 'verify'].filter((id) => succeeded(rehearsal, id)).length;
  const nodes = point.nodes.length;
  const findings = [...instant.check.findings, ...undo.check.findings];
  const findingCount = instant.check.findingCount + undo.check.findingCount;
  const promised = lost.filter((each) => each.promised);
  const [oldest] = lost;
  return [
    {
      id: 'disaster',
      title: 'The disaster was real: accounts deleted, all processes killed at once, every disk empty.',
      ok: facts.accountsAfterDrop === 0 && dropped > 0 && disaster.wipedBytes > 0 && disaster.nodes.length === nodes,
      observed: `${whole(dropped - facts.accountsAfterDrop)} of ${whole(dropped)} accounts gone, ${whole(disaster.nodes.length)} of ${whole(nodes)} disks empty, ${whole(disaster.processes)} processes killed`,
    },
    {
      id: 'rehearsed',
      title: 'Before the disaster, base and log were proven at one instant beside the live ring.',
      ok: point.proof === 'proven' && point.cut === 'instant' && looks === 2,
      observed: `${point.proof}, cut: ${point.cut}; connections to the live ring: ${looks === 2 ? 'checked twice, none found' : `checked ${looks} of 2 times`}`,
    },
    {
      id: 'found',
      title: 'The bad transactions were found from the bucket alone.',
      ok: badJob.found === badJob.transactions && badJob.transactions > 0 && undo.excluded === badJob.transactions,
      observed: `${whole(badJob.found)} of ${whole(badJob.transactions)}, among ${whole(badJob.shown)} transactions`,
    },
    equality('instant', 'Before the bad job: the whole graph equals the log of the application.', instant),
    equality('undo', 'Without the bad job: the whole graph equals the log of the application.', undo),
    {
      id: 'kept',
      title: 'Good work after the bad job is kept.',
      ok: badJob.goodAfter > 0 && undo.proof.transactions > instant.proof.transactions,
      observed: `${whole(undo.proof.transactions - instant.proof.transactions)} more transactions than before it`,
    },
    {
      id: 'split',
      title: 'No transaction was restored only in part.',
      ok: instant.proof.split.length === 0 && undo.proof.split.length === 0,
      observed: withFirst(`${whole(instant.proof.split.length + undo.proof.split.length)} split`, [
        ...instant.proof.split,
        ...undo.proof.split,
      ]),
    },
    {
      id: 'lost',
      title: 'Only transactions within the shipping lag before the kill are lost.',
      ok: promised.length === 0,
      observed:
        promised.length > 0
          ? withFirst(
              `${whole(promised.length)} of ${whole(lost.length)} were in the log`,
              promised.map(({ id }) => id),
            )
          : oldest === undefined
            ? 'none was lost'
            : `${whole(lost.length)} lost, the oldest acknowledged ${oldest.age.toFixed(2)} s before the kill`,
    },
    {
      id: 'accounts',
      title: 'Every deleted account is found by its key after both restores.',
      ok: instant.accountsFound === dropped && undo.accountsFound === dropped,
      observed: `${whole(instant.accountsFound)} and ${whole(undo.accountsFound)} of ${whole(dropped)}`,
    },
    {
      id: 'invariants',
      title: 'Every invariant holds: both ends of edges, indexes, ids, instances.',
      ok: findingCount === 0 && instant.check.elements > 0 && undo.check.elements > 0,
      observed: withFirst(
        `${whole(instant.check.elements)} and ${whole(undo.check.elements)} elements read, ${whole(findingCount)} findings`,
        findings,
      ),
    },
    {
      id: 'ring',
      title: 'Every node is up again, on one schema.',
      ok: instant.nodesUp === nodes && undo.nodesUp === nodes,
      observed: `${instant.nodesUp} and ${undo.nodesUp} of ${nodes} nodes`,
    },
  ];
}

function equality(id: string, title: string, { proof }: RecoveredFacts): DrillCheck {
  const differing = [...proof.missing, ...proof.unexpected, ...proof.changed];
  const elements = proof.restored.vertices + proof.restored.edges;
  return {
    id,
    title,
    ok: differing.length === 0 && proof.expected.sha256 === proof.restored.sha256 && elements > 0,
    observed: withFirst(
      `${whole(elements)} elements and ${whole(proof.transactions)} transactions, ${whole(differing.length)} differences`,
      differing,
    ),
  };
}

function succeeded(run: DrillRun, step: string): boolean {
  return run.steps.some(({ id, status }) => id === step && status === 'succeeded');
}

function withFirst(text: string, lines: readonly string[]): string {
  const [first] = lines;
  return first === undefined ? text : `${text}; the first: ${first}`;
}

function whole(value: number): string {
  return value.toLocaleString('en');
}
