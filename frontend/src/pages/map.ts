// The map on the home page.
import L from 'leaflet'
import { hasRoom, legend } from '../legend'
import { Panel, part, type ParcelFeature } from '../panel'
import { readAddress, writeAddress } from '../permalink'
import { exclusionLayers } from '../public/exclusion-layers'
import { justiceLayer } from '../public/justice-layer'
import { Notice, watchNetwork, watchTiles } from '../public/notice'
import { shareBox } from '../public/share'
import { TicketMap, type TicketConfig } from '../public/ticket-map'
import { searchBox, type Found } from '../search'
import { getJson, Offline, Refused } from '../server'
import { CITY, clickByKeyboard, fullScreenControl, readout, stage, type StageConfig } from '../stage'
import { formatNumber, text } from '../text'
import type { TileJson } from '../tile-canvas'
import { parcelLayer } from '../vector-tiles'

interface Config extends StageConfig, TicketConfig { staff: boolean, parcels: string, search: string, parcelApi: string, justice: string, exclusions: string }

const DETAIL_ZOOM = 14
const TICKET_KINDS = new Set(['ticket', 'project', 'filing', 'offset'])

async function start (): Promise<void> {
  const config = JSON.parse(document.getElementById('map-config')!.textContent!) as Config
  const root = document.getElementById('main')!
  const notice = new Notice(root)
  const say = (message: string | null): void => notice.show(message)
  const { map, bases, names } = stage(part(root, 'map'), config)
  // A phone shows the whole city too, one step smaller.
  const before = readAddress(matchMedia('(min-width: 760px)').matches ? CITY : { ...CITY, zoom: CITY.zoom - 1 })
  let base = before.base !== null && before.base in bases ? before.base : 'sketch'
  let hidden = before.hidden
  let selected: string | null = null
  map.createPane('parcels').style.zIndex = '300'
  watchTiles(map, root)
  bases[base]!.addTo(map)
  readout(map, part(root, 'readout'))
  legend(part(root, 'legend'))
  const shared = shareBox(root)
  part<HTMLDetailsElement>(root, 'ticket-legend-box').open = hasRoom(part<HTMLElement>(root, 'map').parentElement!)
  fullScreenControl(map, part<HTMLElement>(root, 'map').parentElement!)
  map.setView([before.lat, before.lon], before.zoom)

  let remember = (): void => {}
  let tiles: TileJson
  try {
    tiles = await getJson<TileJson>(config.parcels)
  } catch (error) {
    notice.show(error instanceof Refused ? text('failed') + error.message : text('offline'), () => location.reload())
    return
  }
  const parcels = parcelLayer(tiles)
  if (!hidden) parcels.layer.addTo(map)
  const tickets = await TicketMap.open(map, root, config, before.options, notice, () => remember())
  const unread = (error: unknown): void => say(error instanceof Refused ? text('failed') + error.message : text('offline'))
  const justice = justiceLayer(config.justice, unread)
  const control = L.control.layers(
    Object.fromEntries(Object.entries(bases).map(([id, layer]) => [names[id]!, layer])),
    { [text('parcels')]: parcels.layer, ...(tickets === null ? {} : { [tickets.name]: tickets.layer.layer }), [justice.name]: justice.layer, ...exclusionLayers(map, config.exclusions, unread) },
    { position: 'topright' }
  ).addTo(map)
  for (const name of ['title', 'aria-label']) control.getContainer()?.querySelector('a')?.setAttribute(name, text('layers'))

  remember = () => {
    const more = new URLSearchParams()
    tickets?.remember(more)
    writeAddress(map, { base, hidden, parcel: selected }, more)
    shared()
  }
  map.on('baselayerchange', event => {
    base = Object.keys(bases).find(id => bases[id] === (event as L.LayersControlEvent).layer) ?? 'sketch'
    remember()
  })
  map.on('overlayadd overlayremove', event => {
    if ((event as L.LayersControlEvent).layer !== parcels.layer) return
    hidden = event.type === 'overlayremove'
    remember()
  })

  let loading: AbortController | null = null
  const panel = new Panel(part(root, 'panel'), () => { void select(null); tickets?.close() })
  const select = async (uid: string | null, move = false): Promise<void> => {
    loading?.abort()
    selected = uid
    parcels.select(uid)
    remember()
    if (uid === null) { panel.clear(); return }
    loading = new AbortController()
    say(text('loading'))
    try {
      const facts = await getJson<ParcelFeature>(`${config.parcelApi}${encodeURIComponent(uid)}/`, { signal: loading.signal })
      panel.show(facts.properties)
      if (move) map.fitBounds([[facts.bbox[1], facts.bbox[0]], [facts.bbox[3], facts.bbox[2]]], { maxZoom: 16 })
      say(null)
    } catch (error) {
      if (error instanceof Offline) say(text('offline'))
      else if (error instanceof Refused) { say(error.message); panel.clear() }
    }
  }
  map.on('click', event => {
    say(null)
    if (tickets !== null && tickets.select(tickets.pick(event.latlng))) { void select(null); return }
    const found = parcels.pick(event.latlng)
    if (found === null) void select(null)
    else if (found.uid !== null) void select(found.uid)
    else {
      say(text('sum', { n: formatNumber(found.n), ha: formatNumber(found.areaM2 / 10000, 1) }))
    }
  })
  clickByKeyboard(map)
  let hover = 0
  map.on('mousemove', event => {
    cancelAnimationFrame(hover)
    hover = requestAnimationFrame(() => {
      const area = tickets?.pick(event.latlng) ?? null
      tickets?.point(area)
      map.getContainer().classList.toggle('over-shape', area !== null || (!hidden && parcels.pick(event.latlng) !== null))
    })
  })
  map.getContainer().addEventListener('mouseleave', () => { cancelAnimationFrame(hover); tickets?.point(null) })

  searchBox(part(root, 'search'), config.search, (found: Found) => {
    if (found.bbox !== null) map.fitBounds([[found.bbox[1], found.bbox[0]], [found.bbox[3], found.bbox[2]]], { maxZoom: 16 })
    else map.setView([found.lat, found.lon], Math.max(map.getZoom(), DETAIL_ZOOM))
    if (found.kind === 'coordinate') L.circleMarker([found.lat, found.lon], { radius: 6, color: '#8a4b00', interactive: false }).addTo(map)
    if (TICKET_KINDS.has(found.kind)) { void select(null); say(null); tickets?.find(found.label, found.uid!); remember() } else void select(found.uid)
  })

  watchNetwork(root, () => { void tickets?.again() })
  listInView(map, root, config, uid => { void select(uid, true) })
  map.on('moveend', remember)
  // Another view typed or pasted into the address; what the map writes there itself is no such change.
  window.addEventListener('hashchange', () => { if (/^#\d/.test(location.hash)) location.reload() })
  if (before.parcel !== null) void select(before.parcel, location.hash === '' )
  map.getContainer().dataset.ready = 'true'
}

interface InView { count: number, features: Array<{ id: string, properties: { title: string, state_label: string, area_ha: number } }> }

/** The accessible twin of the map: what lies in the present view, as a list. */
function listInView (map: L.Map, root: HTMLElement, config: Config, choose: (uid: string) => void): void {
  const box = part<HTMLDetailsElement>(root, 'in-view')
  const list = part<HTMLElement>(root, 'in-view-list')
  const count = part<HTMLElement>(root, 'in-view-count')
  let pending: AbortController | null = null
  const refresh = async (): Promise<void> => {
    if (!box.open) return
    pending?.abort()
    pending = new AbortController()
    const bounds = map.getBounds()
    const bbox = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map(value => value.toFixed(6)).join(',')
    try {
      const found = await getJson<InView>(`${config.parcelApi}?bbox=${bbox}&limit=50`, { signal: pending.signal })
      count.textContent = `(${text('parcelCount', { n: formatNumber(found.count) })})`
      list.replaceChildren(...found.features.map(({ id, properties: row }) => {
        const item = document.createElement('li')
        const button = document.createElement('button')
        button.type = 'button'
        button.className = 'row'
        const name = document.createElement('span')
        name.textContent = row.title
        const area = document.createElement('small')
        area.textContent = `${text('hectares', { ha: formatNumber(row.area_ha, 2) })} · ${row.state_label}`
        button.append(name, area)
        button.addEventListener('click', () => choose(id))
        item.append(button)
        return item
      }))
      if (found.features.length === 0) {
        const item = document.createElement('li')
        item.className = 'muted'
        item.textContent = text('noParcelsHere')
        list.replaceChildren(item)
      }
    } catch (error) {
      if (error instanceof Offline || error instanceof Refused) count.textContent = text('offline')
    }
  }
  box.addEventListener('toggle', () => { void refresh() })
  map.on('moveend', () => { void refresh() })
}

void start()
