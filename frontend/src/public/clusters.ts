// At the city's scale: tickets that lie close together as one ring, with their true sum.
import L from 'leaflet'
import { formatNumber, phrases } from '../text'
import { KG_STATES, sumOf, totalOf, type Kilograms } from '../ticket-states'
import type { Known, TicketFacts } from './filters'
import { LOOKS } from './ticket-layer'

const say = phrases({ ring: ['{n} 张碳票，{t} 吨。放大', '{n} tickets, {t} t. Zoom in'] })
export const SHAPES_FROM_ZOOM = 13
const CELL_PX = 90
const RING_PX = 54
const KG_PER_TONNE = 1000
const SVG = 'http://www.w3.org/2000/svg'
const [R, WIDTH] = [19, 8]

/** Tickets of one square, and the sums of their places in pixels. */
interface Cell { rows: Known[], x: number, y: number }

export class Clusters {
  private readonly group = L.layerGroup()
  private rows: Known[] = []
  // Where a ticket lies in the pixels of this zoom: only another zoom changes it, no day of the slider.
  private places = new Map<TicketFacts, L.Point>()
  private zoom = NaN

  constructor (private readonly map: L.Map) {
    this.group.addTo(map)
    map.on('zoomend', () => this.draw())
  }

  show (rows: Known[]): void {
    this.rows = rows
    this.draw()
  }

  private draw (): void {
    this.group.clearLayers()
    const zoom = this.map.getZoom()
    if (zoom >= SHAPES_FROM_ZOOM) return
    if (zoom !== this.zoom) this.places = new Map()
    this.zoom = zoom
    const cells = new Map<string, Cell>()
    for (const known of this.rows) {
      const at = this.placeOf(known.facts)
      const key = `${Math.floor(at.x / CELL_PX)}/${Math.floor(at.y / CELL_PX)}`
      let cell = cells.get(key)
      if (cell === undefined) cells.set(key, cell = { rows: [], x: 0, y: 0 })
      cell.rows.push(known)
      cell.x += at.x
      cell.y += at.y
    }
    for (const rows of apart([...cells.values()])) this.group.addLayer(this.ring(rows))
  }

  private placeOf (facts: TicketFacts): L.Point {
    let at = this.places.get(facts)
    if (at === undefined) this.places.set(facts, at = this.map.project([facts.at[1], facts.at[0]], this.zoom))
    return at
  }

  private ring (cell: Known[]): L.Marker {
    const kilograms = sumOf(cell)
    const total = totalOf(kilograms)
    const middle = (axis: 0 | 1): number => cell.reduce((sum, { facts }) => sum + facts.at[axis], 0) / cell.length
    const name = say('ring', { n: formatNumber(cell.length), t: formatNumber(total / KG_PER_TONNE, total % KG_PER_TONNE === 0 ? 0 : 3) })
    const marker = L.marker([middle(1), middle(0)], {
      icon: L.divIcon({ className: 'ticket-ring', html: donut(kilograms, total, cell.length) as unknown as HTMLElement, iconSize: [RING_PX, RING_PX] }),
      title: name
    })
    marker.on('add', () => {
      marker.getElement()?.setAttribute('aria-label', name)
      marker.getElement()?.setAttribute('data-kg', String(total))
    })
    marker.on('click', () => {
      const bounds = L.latLngBounds(cell.flatMap(({ facts: { bbox: [west, south, east, north] } }) => [[south, west], [north, east]] as Array<[number, number]>))
      this.map.fitBounds(bounds, { maxZoom: 15, padding: [30, 30] })
      if (this.map.getZoom() < SHAPES_FROM_ZOOM && cell.length === 1) this.map.setView(bounds.getCenter(), SHAPES_FROM_ZOOM)
    })
    return marker
  }
}

/** Cells whose rings would cover each other are one. */
function apart (cells: Cell[]): Known[][] {
  const placed: Array<{ at: L.Point, rows: Known[] }> = []
  for (const { rows, x, y } of cells.sort((a, b) => b.rows.length - a.rows.length)) {
    const at = L.point(x, y).divideBy(rows.length)
    const near = placed.find(other => other.at.distanceTo(at) < RING_PX)
    if (near === undefined) placed.push({ at, rows })
    else for (const known of rows) near.rows.push(known)
  }
  return placed.map(({ rows }) => rows)
}

function donut (kilograms: Kilograms, total: number, count: number): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '-27 -27 54 54')
  svg.setAttribute('aria-hidden', 'true')
  const circle = (radius: number, attributes: Record<string, string>): void => {
    const one = document.createElementNS(SVG, 'circle')
    one.setAttribute('r', String(radius))
    for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value)
    svg.append(one)
  }
  circle(25, { fill: '#fff' })
  const round = 2 * Math.PI * R
  let from = 0
  for (const state of KG_STATES) {
    const share = kilograms[state] / total * round
    if (share > 0) {
      circle(R, {
        fill: 'none', stroke: LOOKS[state].fill, 'stroke-width': String(WIDTH), transform: 'rotate(-90)',
        'stroke-dasharray': `${share} ${round}`, 'stroke-dashoffset': String(-from)
      })
    }
    from += share
  }
  const label = document.createElementNS(SVG, 'text')
  label.setAttribute('text-anchor', 'middle')
  label.setAttribute('dominant-baseline', 'central')
  label.setAttribute('font-size', '13')
  label.textContent = formatNumber(count)
  svg.append(label)
  return svg
}
