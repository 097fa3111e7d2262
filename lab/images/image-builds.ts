import type { ReportProgress } from '../../src/model/progress.ts';
import { buildLayer, builtLayer } from './image-layer.ts';
import type { LayeredImage } from './layered-image.ts';

/** Makes the layers that are not there, one after the other: each takes a whole processor or waits for the disk. */
export async function buildImages(
  images: readonly LayeredImage[],
  options: { readonly cache: string; readonly progress: ReportProgress; readonly signal: AbortSignal },
): Promise<void> {
  const { cache, progress } = options;
  for (const { name, layers } of images) {
    const missing = layers.filter((layer) => builtLayer(layer, cache) === undefined);
    for (const [done, layer] of missing.entries()) {
      progress({ done, total: missing.length, unit: 'items', label: `image ${name}: ${layer.title}` });
      await buildLayer(layer, options);
    }
  }
}
