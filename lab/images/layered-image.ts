import type { ImageLayer } from './image-layer.ts';

/** An image of several layers, the lowest first. */
export interface LayeredImage {
  /** With registry and tag: `cardea.local/cardea:0.2.0`. */
  readonly name: string;
  readonly layers: readonly ImageLayer[];
  readonly configuration: {
    /** Numbers: Kubernetes cannot tell of a name that it is not root's. */
    readonly user: `${number}:${number}`;
    readonly environment: Readonly<Record<string, string>>;
    readonly entrypoint: readonly string[];
  };
}
