// The map's twin: the same tickets as a table, sorted, linked to the shapes by hovering and focus.
import { part, whileOpen } from '../panel'
import { formatNumber, phrases } from '../text'
import { kilogramsOn } from '../ticket-states'
import { speciesWords, wordFor, type Words } from './facets'
import type { Known } from './filters'

const say = phrases({
  number: ['碳票编号', 'Ticket'],
  township: ['乡镇', 'Township'],
  state: ['状态', 'State'],
  tonnes: ['吨', 'Tonnes'],
  held: ['持有', 'Held'],
  listed: ['挂牌', 'Listed'],
  pledged: ['质押', 'Pledged'],
  offset: ['已抵消', 'Offset'],
  cancelled: ['已注销', 'Cancelled'],
  holder: ['持有人', 'Holder'],
  species: ['树种', 'Species'],
  none: ['没有符合条件的碳票', 'No ticket answers to the filter'],
  first: ['先列出 {shown} 张，共 {n} 张。', 'The first {shown} of {n}.'],
  more: ['再列 {n} 张', '{n} more']
})
const COLUMNS = ['number', 'township', 'state', 'tonnes', 'held', 'listed', 'pledged', 'offset', 'cancelled', 'holder', 'species'] as const
type Column = typeof COLUMNS[number]
type Mark = 'marked' | 'pointed'
const NUMERIC = new Set<Column>(['tonnes', 'held', 'listed', 'pledged', 'offset', 'cancelled'])
const SHOWN = 100
const collator = new Intl.Collator(document.documentElement.lang)

function inWords (a: string | number, b: string | number): number {
  return typeof a === 'number' ? a - Number(b) : collator.compare(a, String(b))
}
const KG_PER_TONNE = 1000

export class TicketTable {
  private readonly head: HTMLElement
  private readonly body: HTMLElement
  private readonly note: HTMLElement
  private readonly more: HTMLButtonElement
  private readonly drawn: (act: () => void) => void
  private rows: Known[] = []
  private listed = SHOWN
  private readonly areas: Record<Mark, string | null> = { marked: null, pointed: null }
  private sorted: { column: Column, down: boolean } = { column: 'number', down: true }

  constructor (root: ParentNode, private readonly words: Words, private readonly choose: (known: Known) => void, private readonly hover: (area: string | null) => void) {
    this.head = part(root, 'table-head')
    this.body = part(root, 'table-body')
    this.note = part(root, 'table-note')
    this.more = part(root, 'table-more')
    this.drawn = whileOpen(part(root, 'ticket-table'))
    this.more.textContent = say('more', { n: SHOWN })
    this.more.addEventListener('click', () => { this.listed += SHOWN; this.draw() })
    this.head.replaceChildren(...COLUMNS.map(column => {
      const cell = document.createElement('th')
      cell.scope = 'col'
      if (NUMERIC.has(column)) cell.className = 'number'
      const button = document.createElement('button')
      button.type = 'button'
      button.className = 'sort'
      button.textContent = say(column)
      button.addEventListener('click', () => {
        this.sorted = { column, down: this.sorted.column === column ? !this.sorted.down : NUMERIC.has(column) }
        this.draw()
      })
      cell.append(button)
      return cell
    }))
  }

  show (rows: Known[]): void {
    this.rows = rows
    this.listed = SHOWN
    this.drawn(() => this.draw())
  }

  /** The rows of the chosen area. */
  mark (area: string | null): void {
    this.areas.marked = area
    this.tell('marked')
  }

  /** The rows of the area under the pointer. */
  point (area: string | null): void {
    this.areas.pointed = area
    this.tell('pointed')
  }

  private tell (name: Mark): void {
    for (const row of this.body.querySelectorAll<HTMLElement>('tr')) row.classList.toggle(name, row.dataset.area === this.areas[name])
  }

  private draw (): void {
    const { column, down } = this.sorted
    this.head.querySelectorAll('th').forEach((cell, at) => {
      cell.setAttribute('aria-sort', COLUMNS[at] !== column ? 'none' : down ? 'descending' : 'ascending')
    })
    const sorted = this.sort(column, down)
    this.note.textContent = this.rows.length === 0 ? say('none') : sorted.length > this.listed ? say('first', { shown: formatNumber(this.listed), n: formatNumber(sorted.length) }) : ''
    this.note.hidden = this.note.textContent === ''
    this.more.hidden = sorted.length <= this.listed
    this.body.replaceChildren(...sorted.slice(0, this.listed).map(known => this.row(known)))
    this.tell('marked')
    this.tell('pointed')
  }

  /** Equal ones by number. Words are collated once each and rows compared as numbers: there may be tens of thousands. */
  private sort (column: Column, down: boolean): Known[] {
    if (column === 'number') return [...this.rows].sort((a, b) => (a.number < b.number) === down ? 1 : -1)
    const keys = this.rows.map(known => this.keyOf(known, column))
    const ranks = new Map([...new Set(keys)].sort(inWords).map((key, rank) => [key, rank]))
    const places = keys.map((key, place) => ({ rank: ranks.get(key)!, known: this.rows[place]! }))
    places.sort((a, b) => (down ? b.rank - a.rank : a.rank - b.rank) || (a.known.number < b.known.number ? -1 : 1))
    return places.map(({ known }) => known)
  }

  private keyOf (known: Known, column: Column): string | number {
    switch (column) {
      case 'number': return known.number
      case 'township': return wordFor(this.words, 'township', known.facts.township)
      case 'state': return wordFor(this.words, 'state', known.state)
      case 'tonnes': return kilogramsOn(known)
      case 'holder': return known.facts.holder
      case 'species': return speciesWords(this.words, known.facts.species)
      default: return known[`${column}_kg`]
    }
  }

  private row (known: Known): HTMLElement {
    const row = document.createElement('tr')
    row.dataset.area = known.area
    row.dataset.number = known.number
    row.append(...COLUMNS.map(column => {
      const value = this.keyOf(known, column)
      const cell = document.createElement(column === 'number' ? 'th' : 'td')
      if (column === 'number') {
        cell.setAttribute('scope', 'row')
        const button = document.createElement('button')
        button.type = 'button'
        button.className = 'link'
        button.textContent = known.number
        button.addEventListener('click', () => this.choose(known))
        cell.append(button)
      } else if (typeof value === 'number') {
        cell.className = 'number'
        cell.textContent = formatNumber(value / KG_PER_TONNE, value % KG_PER_TONNE === 0 ? 0 : 3)
      } else cell.textContent = value
      return cell
    }))
    for (const [event, area] of [['mouseenter', known.area], ['focusin', known.area], ['mouseleave', null], ['focusout', null]] as const) {
      row.addEventListener(event, () => this.hover(area))
    }
    return row
  }
}
