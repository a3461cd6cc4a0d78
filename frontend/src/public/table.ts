// The map's twin: the same tickets as a table, sorted, linked to the shapes by hovering and focus.
import { part } from '../panel'
import { formatNumber, phrases } from '../text'
import { wordFor, type Words } from './facets'
import { kilogramsOn, type Known } from './filters'

const say = phrases({
  number: ['碳票编号', 'Ticket'],
  township: ['乡镇', 'Township'],
  state: ['状态', 'State'],
  tonnes: ['吨', 'Tonnes'],
  held: ['持有', 'Held'],
  offset: ['已抵消', 'Offset'],
  none: ['没有符合条件的碳票', 'No ticket answers to the filter'],
  first: ['先列出 {shown} 张，共 {n} 张；缩小筛选可看其余。', 'The first {shown} of {n}; filter to see the rest.']
})
type Column = 'number' | 'township' | 'state' | 'tonnes' | 'held' | 'offset'
const COLUMNS: Column[] = ['number', 'township', 'state', 'tonnes', 'held', 'offset']
const NUMERIC = new Set<Column>(['tonnes', 'held', 'offset'])
const SHOWN = 200
const collator = new Intl.Collator(document.documentElement.lang)

function inWords (a: string | number, b: string | number): number {
  return typeof a === 'number' ? a - Number(b) : collator.compare(a, String(b))
}
const KG_PER_TONNE = 1000

export class TicketTable {
  private readonly head: HTMLElement
  private readonly body: HTMLElement
  private readonly note: HTMLElement
  private rows: Known[] = []
  private sorted: { column: Column, down: boolean } = { column: 'number', down: true }

  constructor (root: ParentNode, private readonly words: Words, private readonly choose: (known: Known) => void, private readonly hover: (area: string | null) => void) {
    this.head = part(root, 'table-head')
    this.body = part(root, 'table-body')
    this.note = part(root, 'table-note')
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
    this.draw()
  }

  /** The rows of the chosen area. */
  mark (area: string | null): void {
    this.toggle('marked', area)
  }

  /** The rows of the area under the pointer. */
  point (area: string | null): void {
    this.toggle('pointed', area)
  }

  private toggle (name: string, area: string | null): void {
    for (const row of this.body.querySelectorAll<HTMLElement>('tr')) row.classList.toggle(name, area !== null && row.dataset.area === area)
  }

  private draw (): void {
    const { column, down } = this.sorted
    this.head.querySelectorAll('th').forEach((cell, at) => {
      cell.setAttribute('aria-sort', COLUMNS[at] !== column ? 'none' : down ? 'descending' : 'ascending')
    })
    const sorted = this.sort(column, down)
    this.note.textContent = this.rows.length === 0 ? say('none') : sorted.length > SHOWN ? say('first', { shown: SHOWN, n: formatNumber(sorted.length) }) : ''
    this.note.hidden = this.note.textContent === ''
    this.body.replaceChildren(...sorted.slice(0, SHOWN).map(known => this.row(known)))
  }

  /** Equal ones by number. Words are collated once each and rows compared as numbers: there may be tens of thousands. */
  private sort (column: Column, down: boolean): Known[] {
    const keys = this.rows.map(known => this.keyOf(known, column))
    const ranks = new Map([...new Set(keys)].sort(column === 'number' ? undefined : inWords).map((key, rank) => [key, rank]))
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
      case 'held': return known.held_kg
      case 'offset': return known.offset_kg
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
