// Choosing among shapes before they enter the drawing: features of a file, pieces of a split.
import L from 'leaflet'
import type { MultiPolygon } from 'geojson'
import { button } from './findings'

export interface Choice { label: string, geometry: MultiPolygon, ticked: boolean }

const ON: L.PathOptions = { color: '#174f7c', weight: 2, fillColor: '#3b82c4', fillOpacity: 0.4 }
const OFF: L.PathOptions = { color: '#174f7c', weight: 1.2, dashArray: '4 4', fillColor: '#3b82c4', fillOpacity: 0.06 }

export class Chooser {
  private readonly group = L.featureGroup()

  constructor (private readonly map: L.Map, private readonly box: HTMLElement) {
    map.createPane('choices').style.zIndex = '450'
  }

  /** ``done`` gets what is ticked, or null when the whole choice is dropped. */
  ask (heading: string, choices: Choice[], labels: { take: string, drop: string }, done: (taken: MultiPolygon[] | null) => void): void {
    this.close()
    this.group.addTo(this.map)
    const title = document.createElement('h3')
    title.textContent = heading
    title.tabIndex = -1
    const list = document.createElement('ul')
    list.className = 'ticks'
    const ticks: HTMLInputElement[] = []
    for (const choice of choices) {
      const layer = L.geoJSON(choice.geometry, { pane: 'choices', pmIgnore: true, snapIgnore: true, style: choice.ticked ? ON : OFF } as L.GeoJSONOptions)
      const tick = document.createElement('input')
      tick.type = 'checkbox'
      tick.checked = choice.ticked
      const restyle = (): void => { layer.setStyle(tick.checked ? ON : OFF) }
      tick.addEventListener('change', restyle)
      layer.on('click', () => { tick.checked = !tick.checked; restyle() })
      layer.addTo(this.group)
      const label = document.createElement('label')
      const words = document.createElement('span')
      words.textContent = choice.label
      label.append(tick, words)
      const item = document.createElement('li')
      item.append(label)
      list.append(item)
      ticks.push(tick)
    }
    const acts = document.createElement('div')
    acts.className = 'actions'
    acts.append(
      button(labels.take, 'small', () => {
        const taken = choices.filter((_choice, at) => ticks[at]!.checked).map(choice => choice.geometry)
        this.close()
        done(taken)
      }),
      button(labels.drop, 'second small', () => { this.close(); done(null) })
    )
    this.box.replaceChildren(title, list, acts)
    this.box.hidden = false
    const bounds = this.group.getBounds()
    if (bounds.isValid()) this.map.fitBounds(bounds.pad(0.2), { maxZoom: 18 })
    title.focus()
  }

  close (): void {
    this.group.clearLayers()
    this.group.remove()
    this.box.hidden = true
    this.box.replaceChildren()
  }
}
