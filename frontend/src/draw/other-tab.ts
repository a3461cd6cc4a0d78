// What another window saved meanwhile, beside what is here: the difference on the map, and a choice.
import L from 'leaflet'
import type { Geometry, MultiPolygon } from 'geojson'
import { part } from '../panel'
import { postJson } from '../server'
import { say } from './say'
import { toGeometry, type Shape } from './shape'
import { hectaresAndMu } from './titles'

interface Compared { more: Geometry | null, less: Geometry | null, more_m2: number, less_m2: number }

export class OtherTab {
  private readonly group = L.featureGroup()

  constructor (private readonly map: L.Map, private readonly root: HTMLElement, private readonly address: string) {}

  async compare (mine: Shape, theirs: MultiPolygon | null, then: { mine: () => void, theirs: () => void }): Promise<void> {
    const found = await postJson<Compared>(this.address, { geometry: toGeometry(mine), other: theirs })
    const quiet = { pane: 'choices', interactive: false, pmIgnore: true, snapIgnore: true }
    this.group.clearLayers()
    if (theirs !== null) L.geoJSON(theirs, { ...quiet, style: { color: '#174f7c', weight: 3, dashArray: '8 6', fill: false } } as L.GeoJSONOptions).addTo(this.group)
    for (const [patch, colour] of [[found.more, '#174f7c'], [found.less, '#b45309']] as const) {
      if (patch !== null) L.geoJSON(patch, { ...quiet, style: { color: colour, weight: 1, fillColor: colour, fillOpacity: 0.35 } } as L.GeoJSONOptions).addTo(this.group)
    }
    this.group.addTo(this.map)
    const bounds = this.group.getBounds()
    if (bounds.isValid()) this.map.fitBounds(bounds.pad(0.3), { maxZoom: 17 })
    const box = part<HTMLElement>(this.root, 'overtaken')
    part(box, 'overtaken-words').textContent = say('otherTab', { more: hectaresAndMu(found.more_m2), less: hectaresAndMu(found.less_m2) })
    const close = (act: () => void) => () => { box.hidden = true; this.group.remove(); act() }
    part<HTMLButtonElement>(box, 'use-mine').onclick = close(then.mine)
    part<HTMLButtonElement>(box, 'use-theirs').onclick = close(then.theirs)
    box.hidden = false
    part<HTMLButtonElement>(box, 'use-mine').focus()
  }
}
