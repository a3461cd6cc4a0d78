// Vector tiles on canvas. Only what looks otherwise than before is painted again, so that neither the
// pointer nor a step of the time slider paints a whole map.
import L from 'leaflet'
import Pbf from 'pbf'
import { VectorTile, type VectorTileLayer } from '@mapbox/vector-tile'
import { getBytes, Offline, Refused } from './server'

export interface TileJson { tiles: string[], minzoom: number, maxzoom: number, vector_layers: Array<{ id: string }> }

export type Props = Record<string, string | number | boolean>

/** How a feature is painted, fills one over the other. What looks alike is one and the same object. */
export interface Look { fills: Array<string | CanvasPattern>, fillOpacity: number, color: string, opacity: number, weight: number }

interface Box { left: number, top: number, right: number, bottom: number }
/** Rings between `ends`, the first of which is where they begin, in x and y one after the other. */
interface Shape { props: Props, ends: number[], box: Box, look: Look | null }
interface Read { shapes: Shape[], points: Float32Array }
interface Shown extends Read { canvas: HTMLCanvasElement, coords: L.Coords, gone: AbortController }

const NOTHING: Read = { shapes: [], points: new Float32Array() }

const TILE_PX = 256
const MITER = 2
// How far a line reaches over its shape: half of the widest, by the miter; and a pixel for its soft edge.
const REACH_PX = 5
// From this share of a tile's features on it is painted whole.
const WHOLE_FROM = 0.5
// Refused for now: too many requests, or a server that is away for a while.
const PASSING = new Set([429, 502, 503, 504])
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 30_000

/** Fires `waits` with the number of tiles that a busy server refused and that are asked for again. */
export class TileCanvas extends L.GridLayer {
  private readonly shown = new Map<HTMLElement, Shown>()
  private readonly scratch = document.createElement('canvas').getContext('2d')!
  private waiting = 0

  /** `lookOf`: null for a feature that is not shown. */
  constructor (private readonly tiles: TileJson, options: L.GridLayerOptions, private readonly lookOf: (props: Props, zoom: number) => Look | null) {
    super({ minZoom: tiles.minzoom, ...options })
    this.on('tileunload', event => {
      const canvas = (event as L.TileEvent).tile as unknown as HTMLCanvasElement
      this.shown.get(canvas)?.gone.abort()
      this.shown.delete(canvas)
      canvas.width = canvas.height = 0  // Gives its memory back at once.
    })
  }

  override createTile (coords: L.Coords, done: L.DoneCallback): HTMLElement {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = Math.round(TILE_PX * devicePixelRatio)
    const shown: Shown = { ...NOTHING, canvas, coords, gone: new AbortController() }
    this.shown.set(canvas, shown)
    this.read(coords, shown.gone.signal).then(read => {
      if (shown.gone.signal.aborted) return
      Object.assign(shown, read)
      this.renew(shown)
      done(undefined, canvas)
    }, (error: unknown) => {
      if (!shown.gone.signal.aborted) done(error as Error, canvas)
    })
    return canvas
  }

  /** Brings every tile up to date with what `lookOf` says now. */
  renewAll (): void {
    for (const shown of this.shown.values()) this.renew(shown)
  }

  /** What lies under a place, as far as it is shown. */
  under (at: L.LatLng): Props[] {
    if (this._map === undefined || this._map === null) return []
    const zoom = this._map.getZoom()
    const { x, y } = this._map.project(at, zoom)
    const [column, row] = [Math.floor(x / TILE_PX), Math.floor(y / TILE_PX)]
    const shown = [...this.shown.values()].find(({ coords }) => coords.z === zoom && coords.x === column && coords.y === row)
    if (shown === undefined) return []
    const [left, top] = [x - column * TILE_PX, y - row * TILE_PX]
    return shown.shapes.filter(shape => {
      const { look, box } = shape
      if (look === null || left < box.left || left > box.right || top < box.top || top > box.bottom) return false
      trace(this.scratch, shape, shown.points)
      return this.scratch.isPointInPath(left, top)
    }).map(({ props }) => props)
  }

  private async read ({ x, y, z }: L.Coords, signal: AbortSignal): Promise<Read> {
    // Deeper than the tiles go, a part of the last one is drawn larger.
    const deeper = Math.max(0, z - this.tiles.maxzoom)
    const data = { z: z - deeper, x: x >> deeper, y: y >> deeper }
    const layer = new VectorTile(new Pbf(await this.patiently(L.Util.template(this.tiles.tiles[0]!, data), signal))).layers[this.tiles.vector_layers[0]!.id]
    const size = TILE_PX * 2 ** deeper
    return layer === undefined ? NOTHING : shapesOf(layer, size / layer.extent, x * TILE_PX - data.x * size, y * TILE_PX - data.y * size)
  }

