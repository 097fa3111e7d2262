import { FailedProblem } from '../model/problem.ts';
import type { Branch } from './bank.ts';
import type { EdgeElement, Property, PropertyValue, VertexElement } from './element.ts';
import type { GraphOperation } from './operation.ts';
import { propertyCardinalities } from './schema.ts';

/** The sample graph as it should be, changed one operation at a time. A few hundred bytes per element. */
export class BankState {
  readonly vertices = new Map<string, VertexElement>();
  readonly edges = new Map<string, EdgeElement>();
  readonly #incident = new Map<string, Set<string>>();

  addBranch(branch: Branch): void {
    for (const vertex of branch.vertices) this.#addVertex(vertex);
    for (const edge of branch.edges) this.#addEdge(edge);
  }

  /** Throws FailedProblem `bad-log` when the operation does not fit the state: the element is missing, or there already. */
  apply(operation: GraphOperation): void {
    switch (operation.type) {
      case 'add-vertex':
        return this.#addVertex(operation.vertex);
      case 'drop-vertex':
        return this.#dropVertex(operation.key);
      case 'add-edge':
        return this.#addEdge(operation.edge);
      case 'drop-edge':
        return this.#dropEdge(operation.key);
      case 'set-property': {
        const vertex = found(this.vertices, operation.key);
        this.vertices.set(operation.key, { ...vertex, properties: withProperty(vertex, operation.property) });
        return;
      }
      case 'remove-property': {
        const vertex = found(this.vertices, operation.key);
        const properties = vertex.properties.filter((one) => !matches(one, operation.name, operation.value));
        this.vertices.set(operation.key, { ...vertex, properties });
        return;
      }
      case 'set-edge-property': {
        const edge = found(this.edges, operation.key);
        this.edges.set(operation.key, { ...edge, properties: withProperty(edge, operation.property) });
      }
    }
  }

  /** Edges at a vertex, both directions. */
  edgesAt(key: string): readonly EdgeElement[] {
    return [...(this.#incident.get(key) ?? [])].map((edge) => found(this.edges, edge));
  }

  #addVertex(vertex: VertexElement): void {
    if (this.vertices.has(vertex.key)) throw badLog(`${vertex.key} is added twice`);
    this.vertices.set(vertex.key, vertex);
  }

  #addEdge(edge: EdgeElement): void {
    if (this.edges.has(edge.key)) throw badLog(`${edge.key} is added twice`);
    for (const end of [edge.from, edge.to]) {
      found(this.vertices, end);
      const edges = this.#incident.get(end);
      if (edges === undefined) this.#incident.set(end, new Set([edge.key]));
      else edges.add(edge.key);
    }
    this.edges.set(edge.key, edge);
  }

  #dropVertex(key: string): void {
    found(this.vertices, key);
    for (const edge of this.edgesAt(key)) this.#dropEdge(edge.key);
    this.vertices.delete(key);
    this.#incident.delete(key);
  }

  #dropEdge(key: string): void {
    const edge = found(this.edges, key);
    this.#incident.get(edge.from)?.delete(key);
    this.#incident.get(edge.to)?.delete(key);
    this.edges.delete(key);
  }
}

function withProperty(element: VertexElement | EdgeElement, property: Property): readonly Property[] {
  const { name, value } = property;
  switch (propertyCardinalities[name]) {
    case 'LIST':
      return [...element.properties, property];
    case 'SET':
      return [...element.properties.filter((one) => !matches(one, name, value)), property];
    default:
      return [...element.properties.filter((one) => one.name !== name), property];
  }
}

function matches(property: Property, name: string, value: PropertyValue | undefined): boolean {
  return property.name === name && (value === undefined || property.value === value);
}

function found<Element>(elements: ReadonlyMap<string, Element>, key: string): Element {
  const element = elements.get(key);
  if (element === undefined) throw badLog(`${key} is changed or removed, but does not exist`);
  return element;
}

function badLog(what: string): FailedProblem {
  return new FailedProblem({
    code: 'bad-log',
    happened: `The writer's log does not fit the bank it is replayed on: ${what}.`,
    state: 'Only this replay stopped; nothing was changed.',
    next: 'Replay the log on the bank with the seed and size in its first line, with every chosen transaction and its predecessors.',
  });
}
