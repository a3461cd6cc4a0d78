// Other programmes' projects and planned harvests (article 6), read when they are first chosen.
import L from 'leaflet'
import { getJson } from '../server'
import { phrases } from '../text'
import type { TileJson } from '../tile-canvas'
import { exclusionTiles, type PickedExclusion } from '../vector-tiles'

const say = phrases({
  projects: ['其他机制项目（CCER、VCS 等）', 'Other programmes (CCER, VCS …)'],
  harvests: ['采伐规划', 'Planned harvests'],
  ccer: ['CCER 项目', 'CCER project'],
  vcs: ['VCS 项目', 'VCS project'],
  other: ['其他机制项目', 'Project of another programme'],
  clear_cut: ['采伐规划（主伐）', 'Planned harvest (felling)'],
  tending: ['采伐规划（抚育）', 'Planned harvest (tending)'],
  planned: ['拟申报／规划中', 'planned'],
  registered: ['已备案／已批准', 'registered'],
  ended: ['已结束', 'ended'],
  several: ['此处有 {n} 个排除范围，放大可查看单个。', '{n} exclusion areas here. Zoom in to see each.'],
  period: ['{from} 至 {to}', '{from} to {to}'],
  open: ['未定', 'open']
})
type Word = Parameters<typeof say>[0]
const PANE = 'exclusions'

/** Their names for the list of layers, and the layers; a click on one says what it is. */
export function exclusionLayers (map: L.Map, address: string, failed: (error: unknown) => void): Record<string, L.Layer> {
  map.createPane(PANE).style.zIndex = '320'
  return {
    [say('projects')]: onDemand(map, address, kind => kind !== 'harvest', failed),
    [say('harvests')]: onDemand(map, address, kind => kind === 'harvest', failed)
  }
}

function onDemand (map: L.Map, address: string, wanted: (kind: string) => boolean, failed: (error: unknown) => void): L.Layer {
  const group = L.layerGroup()
  let tiles: ReturnType<typeof exclusionTiles> | null = null
  const tell = (event: L.LeafletMouseEvent): void => {
    const found = tiles?.pick(event.latlng) ?? null
    if (found !== null) L.popup().setLatLng(event.latlng).setContent(words(found)).openOn(map)
  }
  group.on('add', () => {
    map.on('click', tell)
    if (tiles !== null) return
    getJson<TileJson>(address).then(read => {
      tiles = exclusionTiles(read, PANE, wanted)
      tiles.layer.on('load', () => { map.getContainer().dataset.exclusions = 'drawn' })
      group.addLayer(tiles.layer)
    }).catch(failed)
  })
  group.on('remove', () => { map.off('click', tell) })
  return group
}

function words (found: PickedExclusion): HTMLElement {
  const text = document.createElement('span')
  if (found.kind === '') {
    text.textContent = say('several', { n: found.n })
    return text
  }
  const what = say((found.method !== '' ? found.method : found.kind) as Word)
  const days = say('period', { from: found.from, to: found.to === '' ? say('open') : found.to })
  text.textContent = [what, found.number, say(found.status as Word), days].filter(part => part !== '').join(' · ')
  return text
}
