// The areas of tickets on the map, each painted with its tonnes in proportion; redrawn from the
// table of states alone, so that neither a transfer nor a step of the time slider loads a tile.
import L from 'leaflet'
import { leafletLayer, type Feature } from 'protomaps-leaflet'
import { SELECTED } from '../colours'
import { KG_STATES, totalOf, type AreaSum, type Kilograms, type KgState } from '../ticket-states'
import type { TileJson } from '../vector-tiles'

/** A colour and a texture each, so that nobody needs to tell colours apart. */
export const LOOKS: Record<KgState, { fill: string, line: string, texture: 'plain' | 'rising' | 'falling' | 'dots' | 'bars' }> = {
  held: { fill: '#12876f', line: '#0a4a3d', texture: 'plain' },
  listed: { fill: '#2b78b5', line: '#174f7c', texture: 'rising' },
  pledged: { fill: '#d99a1c', line: '#7a5200', texture: 'falling' },
  offset: { fill: '#c6d3ac', line: '#5d7337', texture: 'dots' },
  cancelled: { fill: '#b3b6b1', line: '#5f655f', texture: 'bars' }
}
export const FROZEN_LINE = '#46377a'
// Further out the tiles hold sums by cells, which the rings of the clusters say with their states.
const SINGLE_FROM_ZOOM = 12
const SIDE = 8
// Both divide a tile's 256 pixels, so that stripes go on from tile to tile.
const PERIOD = 32

export interface TicketLayer {
  layer: L.GridLayer
  pick: (at: L.LatLng) => string | null
  select: (area: string | null) => void
  hover: (area: string | null) => void
  show: (areas: Map<string, AreaSum>) => void
}

type Segment = [x1: number, y1: number, x2: number, y2: number]
const RISING: Segment[] = [[-1, SIDE + 1, SIDE + 1, -1], [-1, 1, 1, -1], [SIDE - 1, SIDE + 1, SIDE + 1, SIDE - 1]]
const FALLING: Segment[] = [[-1, -1, SIDE + 1, SIDE + 1], [SIDE - 1, -1, SIDE + 1, 1], [-1, SIDE - 1, 1, SIDE + 1]]

function square (side: number, draw: (pen: CanvasRenderingContext2D) => void): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = side
  draw(canvas.getContext('2d')!)
  return canvas
}

function strokes (pen: CanvasRenderingContext2D, segments: Segment[]): void {
  pen.beginPath()
  for (const [x1, y1, x2, y2] of segments) { pen.moveTo(x1, y1); pen.lineTo(x2, y2) }
  pen.stroke()
}

/** One square of a state's texture, drawn over its colour. */
export function swatch (state: KgState): HTMLCanvasElement {
  const { fill, line, texture } = LOOKS[state]
  return square(SIDE, pen => {
    pen.fillStyle = fill
    pen.fillRect(0, 0, SIDE, SIDE)
    pen.strokeStyle = pen.fillStyle = line
    pen.lineWidth = 1.1
    if (texture === 'rising') strokes(pen, RISING)
    if (texture === 'falling') strokes(pen, FALLING)
    if (texture === 'bars') strokes(pen, [[0, SIDE / 2, SIDE, SIDE / 2]])
    if (texture === 'dots') { pen.beginPath(); pen.arc(SIDE / 2, SIDE / 2, 1.5, 0, 7); pen.fill() }
  })
}

export function frozenSwatch (): HTMLCanvasElement {
  return square(SIDE, pen => {
    pen.strokeStyle = FROZEN_LINE
    pen.lineWidth = 1.3
    strokes(pen, [...RISING, ...FALLING])
  })
}

/** Stripes whose widths are to each other as the kilograms: painted over any outline, so are the areas. */
function stripes (kilograms: Kilograms): HTMLCanvasElement {
  const total = totalOf(kilograms)
  return square(PERIOD, pen => {
    let from = 0
    for (const state of KG_STATES) {
      if (kilograms[state] === 0) continue
      const width = kilograms[state] / total * PERIOD
      pen.fillStyle = pen.createPattern(swatch(state), 'repeat')!
      pen.fillRect(from, 0, width, PERIOD)
      from += width
    }
  })
}

