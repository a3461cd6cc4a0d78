// Tickets on the home map: their areas, the legend, the tonnes by state, and the day they are read for.
import L from 'leaflet'
import { part } from './panel'
import { getJson, Offline, Refused } from './server'
import { formatNumber, phrases, text } from './text'
import { swatch, ticketLayer, TICKET_LOOKS, type TicketLayer } from './ticket-layer'
import { AREA_STATES, byArea, KG_STATES, readStates, type AreaSum, type StateTable } from './ticket-states'
import type { TileJson } from './vector-tiles'

export interface TicketConfig { tickets: string, ticketStates: string, ticketPage: string }

const KG_PER_TONNE = 1000
const say = phrases({
  tickets: ['林业碳票', 'Carbon tickets'],
  issued: ['已制发', 'Issued'],
  partly: ['部分已抵消', 'Partly offset'],
  used: ['全部抵消', 'Wholly offset'],
  listed: ['挂牌', 'Listed'],
  pledged: ['质押', 'Pledged'],
  frozen: ['冻结', 'Frozen'],
  notice: ['挂失公告', 'Loss notice'],
  cancelled: ['已注销', 'Cancelled'],
  held: ['持有', 'Held'],
  offset: ['已抵消', 'Offset'],
  tonnes: ['{t} 吨', '{t} t'],
  area: ['项目范围上的碳票', 'Tickets of this area'],
  none: ['当日还没有碳票', 'No tickets on that day']
})

export interface TicketMap { layer: TicketLayer, name: string, pick: (at: L.LatLng) => string | null, select: (area: string | null) => boolean }

/** Null when the shapes cannot be read: the map of parcels goes on without them. */
export async function ticketMap (map: L.Map, root: HTMLElement, config: TicketConfig, note: (message: string | null) => void): Promise<TicketMap | null> {
  map.createPane('tickets').style.zIndex = '310'
  let tiles: TileJson
  try {
    tiles = await getJson<TileJson>(config.tickets)
  } catch (error) {
    note(error instanceof Refused ? text('failed') + error.message : text('offline'))
    return null
  }
  const layer = ticketLayer(tiles)
  layer.layer.addTo(map)
  legend(part(root, 'legend'))
  let areas = new Map<string, AreaSum>()
  let chosen: string | null = null
  const day = part<HTMLInputElement>(root, 'ticket-day')
  const facts = part<HTMLElement>(root, 'ticket-facts')

  const select = (area: string | null): boolean => {
    const sum = area === null ? undefined : areas.get(area)
    chosen = sum === undefined ? null : area
    layer.select(chosen)
    facts.hidden = sum === undefined
    if (sum !== undefined) facts.replaceChildren(...factsOf(sum, config.ticketPage))
    return sum !== undefined
  }
  let loading: AbortController | null = null
  const load = async (): Promise<void> => {
    loading?.abort()
    loading = new AbortController()
    try {
      const table = await readStates(config.ticketStates, day.value, loading.signal)
      areas = byArea(table)
      layer.show(areas)
      part(root, 'ticket-sums').replaceChildren(...sumsOf(table))
      select(chosen)
      root.dataset.ticketsReady = String(table.entry)
    } catch (error) {
      if (error instanceof Offline) note(text('offline'))
      else if (error instanceof Refused) note(error.message)
    }
  }
  day.addEventListener('change', () => { void load() })
  await load()
  return { layer, name: say('tickets'), pick: at => layer.pick(at), select }
}

function tonnes (kilograms: number): string {
  return say('tonnes', { t: formatNumber(kilograms / KG_PER_TONNE, kilograms % KG_PER_TONNE === 0 ? 0 : 3) })
}

function line (mark: string, label: string, value: string): HTMLElement {
  const item = document.createElement('li')
  const dot = document.createElement('span')
  dot.className = `kg-mark ${mark}`
  dot.setAttribute('aria-hidden', 'true')
  const strong = document.createElement('strong')
  strong.textContent = value
  item.append(dot, `${label} `, strong)
  item.dataset.state = mark
  return item
}

function sumsOf (table: StateTable): Node[] {
  const rows = KG_STATES.filter(state => (table.totals[state] ?? 0) > 0).map(state => line(state, say(state), tonnes(table.totals[state]!)))
  if (rows.length > 0) return rows
  const item = document.createElement('li')
  item.className = 'muted'
  item.textContent = say('none')
  return [item]
}

function factsOf (sum: AreaSum, page: string): Node[] {
  const head = document.createElement('h3')
  head.textContent = say('area')
  const badge = document.createElement('span')
  badge.className = 'badge'
  badge.textContent = say(sum.state)
  const sums = document.createElement('ul')
  sums.className = 'kg-bars'
  sums.append(...KG_STATES.filter(state => sum.kilograms[state] > 0).map(state => line(state, say(state), tonnes(sum.kilograms[state]))))
  const list = document.createElement('ul')
  list.className = 'rows'
  list.append(...sum.tickets.map(row => {
    const item = document.createElement('li')
    const link = document.createElement('a')
    link.href = page.replace('NUMBER', encodeURIComponent(row.number))
    link.textContent = row.number
    const amount = document.createElement('small')
    amount.textContent = ` ${tonnes(KG_STATES.reduce((total, state) => total + row[`${state}_kg`], 0))}`
    item.append(link, amount)
    return item
  }))
  head.append(' ', badge)
  return [head, sums, list]
}

function legend (root: HTMLElement): void {
  const list = root.querySelector('ul')
  if (list === null) return
  for (const state of [...AREA_STATES].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b))) {
    const item = document.createElement('li')
    const mark = swatch(state)
    mark.className = 'swatch'
    mark.style.borderColor = TICKET_LOOKS[state].line
    item.append(mark, say(state))
    list.append(item)
  }
}

const ORDER = ['issued', 'listed', 'pledged', 'partly', 'used', 'cancelled', 'frozen', 'notice']
