// Tickets on the home map: shapes, table, filters, sums and time, all from one table of states.
import L from 'leaflet'
import { part } from '../panel'
import { getJson, Offline, Refused } from '../server'
import { phrases, text } from '../text'
import { byArea, readStates, sumOf, type AreaSum, type StateTable } from '../ticket-states'
import type { TileJson } from '../tile-canvas'
import { readStory, storyNodes, type Story } from './area-story'
import { Clusters } from './clusters'
import { Facets, type Words } from './facets'
import { asOfDay, filterFrom, filterInto, isEmpty, paintedOn, passing, type Known, type TicketFacts } from './filters'
import type { Notice } from './notice'
import { TicketTable } from './table'
import { ticketLayer, type TicketLayer } from './ticket-layer'
import { areaNodes, asOf, compared, countLine, legendOf, sumLines } from './ticket-panel'
import { Timeline } from './timeline'

export interface TicketConfig {
  tickets: string
  ticketStates: string
  ticketFacts: string
  ticketStory: string
  ticketPage: string
  complaintPage: string
}

interface AllFacts { entry: number, today: string, first_day: string, words: Words, tickets: TicketFacts[] }

const say = phrases({
  tickets: ['林业碳票', 'Carbon tickets'],
  filtered: ['{number} 被筛选条件挡住了', '{number} is hidden by the filter'],
  clear: ['清除筛选', 'Clear filters'],
  later: ['{number} 在 {day} 还没有制发', '{number} was not issued yet on {day}'],
  today: ['回到今天', 'Back to today']
})
// A slider that is dragged asks for fewer days than a server before the portal lets one address ask.
const ASKED_EVERY_MS = 80
const TOO_MANY = 429
// A day that has passed never changes: the slider comes back to it without asking again, as long as memory allows.
const KEPT_ROWS = 1_000_000

export class TicketMap {
  readonly name = say('tickets')
  private facts = new Map<string, TicketFacts>()
  private words: Words = {}
  private filter = filterFrom(new URLSearchParams())
  private table: StateTable = { day: '', at: null, entry: 0, totals: {}, tickets: [] }
  private known: Known[] = []
  private shown: Known[] = []
  private areas = new Map<string, AreaSum<Known>>()
  private day = ''
  private wanted = ''
  private askedAt = 0
  private chosen: string | null = null
  private named = ''
  private other = ''
  private loading: AbortController | null = null
  private telling: AbortController | null = null
  private comparing: AbortController | null = null
  private told: { key: string, story: Story } | null = null
  private readonly past = new Map<string, StateTable>()
  private joined = new WeakMap<StateTable, Known[]>()
  private readonly clusters: Clusters
  private timeline!: Timeline
  private facets!: Facets
  private list!: TicketTable

  private constructor (private readonly map: L.Map, private readonly root: HTMLElement, private readonly config: TicketConfig,
    readonly layer: TicketLayer, private readonly notice: Notice, private readonly changed: () => void) {
    this.clusters = new Clusters(map)
    map.on('moveend', () => { this.drawLegend(); this.link() })
  }

  /** Null when the shapes or facts cannot be read: the map of parcels goes on without them. */
  static async open (map: L.Map, root: HTMLElement, config: TicketConfig, address: URLSearchParams,
    notice: Notice, changed: () => void): Promise<TicketMap | null> {
    map.createPane('tickets').style.zIndex = '310'
    try {
      const [tiles, facts] = await Promise.all([getJson<TileJson>(config.tickets), getJson<AllFacts>(config.ticketFacts)])
      const made = new TicketMap(map, root, config, ticketLayer(tiles), notice, changed)
      made.layer.layer.addTo(map)
      await made.begin(facts, address)
      return made
    } catch (error) {
      notice.show(error instanceof Refused ? text('failed') + error.message : text('offline'), () => location.reload())
      part(root, 'ticket-panel').setAttribute('aria-busy', 'false')
      part(root, 'ticket-count').textContent = ''
      return null
    }
  }

  pick (at: L.LatLng): string | null {
    return this.layer.pick(at)
  }

  /** The area under the pointer, on the map and in the table alike. */
  point (area: string | null): void {
    this.layer.hover(area)
    this.list.point(area)
  }

  /** A hit of the search: chosen, or said why it is not on the map. */
  find (label: string, area: string): void {
    const facts = this.facts.get(label) ?? [...this.facts.values()].find(one => one.area === area)
    if (facts === undefined) return
    if (this.select(paintedOn(facts), false, facts.number)) this.changed()
    else if (this.known.some(known => known.area === paintedOn(facts))) {
      this.notice.show(say('filtered', { number: label }), () => { this.facets.clear(); this.find(label, area) }, say('clear'))
    } else if (this.day !== '') {
      this.notice.show(say('later', { number: label, day: this.day }), () => { void this.goTo('').then(() => this.find(label, area)) }, say('today'))
    }
  }