class Proportions {
  // By the shares of the states: most areas carry tonnes of one state only, and have one pattern.
  private readonly made = new Map<string, CanvasPattern>()
  private cross: CanvasPattern | null = null
  constructor (private readonly areaOf: (feature?: Feature) => AreaSum | undefined, private readonly mark: (feature?: Feature) => 'chosen' | 'hovered' | null) {}

  before (): void {}

  draw (pen: CanvasRenderingContext2D, shape: Array<Array<{ x: number, y: number }>>, zoom: number, feature: Feature): void {
    const sum = this.areaOf(feature)
    if (sum === undefined) return
    pen.beginPath()
    for (const ring of shape) ring.forEach((at, place) => { place === 0 ? pen.moveTo(at.x, at.y) : pen.lineTo(at.x, at.y) })
    pen.globalAlpha = 0.88
    pen.fillStyle = this.patternOf(pen, sum.kilograms)
    pen.fill()
    if (sum.frozen) { pen.fillStyle = this.cross ??= pen.createPattern(frozenSwatch(), 'repeat')!; pen.fill() }
    const mark = this.mark(feature)
    const main = KG_STATES.reduce((most, state) => sum.kilograms[state] > sum.kilograms[most] ? state : most)
    pen.strokeStyle = mark !== null ? SELECTED.line : sum.frozen ? FROZEN_LINE : LOOKS[main].line
    // At the city's scale an area is a few pixels: its line keeps it visible.
    pen.lineWidth = mark === 'chosen' ? 4 : mark === 'hovered' ? 3 : zoom < 13 ? 2.5 : 1.6
    pen.globalAlpha = 1
    pen.stroke()
  }

  private patternOf (pen: CanvasRenderingContext2D, kilograms: Kilograms): CanvasPattern {
    const total = totalOf(kilograms)
    const key = KG_STATES.map(state => kilograms[state] / total).join()
    const known = this.made.get(key) ?? pen.createPattern(stripes(kilograms), 'repeat')!
    this.made.set(key, known)
    return known
  }
}

export function ticketLayer (tiles: TileJson): TicketLayer {
  let selected: string | null = null
  let hovered: string | null = null
  let areas = new Map<string, AreaSum>()
  const uid = (feature?: Feature): string => String(feature?.props.uid ?? '')
  const id = tiles.vector_layers[0]!.id
  const layer = leafletLayer({
    url: tiles.tiles[0]!,
    sources: { tickets: { url: tiles.tiles[0]!, levelDiff: 0, maxDataZoom: tiles.maxzoom } },
    minZoom: Math.max(tiles.minzoom, SINGLE_FROM_ZOOM),
    attribution: '',
    pane: 'tickets',
    // An area that is not in the table did not exist yet on that day, or is filtered out.
    paintRules: [{
      dataSource: 'tickets',
      dataLayer: id,
      filter: (_z: number, feature: Feature) => areas.has(uid(feature)),
      symbolizer: new Proportions(feature => areas.get(uid(feature)), feature => uid(feature) === selected ? 'chosen' : uid(feature) === hovered ? 'hovered' : null)
    }],
    labelRules: []
  } as unknown as Parameters<typeof leafletLayer>[0]) as unknown as L.GridLayer & {
    queryTileFeaturesDebug: (lng: number, lat: number, brush: number) => Map<string, Array<{ feature: Feature }>>
    rerenderTiles: () => void
  }
  return {
    layer,
    pick: at => {
      const found = [...layer.queryTileFeaturesDebug(at.lng, at.lat, 3).values()].flat()
      return found.map(({ feature }) => uid(feature)).find(area => areas.has(area)) ?? null
    },
    select: area => { if (area !== selected) { selected = area; layer.rerenderTiles() } },
    hover: area => { if (area !== hovered) { hovered = area; layer.rerenderTiles() } },
    show: table => { areas = table; layer.rerenderTiles() }
  }
}
