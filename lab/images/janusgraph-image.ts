import { placeText } from './image-files.ts';
import type { ImageLayer } from './image-layer.ts';
import { imageNames } from './image-names.ts';
import { javaConfiguration, javaLayer, jarsLayer, logback } from './java-image.ts';
import type { LayeredImage } from './layered-image.ts';

const home = '/opt/janusgraph';

/**
 * JanusGraph Server laid out as its official image: the server is started as `/opt/janusgraph/bin/janusgraph-server.sh FILE` with
 * JAVA_OPTIONS, its libraries are in /opt/janusgraph/lib. It writes to /tmp and to what its configuration names, and nowhere else.
 * `jars` are those of the sandbox's toolchain.
 */
export function janusgraphImage({ jars }: { readonly jars: readonly string[] }): LayeredImage {
  return {
    name: imageNames.janusgraph,
    layers: [javaLayer(), jarsLayer('janusgraph-jars', `${home}/lib`, jars), programLayer()],
    configuration: {
      ...javaConfiguration,
      entrypoint: [`${home}/bin/janusgraph-server.sh`, '/etc/janusgraph/server.yaml'],
    },
  };
}

const script = `#!/bin/sh
# janusgraph-server.sh FILE: starts the server that FILE describes, with the JVM options in JAVA_OPTIONS.
exec java \${JAVA_OPTIONS:-} -Djava.io.tmpdir=/tmp -Dlogback.configurationFile=${home}/conf/logback.xml \\
  -cp '${home}/lib/*' org.janusgraph.graphdb.server.JanusGraphServer "$@"
`;

function programLayer(): ImageLayer {
  return {
    name: 'janusgraph',
    title: 'JanusGraph Server',
    madeFrom: [script, logback()],
    async make(root) {
      placeText(root, `${home}/bin/janusgraph-server.sh`, script, 0o755);
      placeText(root, `${home}/conf/logback.xml`, logback());
    },
  };
}
