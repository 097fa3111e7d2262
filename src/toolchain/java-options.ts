/** JVM options as an argument file (`java @FILE`): process lists stay readable and no length limit bites. One option a line, quoted. */
export function argumentFile(options: readonly string[]): string {
  return `${options.map((option) => `"${option.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join('\n')}\n`;
}

/** Cassandra 5.0 reaches into these packages of Java 17; the list is that of its own jvm17-server.options. */
export const moduleAccess: readonly string[] = [
  ...[
    'java.base/jdk.internal.misc',
    'java.base/jdk.internal.ref',
    'java.base/sun.nio.ch',
    'java.base/java.lang.ref',
    'java.management.rmi/com.sun.jmx.remote.internal.rmi',
    'java.rmi/sun.rmi.registry',
    'java.rmi/sun.rmi.server',
    'java.sql/java.sql',
    'jdk.attach/sun.tools.attach',
    'jdk.unsupported/sun.misc',
  ].map((name) => `--add-exports=${name}=ALL-UNNAMED`),
  ...[
    'java.base/java.io',
    'java.base/java.lang',
    'java.base/java.lang.module',
    'java.base/java.lang.reflect',
    'java.base/java.nio',
    'java.base/java.util',
    'java.base/java.util.concurrent',
    'java.base/java.util.concurrent.atomic',
    'java.base/jdk.internal.loader',
    'java.base/jdk.internal.math',
    'java.base/jdk.internal.module',
    'java.base/jdk.internal.ref',
    'java.base/jdk.internal.reflect',
    'java.base/jdk.internal.util.jar',
    'java.base/sun.nio.ch',
    'java.rmi/sun.rmi.transport.tcp',
    'jdk.management/com.sun.management.internal',
  ].map((name) => `--add-opens=${name}=ALL-UNNAMED`),
];

/** Quick to start rather than quick at full speed, and small: a ring of three shares two cores with everything else. */
export function smallJvm(heapMb: { readonly initial: number; readonly maximum: number }): string[] {
  return [
    `-Xms${heapMb.initial}M`,
    `-Xmx${heapMb.maximum}M`,
    '-Xss512k',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    // Where each first touch of a page costs much, as in a virtual machine, fewer and larger pages do.
    '-XX:+UseTransparentHugePages',
    '-XX:-UsePerfData',
    '-XX:+ExitOnOutOfMemoryError',
  ];
}

/**
 * A class archive halves the start of Cassandra and JanusGraph. `use` is ignored by the JVM when the archive is absent or made by another
 * JVM; `make` writes one when the process ends.
 */
export function classArchive(archive: {
  readonly use?: string | undefined;
  readonly make?: string | undefined;
}): string[] {
  if (archive.make !== undefined)
    return [`-XX:ArchiveClassesAtExit=${archive.make}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'];
  return archive.use === undefined ? [] : [`-XX:SharedArchiveFile=${archive.use}`, '-Xshare:auto', '-Xlog:cds=off'];
}