  /** True when the area carries tickets at this moment. ``number``: the ticket that was asked for. */
  select (area: string | null, move = false, number = ''): boolean {
    const sum = area === null ? undefined : this.areas.get(area)
    if (number !== '' || area !== this.chosen) this.named = number
    this.chosen = sum === undefined ? null : area
    this.layer.select(this.chosen)
    this.list.mark(this.chosen)
    const box = part<HTMLElement>(this.root, 'ticket-facts')
    box.hidden = sum === undefined
    if (sum !== undefined) {
      box.replaceChildren(...areaNodes(sum, this.words, this.day, this.table.entry, { ticket: this.config.ticketPage, complain: this.config.complaintPage }, { share: () => this.openShare(), close: () => this.close() }))
      void this.tell(area!)
      if (move) {
        const [west, south, east, north] = sum.tickets[0]!.facts.bbox
        this.map.fitBounds([[south, west], [north, east]], { maxZoom: 15, padding: [40, 40] })
        box.querySelector('h3')?.focus({ preventScroll: false })
      }
    }
    return sum !== undefined
  }

  /** Nothing is chosen any more; the focus goes back to the map. */
  close (): void {
    if (this.chosen === null) return
    this.select(null)
    this.changed()
    this.map.getContainer().focus({ preventScroll: true })
  }

  private openShare (): void {
    const box = part<HTMLDetailsElement>(this.root, 'share')
    box.open = true
    box.scrollIntoView({ block: 'nearest' })
    part<HTMLElement>(box, 'share-copy').focus()
  }

  /** What the address remembers of the tickets. */
  remember (address: URLSearchParams): void {
    filterInto(address, this.filter)
    if (this.day !== '') address.set('at', this.day)
    if (this.other !== '') address.set('compare', this.other)
    const ticket = this.chosen === null ? undefined : this.areas.get(this.chosen)?.tickets[0]
    if (ticket !== undefined) address.set('ticket', this.named === '' ? ticket.number : this.named)
  }

  private async begin (facts: AllFacts, address: URLSearchParams): Promise<void> {
    this.learn(facts)
    this.words = facts.words
    this.filter = filterFrom(address)
    this.timeline = new Timeline(this.root, facts.first_day, facts.today, day => this.goTo(day))
    this.facets = new Facets(this.root, this.words, this.filter, filter => { this.filter = filter; this.refresh(); this.changed() })
    part(this.root, 'empty-reset').addEventListener('click', () => this.facets.clear())
    this.list = new TicketTable(this.root, this.words, known => { this.select(known.area, true, known.number); this.changed() }, area => this.layer.hover(area))
    const compare = part<HTMLInputElement>(this.root, 'compare-day')
    compare.min = facts.first_day
    compare.max = facts.today
    compare.value = this.other = this.timeline.within(address.get('compare'))
    compare.addEventListener('change', () => { this.other = this.timeline.within(compare.value); void this.compare(); this.changed() })
    if (this.other !== '') part<HTMLDetailsElement>(this.root, 'compare').open = true
    this.wanted = this.timeline.within(address.get('at'))
    this.timeline.show(this.wanted)
    await this.load()
    const number = address.get('ticket') ?? ''
    const named = this.facts.get(number)
    if (named !== undefined) this.select(paintedOn(named), location.hash === '', number)
  }

  private async goTo (day: string): Promise<void> {
    this.wanted = day
    await this.load()
    this.changed()
  }

  private async tableOf (day: string, signal: AbortSignal): Promise<StateTable> {
    const kept = this.past.get(day)
    if (kept !== undefined) return kept
    const wait = this.askedAt + ASKED_EVERY_MS - performance.now()
    if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
    signal.throwIfAborted()
    this.askedAt = performance.now()
    const table = await readStates(this.config.ticketStates, day, signal)
    if (day !== '') {
      if ((this.past.size + 1) * table.tickets.length > KEPT_ROWS) this.past.clear()
      this.past.set(day, table)
    }
    return table
  }

  /** The table's own rows with their facts: copies of all days that are kept would take twice the memory. */
  private join (table: StateTable): Known[] {
    const before = this.joined.get(table)
    if (before !== undefined) return before
    const known: Known[] = []
    for (const row of table.tickets) {
      const facts = this.facts.get(row.number)
      if (facts !== undefined) known.push(Object.assign(row, { area: paintedOn(facts), facts: asOfDay(facts, table.day) }))
    }
    this.joined.set(table, known)
    return known
  }

  private learn (facts: AllFacts): void {
    this.facts = new Map(facts.tickets.map(one => [one.number, one]))
    this.joined = new WeakMap()
  }

