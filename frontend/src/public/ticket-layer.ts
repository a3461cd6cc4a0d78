// The areas of tickets on the map, each painted with its tonnes in proportion; redrawn from the
// table of states alone, so that neither a transfer nor a step of the time slider loads a tile.
import L from 'leaflet'
import { SELECTED } from '../colours'
import { KG_STATES, totalOf, type AreaSum, type Kilograms, type KgState } from '../ticket-states'
import { TileCanvas, type Look, type TileJson } from '../tile-canvas'

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
const FAR_BELOW_ZOOM = 13
const SHARES = 256
const SIDE = 8
// Both divide a tile's 256 pixels, so that stripes go on from tile to tile.
const PERIOD = 32

export interface TicketLayer {
  layer: TileCanvas
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

/** Most areas carry tonnes of one state only, and look alike. */
class Looks {
  private readonly made = new Map<string, Look>()
  private readonly pen = document.createElement('canvas').getContext('2d')!
  private readonly cross = this.pen.createPattern(frozenSwatch(), 'repeat')!

  of ({ kilograms, frozen }: AreaSum, mark: 'chosen' | 'hovered' | null, zoom: number): Look {
    const total = totalOf(kilograms)
    // Finer shares than these would not show in stripes of so many pixels.
    const shares = KG_STATES.map(state => Math.round(kilograms[state] / total * SHARES))
    const far = zoom < FAR_BELOW_ZOOM
    const key = [...shares, frozen, mark, far].join()
    const known = this.made.get(key)
    if (known !== undefined) return known
    const pattern = this.pen.createPattern(stripes(kilograms), 'repeat')!
    const main = KG_STATES.reduce((most, state) => kilograms[state] > kilograms[most] ? state : most)
    const look: Look = {
      fills: frozen ? [pattern, this.cross] : [pattern],
      fillOpacity: 0.88,
      color: mark !== null ? SELECTED.line : frozen ? FROZEN_LINE : LOOKS[main].line,
      opacity: 1,
      // At the city's scale an area is a few pixels: its line keeps it visible.
      weight: mark === 'chosen' ? 4 : mark === 'hovered' ? 3 : far ? 2.5 : 1.6
    }
    this.made.set(key, look)
    return look
  }
}

export function ticketLayer (tiles: TileJson): TicketLayer {
  let selected: string | null = null
  let hovered: string | null = null
  let areas = new Map<string, AreaSum>()
  const looks = new Looks()
  const layer = new TileCanvas(tiles, { minZoom: Math.max(tiles.minzoom, SINGLE_FROM_ZOOM), pane: 'tickets' }, (props, zoom) => {
    const area = String(props.uid)
    const sum = areas.get(area)
    // An area that is not in the table did not exist yet on that day, or is filtered out.
    return sum === undefined ? null : looks.of(sum, area === selected ? 'chosen' : area === hovered ? 'hovered' : null, zoom)
  })
  return {
    layer,
    pick: at => layer.under(at).map(props => String(props.uid))[0] ?? null,
    select: area => { if (area !== selected) { selected = area; layer.renewAll() } },
    hover: area => { if (area !== hovered) { hovered = area; layer.renewAll() } },
    show: table => { areas = table; layer.renewAll() }
  }
}
