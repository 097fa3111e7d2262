import { ensureToolchain } from '../../src/toolchain/install-toolchain.ts';
import type { ReportProgress } from '../../src/model/progress.ts';
import { cardeaImage } from './cardea-image.ts';
import { cassandraImage } from './cassandra-image.ts';
import { buildImages } from './image-builds.ts';
import { janusgraphImage } from './janusgraph-image.ts';
import type { LayeredImage } from './layered-image.ts';

/**
 * The images that the sample platform and Cardea's own pods run, every layer of them built. Jars and Medusa are the sandbox's: with all of
 * it there this takes some tenths of a second. Throws what the toolchain and `buildImages` throw.
 */
export async function builtPlatformImages(options: {
  readonly checkout: string;
  /** Folder of all built parts. */
  readonly cache: string;
  readonly progress: ReportProgress;
  readonly signal: AbortSignal;
}): Promise<readonly LayeredImage[]> {
  const { checkout } = options;
  const { cassandra, janusgraph, medusa } = await ensureToolchain(options);
  const images = [
    cardeaImage({ checkout, medusa }),
    cassandraImage({ checkout, jars: cassandra }),
    janusgraphImage({ jars: janusgraph }),
  ];
  await buildImages(images, options);
  return images;
}