  private async load (): Promise<void> {
    this.loading?.abort()
    const mine = this.loading = new AbortController()
    const day = this.wanted
    try {
      const table = await this.tableOf(day, mine.signal)
      if (mine.signal.aborted) return
      if (table.tickets.some(row => !this.facts.has(row.number))) {
        // Issued since the page was opened.
        this.learn(await getJson<AllFacts>(this.config.ticketFacts, { signal: mine.signal }))
      }
      this.table = table
      this.day = day
      this.timeline.show(day)
      this.known = this.join(table)
      this.notice.show(null)
      this.refresh()
      await this.compare()
    } catch (error) {
      if (!(error instanceof Offline || error instanceof Refused)) return
      // The slider goes back to the day that is shown; what was wanted is tried again.
      this.timeline.show(this.day)
      this.notice.show(error instanceof Offline ? text('offline') : text('failed') + error.message, () => { void this.again() })
      if (error instanceof Refused && error.status === TOO_MANY) setTimeout(() => { if (this.loading === mine) void this.again() }, error.retryAfterMs)
    } finally {
      if (!mine.signal.aborted) part(this.root, 'ticket-panel').setAttribute('aria-busy', 'false')
    }
  }

  /** The day that is wanted once more, and what became of the tonnes meanwhile. */
  async again (): Promise<void> {
    await this.load()
    this.changed()
  }

  private async tell (area: string): Promise<void> {
    const key = `${area} ${this.day} ${this.table.entry}`
    const box = part<HTMLElement>(this.root, 'ticket-facts').querySelector<HTMLElement>('.area-story')!
    // What another moment's story answers late must not stand under this one.
    this.telling?.abort()
    if (this.told?.key !== key) {
      const mine = this.telling = new AbortController()
      box.textContent = text('loading')
      try {
        this.told = { key, story: await readStory(this.config.ticketStory, area, this.day, mine.signal) }
      } catch (error) {
        if (mine.signal.aborted) return
        box.textContent = error instanceof Refused ? text('failed') + error.message : text('offline')
        return
      }
    }
    const now = part<HTMLElement>(this.root, 'ticket-facts').querySelector<HTMLElement>('.area-story')
    if (this.chosen === area) now?.replaceChildren(...storyNodes(this.told!.story, this.config.ticketPage, this.day))
  }

  private refresh (): void {
    this.shown = passing(this.known, this.filter)
    this.areas = byArea(this.shown)
    this.layer.show(this.areas)
    this.clusters.show(this.shown)
    this.facets.show(this.known)
    this.list.show(this.shown)
    part(this.root, 'ticket-count').textContent = countLine(this.shown)
    part(this.root, 'as-of').textContent = asOf(this.day, this.table.entry)
    part(this.root, 'ticket-sums').replaceChildren(...sumLines(sumOf(this.shown)))
    part<HTMLElement>(this.root, 'empty').hidden = this.shown.length > 0 || this.known.length === 0 || isEmpty(this.filter)
    this.drawLegend()
    this.select(this.chosen)
    this.link()
    this.root.dataset.ticketsReady = String(this.table.entry)
    this.root.dataset.ticketsDay = this.day
  }

  private drawLegend (): void {
    const view = this.map.getBounds()
    const [left, low, right, high] = [view.getWest(), view.getSouth(), view.getEast(), view.getNorth()]
    const seen = this.shown.filter(({ facts: { bbox: [west, south, east, north] } }) => west <= right && east >= left && south <= high && north >= low)
    part(this.root, 'ticket-legend').replaceChildren(...legendOf(seen, sumOf(seen)))
  }

  private async compare (): Promise<void> {
    const box = part<HTMLElement>(this.root, 'compare-table')
    this.comparing?.abort()
    box.hidden = this.other === ''
    if (this.other === '') return
    const mine = this.comparing = new AbortController()
    try {
      const table = await this.tableOf(this.other, mine.signal)
      if (mine.signal.aborted) return
      part(this.root, 'compare-rows').replaceChildren(...compared(sumOf(passing(this.join(table), this.filter)), sumOf(this.shown)))
    } catch (error) {
      if (!(error instanceof Offline || error instanceof Refused)) return
      box.hidden = true
      this.notice.show(error instanceof Offline ? text('offline') : text('failed') + error.message, () => { void this.compare() })
    }
  }

  /** Downloads are of what is filtered, prints of what the map shows of it. */
  private link (): void {
    const bounds = this.map.getBounds()
    const view = [Math.max(-180, bounds.getWest()), Math.max(-90, bounds.getSouth()), Math.min(180, bounds.getEast()), Math.min(90, bounds.getNorth())]
      .map(degrees => degrees.toFixed(5)).join(',')
    const query = new URLSearchParams()
    filterInto(query, this.filter)
    if (this.day !== '') query.set('at', this.day)
    for (const link of this.root.querySelectorAll<HTMLAnchorElement>('a[data-filtered]')) {
      const own = new URLSearchParams(query)
      for (const [name, value] of new URLSearchParams(link.dataset.filtered)) own.set(name, value)
      if (own.has('paper')) own.set('bbox', view)
      link.search = own.toString()
    }
  }
}
