// The map of one title: its shapes, neighbours in grey, findings, pinned remarks, former versions.
import L from 'leaflet'
import type { Feature, FeatureCollection, Geometry } from 'geojson'
import { EXCLUSION_COLOURS, SELECTED } from '../colours'
import { getJson } from '../server'
import { clickByKeyboard, nameShape, readout, stage, type StageConfig } from '../stage'
import { part } from '../panel'
import { formatNumber, phrases } from '../text'

export interface FindingFacts {
  id: number
  rule: string
  title: string
  article: string
  severity: 'conflict' | 'warning' | 'info'
  message: string
  other: string
  other_key: string
  other_kind: string
  area_m2: number | null
  mean_width_m: number | null
}
export interface ShapeFacts { key: string, name: string, version: number, area_m2: number, place: Record<string, string> }
export interface CommentFacts { key: string, author: string, text: string, internal: boolean, at: string }
export interface VersionFacts {
  id: number
  parcel: string
  number: number
  because: string
  facts: { kind?: 'snap' | 'clip' | 'yield' | 'simplify' | 'follow', metres?: number }
  leaves: boolean
  area_m2: number
  by: string
  at: string
}
type Collection<P> = FeatureCollection<Geometry, P>
export interface Picture {
  seen: string
  state: string
  shapes: Collection<ShapeFacts>
  successors: Collection<ShapeFacts>
  neighbours: Collection<{ key: string, name: string, state: string }>
  exclusions: Collection<{ kind: string, name: string }>
  findings: Collection<FindingFacts>
  comments: Collection<CommentFacts>
  versions: Collection<VersionFacts>
}

export const FINDING_COLOURS = { conflict: '#c62828', warning: '#d97706', info: '#2563a8' } as const
const OWN = { color: '#0d5c4b', weight: 2.5, fillColor: '#2f9e83', fillOpacity: 0.16 }
const GREY = { color: '#8b948d', weight: 1, fillColor: '#b9bfb6', fillOpacity: 0.28 }

const say = phrases({
  area: ['{area} 平方米', '{area} m²'],
  width: ['平均宽 {width} 米', 'mean width {width} m'],
  noFindings: ['检查未发现问题。', 'The rules found nothing.'],
  noPlace: ['此项没有图形位置', 'Nothing to show on the map']
})

export class ReviewMap {
  readonly map: L.Map
  picture: Picture | null = null
  private readonly findings = L.layerGroup()
  private readonly own = L.layerGroup()
  private readonly grey = L.layerGroup()
  private readonly excluded = L.layerGroup()
  private readonly pins = L.layerGroup()
  private readonly overlay = L.layerGroup()
  private selected: L.GeoJSON | null = null

  constructor (private readonly root: HTMLElement, config: StageConfig) {
    const { map, bases } = stage(part(root, 'map'), config)
    bases.sketch!.addTo(map)
    this.map = map
    map.on('moveend', () => { root.dataset.view = map.getBounds().toBBoxString() })
    map.setView([44, 81.3], 11)
    for (const layer of [this.grey, this.excluded, this.own, this.findings, this.overlay, this.pins]) layer.addTo(map)
    readout(map, part(root, 'readout'))
    clickByKeyboard(map)
  }