  /** The tile, asked for again with growing pauses as long as the server has no time for it. */
  private async patiently (address: string, signal: AbortSignal): Promise<ArrayBuffer> {
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      try {
        return await getBytes(address, { signal })
      } catch (error) {
        const refused = error instanceof Refused && PASSING.has(error.status)
        if (!refused && !(error instanceof Offline)) throw error
        if (refused) this.tellWaiting(1)
        // Not all tiles of the view in the same moment.
        await pause(Math.max(wait, refused ? error.retryAfterMs : 0) * (1 + Math.random() / 2), signal)
        if (refused) this.tellWaiting(-1)
      }
    }
  }

  private tellWaiting (more: number): void {
    this.waiting += more
    this.fire('waits', { tiles: this.waiting })
  }

  private renew (shown: Shown): void {
    const changed: Shape[] = []
    for (const shape of shown.shapes) {
      const look = this.lookOf(shape.props, shown.coords.z)
      if (look === shape.look) continue
      shape.look = look
      changed.push(shape)
    }
    if (changed.length > shown.shapes.length * WHOLE_FROM) paint(shown, { left: 0, top: 0, right: TILE_PX, bottom: TILE_PX })
    else for (const { box } of changed) paint(shown, wider(box))
  }
}

function wider ({ left, top, right, bottom }: Box): Box {
  return { left: left - REACH_PX, top: top - REACH_PX, right: right + REACH_PX, bottom: bottom + REACH_PX }
}

/** Everything that reaches into the box, within whole pixels: their soft edges would leave a seam. */
function paint ({ canvas, shapes, points }: Shown, { left, top, right, bottom }: Box): void {
  const pen = canvas.getContext('2d')!
  const scale = canvas.width / TILE_PX
  const [x, y] = [Math.floor(left * scale), Math.floor(top * scale)]
  pen.save()
  pen.beginPath()
  pen.rect(x, y, Math.ceil(right * scale) - x, Math.ceil(bottom * scale) - y)
  pen.clip()
  pen.clearRect(0, 0, canvas.width, canvas.height)
  pen.scale(scale, scale)
  pen.miterLimit = MITER
  for (const shape of shapes) {
    const { box, look } = shape
    if (look === null || box.left - REACH_PX > right || box.right + REACH_PX < left || box.top - REACH_PX > bottom || box.bottom + REACH_PX < top) continue
    trace(pen, shape, points)
    pen.globalAlpha = look.fillOpacity
    for (const fill of look.fills) { pen.fillStyle = fill; pen.fill() }
    pen.globalAlpha = look.opacity
    pen.strokeStyle = look.color
    pen.lineWidth = look.weight
    pen.stroke()
  }
  pen.restore()
}

function trace (pen: CanvasRenderingContext2D, { ends }: Shape, points: Float32Array): void {
  pen.beginPath()
  for (let ring = 1; ring < ends.length; ring++) {
    const [from, to] = [ends[ring - 1]!, ends[ring]!]
    pen.moveTo(points[from]!, points[from + 1]!)
    for (let at = from + 2; at < to; at += 2) pen.lineTo(points[at]!, points[at + 1]!)
    pen.closePath()
  }
}

/** The features that reach into the tile, in its pixels. */
function shapesOf (layer: VectorTileLayer, scale: number, left: number, top: number): Read {
  const shapes: Shape[] = []
  const points: number[] = []
  for (let place = 0; place < layer.length; place++) {
    const feature = layer.feature(place)
    const ends = [points.length]
    const box: Box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity }
    for (const ring of feature.loadGeometry()) {
      // A ring comes with its first point once more at its end.
      for (let at = 0; at < ring.length - 1; at++) {
        const [x, y] = [ring[at]!.x * scale - left, ring[at]!.y * scale - top]
        points.push(x, y)
        if (x < box.left) box.left = x
        if (x > box.right) box.right = x
        if (y < box.top) box.top = y
        if (y > box.bottom) box.bottom = y
      }
      ends.push(points.length)
    }
    const reached = wider(box)
    if (reached.right >= 0 && reached.bottom >= 0 && reached.left <= TILE_PX && reached.top <= TILE_PX) shapes.push({ props: feature.properties, ends, box, look: null })
    else points.length = ends[0]!
  }
  return { shapes, points: Float32Array.from(points) }
}

/** Ends early when nobody waits any more, or when the network is back. */
function pause (ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer)
      window.removeEventListener('online', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    window.addEventListener('online', end)
    signal.addEventListener('abort', end, { once: true })
  })
}
