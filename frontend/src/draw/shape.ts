// What is drawn: parts with rings, open (the first point is not repeated), longitude first.
import type { MultiPolygon, Polygon } from 'geojson'

export type Position = [lon: number, lat: number]
export type Ring = Position[]
export type Part = Ring[]
export type Shape = Part[]

/** A moment that undo comes back to. */
export interface Snapshot { shape: Shape, picked: string[] }

export function fromGeometry (geometry: MultiPolygon | Polygon | null): Shape {
  if (geometry === null) return []
  const parts = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates
  return parts.map(part => part.map(ring => ring.slice(0, -1).map(point => [point[0]!, point[1]!])))
}

/** Rings of fewer than three points are still being typed and are left out. */
export function toGeometry (shape: Shape): MultiPolygon | null {
  const parts = shape
    .map(part => part.filter((ring, at) => at === 0 || ring.length >= 3))
    .filter(part => (part[0]?.length ?? 0) >= 3)
  if (parts.length === 0) return null
  return { type: 'MultiPolygon', coordinates: parts.map(part => part.map(ring => [...ring, ring[0]!])) }
}

export function vertexCount (shape: Shape): number {
  return shape.reduce((sum, part) => sum + part.reduce((inner, ring) => inner + ring.length, 0), 0)
}

export function same (a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((part, p) => part.length === b[p]!.length &&
    part.every((ring, r) => ring.length === b[p]![r]!.length &&
      ring.every((point, v) => point[0] === b[p]![r]![v]![0] && point[1] === b[p]![r]![v]![1])))
}

export function copy (shape: Shape): Shape {
  return shape.map(part => part.map(ring => ring.map(point => [point[0], point[1]])))
}

/** Undo and redo; the present moment is the last of ``past``. */
export class History {
  private past: Snapshot[]
  private future: Snapshot[] = []

  constructor (first: Snapshot) { this.past = [first] }

  get now (): Snapshot { return this.past.at(-1)! }
  get canUndo (): boolean { return this.past.length > 1 }
  get canRedo (): boolean { return this.future.length > 0 }

  push (moment: Snapshot): void {
    this.past.push(moment)
    if (this.past.length > 200) this.past.shift()
    this.future = []
  }

  undo (): Snapshot {
    if (this.canUndo) this.future.push(this.past.pop()!)
    return this.now
  }

  redo (): Snapshot {
    const next = this.future.pop()
    if (next !== undefined) this.past.push(next)
    return this.now
  }
}