  async load (url: string): Promise<Picture> {
    const picture = await getJson<Picture>(url)
    this.picture = picture
    for (const layer of [this.grey, this.excluded, this.own, this.findings, this.pins, this.overlay]) layer.clearLayers()
    L.geoJSON(picture.neighbours, {
      style: GREY,
      onEachFeature: (feature, layer) => {
        nameShape(layer, feature.properties.name as string, { sticky: true })
      }
    } as L.GeoJSONOptions).addTo(this.grey)
    L.geoJSON(picture.exclusions, {
      style: feature => {
        const { line, fill } = EXCLUSION_COLOURS[feature?.properties.kind === 'harvest' ? 'harvest' : 'project']
        return { color: line, weight: 1.5, dashArray: '7 4', fillColor: fill, fillOpacity: 0.2 }
      },
      onEachFeature: (feature, layer) => { nameShape(layer, feature.properties.name as string, { sticky: true }) }
    } as L.GeoJSONOptions).addTo(this.excluded)
    part<HTMLElement>(this.root, 'exclusion-key').hidden = picture.exclusions.features.length === 0
    const own = L.geoJSON(picture.shapes, { style: OWN, interactive: false } as L.GeoJSONOptions).addTo(this.own)
    for (const finding of picture.findings.features) {
      if (finding.geometry === null) continue
      const colour = FINDING_COLOURS[finding.properties.severity]
      L.geoJSON(finding, {
        style: { color: colour, weight: 2, fillColor: colour, fillOpacity: 0.3 },
        pointToLayer: (_, at) => L.circleMarker(at, { radius: 7, color: colour, weight: 3, fillOpacity: 0.3 })
      } as L.GeoJSONOptions).on('click', () => this.root.dispatchEvent(new CustomEvent('finding', { detail: finding.properties.id }))).addTo(this.findings)
    }
    picture.comments.features.forEach((comment, at) => {
      if (comment.geometry === null) return
      const [lon, lat] = (comment.geometry as unknown as { coordinates: [number, number] }).coordinates
      const icon = L.divIcon({ className: 'pin', html: pinSign(at + 1), iconSize: [26, 26], iconAnchor: [13, 26] })
      L.marker([lat, lon], { icon, title: comment.properties.text, alt: comment.properties.text, keyboard: false }).addTo(this.pins)
    })
    if (picture.shapes.features.length > 0) this.home(own)
    this.root.dataset.loaded = String(picture.findings.features.length)
    return picture
  }

  private home (own: L.GeoJSON): void {
    this.map.fitBounds(own.getBounds().pad(0.25))
  }

  showAll (): void {
    if (this.picture !== null) this.home(L.geoJSON(this.picture.shapes))
  }

  /** What is shown is seen: lists and buttons may stand far below the map. */
  private come (): void {
    this.map.getContainer().scrollIntoView({ block: 'nearest' })
  }

  /** Go to a finding, fill its shape and write its measures beside it. */
  show (finding: Feature<Geometry, FindingFacts>): void {
    this.selected?.remove()
    this.selected = null
    if (finding.geometry === null) return
    this.come()
    const colour = FINDING_COLOURS[finding.properties.severity]
    this.selected = L.geoJSON(finding, {
      style: { color: colour, weight: 3, fillColor: colour, fillOpacity: 0.62 },
      pointToLayer: (_, at) => L.circleMarker(at, { radius: 9, color: colour, weight: 4, fillOpacity: 0.6 })
    } as L.GeoJSONOptions).addTo(this.map)
    const measures = measuresOf(finding.properties)
    if (measures !== '') this.selected.bindTooltip(measures, { permanent: true, direction: 'top', className: 'measure' }).openTooltip()
    this.map.fitBounds(this.selected.getBounds().pad(0.6), { maxZoom: 19 })
    this.root.dataset.shown = String(finding.properties.id)
  }

  goTo (place: Geometry): void {
    this.come()
    const [lon, lat] = (place as unknown as { coordinates: [number, number] }).coordinates
    this.map.setView([lat, lon], Math.max(this.map.getZoom(), 17))
  }

  /** Former and present version over each other, or before and after of a repair. */
  compare (before: FeatureCollection | Feature, after: FeatureCollection | Feature): void {
    this.come()
    this.overlay.clearLayers()
    L.geoJSON(before, { style: { color: '#7a3cae', weight: 2, dashArray: '6 5', fillColor: '#7a3cae', fillOpacity: 0.14 }, interactive: false } as L.GeoJSONOptions).addTo(this.overlay)
    const shown = L.geoJSON(after, { style: { color: SELECTED.line, weight: 3, fillColor: SELECTED.fill, fillOpacity: 0.2 }, interactive: false } as L.GeoJSONOptions).addTo(this.overlay)
    this.map.fitBounds(shown.getBounds().pad(0.2))
  }

