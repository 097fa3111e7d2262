import { logbackEncoder, rollingAppender } from '../../src/toolchain/logback.ts';
import { basename, dirname } from 'node:path';
import { debianLayer } from './debian-layer.ts';
import { placeFiles } from './image-files.ts';
import type { ImageLayer } from './image-layer.ts';
import type { LayeredImage } from './layered-image.ts';

/** The bottom of the database's images: Java 17, a shell with its small programs, bash for scripts that open connections, curl, flock. */
export function javaLayer(): ImageLayer {
  return debianLayer('debian-java', {
    install: (
      'base-files usr-is-merged netbase tzdata ca-certificates curl bash dash coreutils findutils sed grep mawk hostname procps ' +
      'util-linux libstdc++6 zlib1g openjdk-17-jre-headless'
    ).split(' '),
    leaveOut: (
      'dpkg debconf openssl perl-base tar init-system-helpers ca-certificates-java java-common libcups2 libavahi-client3 ' +
      'libavahi-common3 libavahi-common-data libdbus-1-3'
    ).split(' '),
  });
}

/** The user that cass-operator runs a server as, and the official image of JanusGraph its own. */
export const javaConfiguration: Omit<LayeredImage['configuration'], 'entrypoint'> = {
  user: '999:999',
  environment: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/tmp', LANG: 'C.UTF-8' },
};

/** `jars` are paths in a folder whose name is a hash of all that is pinned in it. */
export function jarsLayer(name: string, to: string, jars: readonly string[]): ImageLayer {
  const [first = ''] = jars;
  return {
    name,
    title: `${jars.length} jars`,
    madeFrom: [to, ...jars],
    make: async (root) =>
      placeFiles(
        root,
        to,
        dirname(first),
        jars.map((jar) => basename(jar)),
      ),
  };
}

/** Tells to the pod's log, and to a file where one is named. */
export function logback(file?: string): string {
  const rolling = file === undefined ? '' : rollingAppender({ file, archive: `${file}.%i` });
  return `<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    ${logbackEncoder}
  </appender>
${rolling}  <logger name="com.datastax.oss.driver" level="WARN"/>
  <logger name="com.jcabi" level="WARN"/>
  <root level="INFO">
    <appender-ref ref="console"/>
${file === undefined ? '' : '    <appender-ref ref="file"/>\n'}  </root>
</configuration>
`;
}
