// The areas of tickets on the map: colour and pattern by state, redrawn when the table changes.
import L from 'leaflet'
import { leafletLayer, PolygonSymbolizer, type Feature } from 'protomaps-leaflet'
import { SELECTED } from './colours'
import { AREA_STATES, type AreaState, type AreaSum } from './ticket-states'
import type { TileJson } from './vector-tiles'

/** A colour and a pattern each, so that nobody needs to tell colours apart. */
export const TICKET_LOOKS: Record<AreaState, { fill: string, line: string, pattern: 'plain' | 'rising' | 'falling' | 'cross' | 'dots' | 'bars' }> = {
  issued: { fill: '#12876f', line: '#0a4a3d', pattern: 'plain' },
  partly: { fill: '#7da33f', line: '#45611d', pattern: 'dots' },
  used: { fill: '#b9c79e', line: '#5d7337', pattern: 'bars' },
  listed: { fill: '#2b78b5', line: '#174f7c', pattern: 'rising' },
  pledged: { fill: '#d99a1c', line: '#7a5200', pattern: 'falling' },
  frozen: { fill: '#7c6bb0', line: '#46377a', pattern: 'cross' },
  notice: { fill: '#d5663f', line: '#8c2f12', pattern: 'cross' },
  cancelled: { fill: '#a9ada7', line: '#5f655f', pattern: 'bars' }
}
const SIDE = 10

export interface TicketLayer {
  layer: L.GridLayer
  pick: (at: L.LatLng) => string | null
  select: (area: string | null) => void
  show: (areas: Map<string, AreaSum>) => void
}

/** One square of the pattern, drawn over the colour. */
export function swatch (state: AreaState): HTMLCanvasElement {
  const { fill, line, pattern } = TICKET_LOOKS[state]
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = SIDE
  const pen = canvas.getContext('2d')!
  pen.fillStyle = fill
  pen.fillRect(0, 0, SIDE, SIDE)
  pen.strokeStyle = pen.fillStyle = line
  pen.lineWidth = 1.4
  pen.beginPath()
  if (pattern === 'rising' || pattern === 'cross') stroke(pen, [[-1, SIDE + 1, SIDE + 1, -1], [-1, 1, 1, -1], [SIDE - 1, SIDE + 1, SIDE + 1, SIDE - 1]])
  if (pattern === 'falling' || pattern === 'cross') stroke(pen, [[-1, -1, SIDE + 1, SIDE + 1], [SIDE - 1, -1, SIDE + 1, 1], [-1, SIDE - 1, 1, SIDE + 1]])
  if (pattern === 'bars') stroke(pen, [[0, SIDE / 2, SIDE, SIDE / 2]])
  if (pattern === 'dots') { pen.arc(SIDE / 2, SIDE / 2, 1.7, 0, 7); pen.fill() } else pen.stroke()
  return canvas
}

function stroke (pen: CanvasRenderingContext2D, lines: Array<[number, number, number, number]>): void {
  for (const [x1, y1, x2, y2] of lines) { pen.moveTo(x1, y1); pen.lineTo(x2, y2) }
}

export function ticketLayer (tiles: TileJson): TicketLayer {
  let selected: string | null = null
  let areas = new Map<string, AreaSum>()
  const uid = (feature?: Feature): string => String(feature?.props.uid ?? '')
  const id = tiles.vector_layers[0]!.id
  const chosen = (feature?: Feature): boolean => selected !== null && uid(feature) === selected
  const layer = leafletLayer({
    url: tiles.tiles[0]!,
    sources: { tickets: { url: tiles.tiles[0]!, levelDiff: 0, maxDataZoom: tiles.maxzoom } },
    minZoom: tiles.minzoom,
    attribution: '',
    pane: 'tickets',
    // An area that is not in the table did not exist yet on that day, and is not drawn.
    paintRules: AREA_STATES.map(state => ({
      dataSource: 'tickets',
      dataLayer: id,
      filter: (_z: number, feature: Feature) => areas.get(uid(feature))?.state === state,
      symbolizer: new PolygonSymbolizer({
        pattern: swatch(state),
        fill: TICKET_LOOKS[state].fill,
        opacity: 0.85,
        stroke: (_z: number, feature?: Feature) => chosen(feature) ? SELECTED.line : TICKET_LOOKS[state].line,
        // At the city's scale an area is a few pixels: its line keeps it visible.
        width: (z: number, feature?: Feature) => chosen(feature) ? 4 : z < 13 ? 3 : 1.6,
        perFeature: true
      })
    })),
    labelRules: []
  } as Parameters<typeof leafletLayer>[0]) as unknown as L.GridLayer & {
    queryTileFeaturesDebug: (lng: number, lat: number, brush: number) => Map<string, Array<{ feature: Feature }>>
    rerenderTiles: () => void
  }
  return {
    layer,
    pick: at => {
      const found = [...layer.queryTileFeaturesDebug(at.lng, at.lat, 3).values()].flat()
      return found.map(({ feature }) => uid(feature)).find(area => areas.has(area)) ?? null
    },
    select: area => { selected = area; layer.rerenderTiles() },
    show: table => { areas = table; layer.rerenderTiles() }
  }
}
