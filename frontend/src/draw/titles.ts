// One's own titles, exact, to snap to and to pick from; and what lies around, generalised and grey.
import L from 'leaflet'
import type { Feature, FeatureCollection, MultiPolygon } from 'geojson'
import { getJson } from '../server'
import { nameShape } from '../stage'
import { formatNumber } from '../text'
import { say } from './say'

export interface TitleFacts { title: string, certificate: string, area_m2: number, term_ends_on: string | null, holders: string, stand: string }
type Titles = FeatureCollection<MultiPolygon, TitleFacts> & { left_off: number }

const IDLE: L.PathOptions = { color: '#0d5c4b', weight: 1.2, fillColor: '#2f9e83', fillOpacity: 0.16 }
const PICKED: L.PathOptions = { color: '#0d4f43', weight: 2.5, fillColor: '#2f9e83', fillOpacity: 0.42 }
const PATIENT_MS = 250

export class TitleLayer {
  private readonly byKey = new Map<string, { feature: Feature<MultiPolygon, TitleFacts>, layer: L.Path }>()
  private readonly group: L.GeoJSON
  private picked = new Set<string>()
  private partial = false

  constructor (private readonly map: L.Map, private readonly address: string, choose: (key: string) => void) {
    map.createPane('titles').style.zIndex = '360'
    this.group = L.geoJSON(undefined, {
      pane: 'titles',
      style: IDLE,
      onEachFeature: (feature, layer) => {
        const key = String(feature.id)
        layer.on('click', () => { if (map.getContainer().dataset.tool === 'pick') choose(key) })
        this.byKey.set(key, { feature: feature as Feature<MultiPolygon, TitleFacts>, layer: layer as L.Path })
      }
    } as L.GeoJSONOptions).addTo(map)
  }

  async load (): Promise<{ count: number, leftOff: number }> {
    const found = await getJson<Titles>(this.address)
    this.partial = found.left_off > 0
    this.add(found)
    return { count: this.byKey.size, leftOff: found.left_off }
  }

  /** Where there are too many to hold at once, those in view. */
  async loadView (): Promise<void> {
    if (!this.partial) return
    this.add(await getJson<Titles>(`${this.address}?bbox=${boxOf(this.map)}`))
  }

  private add (found: Titles): void {
    this.group.addData({ ...found, features: found.features.filter(feature => !this.byKey.has(String(feature.id))) } as FeatureCollection)
    this.show([...this.picked])
  }

  show (picked: string[]): void {
    this.picked = new Set(picked)
    for (const [key, { layer }] of this.byKey) layer.setStyle(this.picked.has(key) ? PICKED : IDLE)
  }

  bounds (): L.LatLngBounds | null {
    return this.byKey.size === 0 ? null : this.group.getBounds()
  }

  zoomTo (key: string): void {
    const layer = this.byKey.get(key)?.layer
    if (layer !== undefined) this.map.fitBounds((layer as L.Polygon).getBounds().pad(0.6), { maxZoom: 17 })
  }

  /** The accessible twin of tapping. */
  list (): Array<{ key: string, facts: TitleFacts }> {
    return [...this.byKey].map(([key, { feature }]) => ({ key, facts: feature.properties }))
  }
}

interface AroundFacts { kind: string, number: string, state: string, from: string, to: string | null }

/** Others' claims as grey outlines, exclusions hatched; nothing of whose they are. */
export function surroundings (map: L.Map, address: string, area: string | null): void {
  map.createPane('around').style.zIndex = '340'
  // The public's generalised lines: points snap to them, the hint says that they are no borders.
  const group = L.geoJSON(undefined, {
    pane: 'around',
    pmIgnore: true,
    snapIgnore: false,
    style: feature => {
      const facts = feature?.properties as AroundFacts
      return facts.kind === 'claim'
        ? { color: '#5b6670', weight: 1.6, dashArray: facts.state === 'pending' ? '5 4' : undefined, fillColor: '#8a949c', fillOpacity: 0.18 }
        : { color: '#8c2f1d', weight: 1.4, fillColor: 'url(#draw-hatch)', fillOpacity: 0.55 }
    },
    onEachFeature: (feature, layer) => {
      const facts = feature.properties as AroundFacts
      const kind = facts.kind === 'claim' ? say(facts.state === 'pending' ? 'claimPending' : 'claimLive') : say('exclusion')
      nameShape(layer, `${kind} ${facts.number} · ${facts.from} – ${facts.to ?? ''}`, { sticky: true })
      // A tooltip makes a path a stop of the tab key: dozens of them before the tools.
      layer.on('add', () => { (layer as L.Path).getElement()?.setAttribute('tabindex', '-1') })
      ;(layer as L.Layer & { options: L.LayerOptions }).options.snapIgnore = false
      ;(layer as L.Layer & { options: L.LayerOptions }).options.pmIgnore = true
    }
  } as L.GeoJSONOptions).addTo(map)
  let pending: AbortController | null = null
  let timer = 0
  const load = async (): Promise<void> => {
    pending?.abort()
    pending = new AbortController()
    if (map.getZoom() < 10) { group.clearLayers(); return }
    try {
      const found = await getJson<FeatureCollection>(`${address}?bbox=${boxOf(map)}${area === null ? '' : `&area=${area}`}`, { signal: pending.signal })
      group.clearLayers()
      group.addData(found)
    } catch { /* The next move asks again. */ }
  }
  map.on('moveend', () => { clearTimeout(timer); timer = window.setTimeout(() => { void load() }, PATIENT_MS) })
  void load()
}

function boxOf (map: L.Map): string {
  const view = map.getBounds().pad(0.1)
  return [view.getWest(), view.getSouth(), view.getEast(), view.getNorth()].map(value => value.toFixed(5)).join(',')
}

export function hectaresAndMu (areaM2: number): string {
  return `${say('ha', { ha: formatNumber(areaM2 / 1e4, 4) })} · ${say('mu', { mu: formatNumber(areaM2 / 1e4 * 15, 2) })}`
}
