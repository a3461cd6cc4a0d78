// A bulk screening: its progress while it runs, its candidates on the map when it is done.
import L from 'leaflet'
import { getJson, postForm } from '../server'
import { stage, type StageConfig } from '../stage'
import { formatNumber, phrases } from '../text'

const POLL_MS = 700
const say = phrases({
  waiting: ['排队等待…', 'Waiting…'],
  running: ['已筛查 {done} / {total}', '{done} of {total} screened'],
  failed: ['没有读到：{why}', 'Could not be read: {why}'],
  shown: ['图上显示 {n} 个；放大可看更多。', '{n} are drawn; zoom in for more.'],
  hectares: ['{ha} 公顷', '{ha} ha']
})

interface Progress { state: string, done: number, total: number | null }
interface Config extends StageConfig { state: string, urls: { progress: string, cancel: string, map: string } }
interface Properties { id: string, verdict: string, gravest: string | null, area_ha: number | null }

const COLOURS: Record<string, string> = { clear: '#2e7d4f', warning: '#b7791f', conflict: '#b3261e' }

const root = document.getElementById('main')!
const config = JSON.parse(document.getElementById('screening-config')!.textContent!) as Config

function part<E extends HTMLElement> (name: string): E {
  return root.querySelector<E>(`[data-ref=${name}]`)!
}

function explain (error: unknown): void {
  if (error instanceof DOMException && error.name === 'AbortError') return
  const box = part('error')
  box.textContent = say('failed', { why: error instanceof Error ? error.message : String(error) })
  box.hidden = false
}

async function watch (): Promise<void> {
  part('running').hidden = false
  const bar = part<HTMLProgressElement>('bar')
  for (;;) {
    const now = await getJson<Progress>(config.urls.progress)
    if (now.state !== 'queued' && now.state !== 'running') { location.reload(); return }
    if (now.total !== null && now.total > 0) bar.value = now.done / now.total
    part('status').textContent = now.state === 'queued'
      ? say('waiting')
      : say('running', { done: formatNumber(now.done), total: now.total === null ? '…' : formatNumber(now.total) })
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
}

function described (properties: Properties): HTMLElement {
  const box = document.createElement('div')
  const name = document.createElement('strong')
  name.textContent = properties.id
  box.append(name)
  for (const line of [properties.area_ha === null ? '' : say('hectares', { ha: formatNumber(properties.area_ha, 4) }), properties.gravest ?? '']) {
    if (line === '') continue
    const words = document.createElement('p')
    words.textContent = line
    box.append(words)
  }
  return box
}

function showMap (element: HTMLElement): void {
  const { map, bases } = stage(element, config)
  bases.sketch!.addTo(map)
  map.setView([44, 81.3], 11)
  const drawn = L.geoJSON(undefined, {
    renderer: L.canvas({ padding: 0.3 }),
    style: feature => {
      const colour = COLOURS[(feature?.properties as Properties).verdict] ?? '#555'
      return { color: colour, weight: 1, fillColor: colour, fillOpacity: 0.4 }
    },
    onEachFeature: (feature, layer) => { layer.bindPopup(() => described(feature.properties as Properties)) }
  } as L.GeoJSONOptions).addTo(map)
  let pending: AbortController | null = null
  let first = true
  const load = async (): Promise<void> => {
    pending?.abort()
    pending = new AbortController()
    const box = first ? '73,35,97,50' : map.getBounds().toBBoxString()
    const found = await getJson<GeoJSON.FeatureCollection>(`${config.urls.map}?bbox=${box}`, { signal: pending.signal })
    drawn.clearLayers()
    drawn.addData(found)
    root.dataset.drawn = String(found.features.length)
    part('map-note').textContent = say('shown', { n: formatNumber(found.features.length) })
    if (first) {
      first = false
      if (found.features.length > 0) map.fitBounds(drawn.getBounds(), { padding: [20, 20], maxZoom: 17 })
    }
  }
  const reload = (): void => { load().catch(explain) }
  reload()
  map.on('moveend', () => { if (!first) reload() })
  for (const button of root.querySelectorAll<HTMLButtonElement>('[data-lon]')) {
    button.addEventListener('click', () => {
      map.setView([Number(button.dataset.lat), Number(button.dataset.lon)], 16)
      element.scrollIntoView({ block: 'center' })
      element.focus({ preventScroll: true })
    })
  }
}

if (config.state === 'queued' || config.state === 'running') watch().catch(explain)
root.querySelector('[data-act=cancel]')?.addEventListener('click', () => {
  postForm<Progress>(config.urls.cancel, new FormData()).catch(explain)
})
const element = root.querySelector<HTMLElement>('[data-ref=map]')
if (element !== null) showMap(element)
