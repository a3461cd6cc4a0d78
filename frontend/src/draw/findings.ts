// What the rules found: patches on the map, and a list that says what each would cost to mend.
import L from 'leaflet'
import { formatNumber } from '../text'
import type { Finding, Verdict } from './live'
import { say } from './say'
import { hectaresAndMu } from './titles'

export interface Mends { subtract: (key: string) => void, trim: () => void, repair: () => void }

const HATCH = 'draw-hatch'
const KG_PER_T = 1000
const M2_PER_HA = 10_000

export class Findings {
  private readonly group: L.GeoJSON
  private last: Finding[] = []

  constructor (private readonly map: L.Map, private readonly list: HTMLElement, private readonly mends: Mends) {
    const pane = map.createPane('findings')
    pane.style.zIndex = '440'
    pane.style.pointerEvents = 'none'
    this.group = L.geoJSON(undefined, {
      pane: 'findings',
      interactive: false,
      pmIgnore: true,
      snapIgnore: true,
      style: feature => patchStyle(feature?.properties as Finding),
      onEachFeature: (_feature, layer) => {
        const options = (layer as L.Layer & { options: L.LayerOptions }).options
        options.snapIgnore = true
        options.pmIgnore = true
      },
      pointToLayer: (_feature, at) => L.circleMarker(at, { radius: 7, pane: 'findings', interactive: false })
    } as L.GeoJSONOptions).addTo(map)
    hatch()
  }

  show (verdict: Verdict | null, kgPerHa: number | null): void {
    this.last = verdict?.findings ?? []
    this.group.clearLayers()
    for (const finding of this.last) {
      if (finding.shape !== null && finding.severity !== 'info') this.group.addData({ type: 'Feature', geometry: finding.shape, properties: finding } as GeoJSON.Feature)
    }
    this.list.replaceChildren(...this.last.map(finding => this.item(finding, kgPerHa)))
  }

  private item (finding: Finding, kgPerHa: number | null): HTMLLIElement {
    const item = document.createElement('li')
    item.className = `draw-finding ${finding.severity}`
    item.dataset.rule = finding.rule
    const title = document.createElement('strong')
    title.textContent = finding.title
    const article = document.createElement('small')
    article.textContent = finding.article
    const words = document.createElement('p')
    words.textContent = finding.message + (finding.exact ? '' : ` ${say('about')}`)
    item.append(title, article, words)
    const size = finding.area_m2
    if (size !== null && finding.severity !== 'info') {
      const cost = document.createElement('p')
      cost.className = 'cost'
      const area = size < M2_PER_HA / 10 ? say('m2', { m2: formatNumber(size, 1) }) : hectaresAndMu(size)
      cost.textContent = kgPerHa === null ? area : `${area} · ${say('cost', { t: formatNumber(size / M2_PER_HA * kgPerHa / KG_PER_T, 2) })}`
      item.append(cost)
    }
    const acts = document.createElement('div')
    acts.className = 'actions'
    if (finding.shape !== null) acts.append(button(say('locate'), 'quiet', () => { this.locate(finding) }))
    if (finding.rule === 'valid_geometry') acts.append(button(say('repair'), 'second small', this.mends.repair))
    if (finding.rule === 'covered_by_titles' && finding.severity !== 'info') acts.append(button(say('trim'), 'second small', this.mends.trim))
    const key = finding.other_key
    if (key !== null && (finding.other_kind === 'claim' || finding.other_kind === 'exclusion') && finding.severity !== 'info') {
      acts.append(button(say('subtract'), 'second small', () => { this.mends.subtract(key) }))
    }
    if (acts.childElementCount > 0) item.append(acts)
    return item
  }

  private locate (finding: Finding): void {
    const bounds = L.geoJSON(finding.shape as GeoJSON.Geometry).getBounds()
    if (bounds.isValid()) this.map.fitBounds(bounds.pad(1), { maxZoom: 19 })
  }
}

function patchStyle (finding: Finding): L.PathOptions {
  if (finding.level === 'sliver') return { color: '#b98900', weight: 4, fillColor: '#ffd93b', fillOpacity: 0.8 }
  if (finding.other_kind === 'exclusion') return { color: '#a3241c', weight: 2, fillColor: `url(#${HATCH}-red)`, fillOpacity: 0.9 }
  if (finding.severity === 'conflict') return { color: '#a3241c', weight: 2, fillColor: '#d8352a', fillOpacity: 0.5 }
  return { color: '#b98900', weight: 2, fillColor: '#f6d365', fillOpacity: 0.45 }
}

/** Patterns that the shapes of exclusions are filled with. */
function hatch (): void {
  const space = 'http://www.w3.org/2000/svg'
  const sheet = document.createElementNS(space, 'svg')
  sheet.setAttribute('width', '0')
  sheet.setAttribute('height', '0')
  sheet.setAttribute('aria-hidden', 'true')
  sheet.classList.add('hatches')
  for (const [id, colour, ground] of [[HATCH, '#8c2f1d', 'none'], [`${HATCH}-red`, '#a3241c', 'rgba(216,53,42,.28)']] as const) {
    const pattern = document.createElementNS(space, 'pattern')
    for (const [name, value] of Object.entries({ id, width: '8', height: '8', patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' })) pattern.setAttribute(name, value)
    const back = document.createElementNS(space, 'rect')
    for (const [name, value] of Object.entries({ width: '8', height: '8', fill: ground })) back.setAttribute(name, value)
    const line = document.createElementNS(space, 'path')
    for (const [name, value] of Object.entries({ d: 'M0 0V8', stroke: colour, 'stroke-width': '4' })) line.setAttribute(name, value)
    pattern.append(back, line)
    sheet.append(pattern)
  }
  document.body.append(sheet)
}

export function button (label: string, kind: string, act: () => void): HTMLButtonElement {
  const made = document.createElement('button')
  made.type = 'button'
  made.className = kind
  made.textContent = label
  made.addEventListener('click', act)
  return made
}