  clearComparison (): void {
    this.overlay.clearLayers()
  }

  private startPicking (): HTMLElement {
    const container = this.map.getContainer()
    container.classList.add('picking')
    container.scrollIntoView({ block: 'center' })
    container.focus({ preventScroll: true })
    return container
  }

  /** The next click on the map, as a place; Escape gives it up. ``ended`` is told of both. */
  pickPlace (then: (lon: number, lat: number) => void, ended: () => void): void {
    const container = this.startPicking()
    const stop = (): void => {
      container.classList.remove('picking')
      this.map.off('click', taken)
      document.removeEventListener('keydown', escaped)
      ended()
    }
    const taken = (event: L.LeafletMouseEvent): void => {
      stop()
      const wrapped = event.latlng
      L.circleMarker(wrapped, { radius: 8, color: SELECTED.line, weight: 3, fillOpacity: 0.2 }).addTo(this.overlay)
      then(wrapped.lng, wrapped.lat)
    }
    const escaped = (event: KeyboardEvent): void => { if (event.key === 'Escape') stop() }
    this.map.on('click', taken)
    document.addEventListener('keydown', escaped)
  }

  /** A line drawn point by point; ``onChange`` gets it after each click. Answers how to end it. */
  drawLine (onChange: (points: Array<[number, number]>) => void): () => void {
    const container = this.startPicking()
    const points: Array<[number, number]> = []
    const line = L.polyline([], { color: '#b3261e', weight: 3, dashArray: '8 5' }).addTo(this.overlay)
    const add = (event: L.LeafletMouseEvent): void => {
      points.push([event.latlng.lng, event.latlng.lat])
      line.addLatLng(event.latlng)
      onChange(points)
    }
    this.map.on('click', add)
    return () => {
      this.map.off('click', add)
      container.classList.remove('picking')
      line.remove()
    }
  }
}

function pinSign (number: number): HTMLElement {
  const sign = document.createElement('span')
  sign.textContent = String(number)
  return sign
}

export function measuresOf (finding: FindingFacts): string {
  const found: string[] = []
  if (finding.area_m2 !== null) found.push(say('area', { area: formatNumber(finding.area_m2, 2) }))
  if (finding.mean_width_m !== null) found.push(say('width', { width: formatNumber(finding.mean_width_m, 3) }))
  return found.join(' · ')
}

/** The findings as a list of buttons; ``ways`` adds what may be done about each. */
export function listFindings (
  box: HTMLElement, picture: Picture, onChoose: (finding: Feature<Geometry, FindingFacts>) => void,
  ways: (finding: Feature<Geometry, FindingFacts>) => HTMLElement[]
): void {
  if (picture.findings.features.length === 0) {
    const none = document.createElement('p')
    none.className = 'alert success'
    none.textContent = say('noFindings')
    box.replaceChildren(none)
    return
  }
  box.replaceChildren(...picture.findings.features.map(finding => {
    const facts = finding.properties
    const item = document.createElement('article')
    item.className = `issue ${facts.severity}`
    item.dataset.finding = String(facts.id)
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'issue-show'
    const title = document.createElement('strong')
    title.textContent = facts.title
    const article = document.createElement('small')
    article.textContent = facts.article
    const message = document.createElement('span')
    message.textContent = facts.message
    button.append(title, article, message)
    const measures = measuresOf(facts)
    if (measures !== '') {
      const small = document.createElement('small')
      small.className = 'measures'
      small.textContent = measures
      button.append(small)
    }
    if (finding.geometry === null) button.title = say('noPlace')
    button.addEventListener('click', () => {
      for (const other of box.querySelectorAll('.issue.chosen')) other.classList.remove('chosen')
      item.classList.add('chosen')
      onChoose(finding)
    })
    item.append(button)
    const more = ways(finding)
    if (more.length > 0) {
      const row = document.createElement('div')
      row.className = 'ways'
      row.append(...more)
      item.append(row)
    }
    return item
  }))
}
