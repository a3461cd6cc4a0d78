// The vertex table: every corner with typed coordinates; the whole page can be used from here.
import { part } from '../panel'
import { button } from './findings'
import { formatted, parsed, type Notation } from './notation'
import { say } from './say'
import { copy, type Position, type Ring, type Shape } from './shape'

interface Row { cells: [string, string], at: Position | null }
interface Place { part: number, ring: number }

const ROWS_AT_ONCE = 200
const EMPTY_ROWS = 4
const EXAMPLES: Record<Notation, string> = {
  degrees: '81.312345678 / 43.912345678',
  dms: '81°18′44.44444″ / 43°54′44.44444″',
  plane: '4864321.1234 / 524321.1234'
}

export class VertexTable {
  private readonly ringChoice: HTMLSelectElement
  private readonly notation: HTMLSelectElement
  private readonly body: HTMLElement
  private readonly trouble: HTMLElement
  private readonly where: HTMLElement
  private shape: Shape = []
  private place: Place = { part: 0, ring: 0 }
  private rows: Row[] = []
  private first = 0

  constructor (private readonly root: HTMLElement, private readonly changed: (shape: Shape) => void, private readonly marked: (at: Position | null) => void) {
    this.ringChoice = part(root, 'ring')
    this.notation = part(root, 'notation')
    this.body = part(root, 'vertex-rows')
    this.trouble = part(root, 'vertex-trouble')
    this.where = part(root, 'vertex-page')
    this.ringChoice.addEventListener('change', () => { this.choose(JSON.parse(this.ringChoice.value) as Place) })
    this.notation.addEventListener('change', () => { this.reread(); this.draw() })
    part(root, 'vertex-back').addEventListener('click', () => { this.turn(-ROWS_AT_ONCE) })
    part(root, 'vertex-on').addEventListener('click', () => { this.turn(ROWS_AT_ONCE) })
    part(root, 'vertex-add').addEventListener('click', () => { this.insert(this.rows.length - 1) })
    part<HTMLDetailsElement>(root, 'vertex-box').addEventListener('toggle', () => { this.draw() })
    this.show([])
  }

  show (shape: Shape): void {
    this.shape = copy(shape)
    const ring = this.shape[this.place.part]?.[this.place.ring]
    if (ring === undefined && !this.isNew()) this.place = { part: 0, ring: 0 }
    this.reread()
    this.draw()
  }

  /** From the map: this vertex was tapped. */
  point (place: Place, vertex: number): void {
    this.place = place
    this.first = Math.floor(vertex / ROWS_AT_ONCE) * ROWS_AT_ONCE
    this.reread()
    this.draw()
    this.body.querySelector(`[data-row="${vertex}"]`)?.scrollIntoView({ block: 'nearest' })
  }

  get chosen (): Place { return this.place }

  private isNew (): boolean {
    const place = this.place
    return place.part === this.shape.length || (place.part < this.shape.length && place.ring === this.shape[place.part]!.length)
  }

  private get now (): Notation { return this.notation.value as Notation }

  private reread (): void {
    const ring = this.shape[this.place.part]?.[this.place.ring]
    this.rows = ring === undefined
      ? Array.from({ length: EMPTY_ROWS }, () => ({ cells: ['', ''] as [string, string], at: null }))
      : ring.map(at => ({ cells: formatted(at, this.now), at }))
    if (this.first >= this.rows.length) this.first = 0
    this.say('')
  }

  private choose (place: Place): void {
    this.place = place
    this.first = 0
    this.reread()
    this.draw()
  }

  private turn (by: number): void {
    this.first = Math.max(0, Math.min(this.first + by, Math.floor((this.rows.length - 1) / ROWS_AT_ONCE) * ROWS_AT_ONCE))
    this.draw()
  }

  private say (words: string): void {
    this.trouble.textContent = words
    this.trouble.hidden = words === ''
  }

  private draw (): void {
    const options: Array<[Place, string]> = []
    this.shape.forEach((rings, p) => {
      rings.forEach((_ring, r) => options.push([{ part: p, ring: r }, `${say('part', { n: p + 1 })} · ${r === 0 ? say('outer') : say('hole', { n: r })}`]))
      options.push([{ part: p, ring: rings.length }, say('newHole', { n: p + 1 })])
    })
    options.push([{ part: this.shape.length, ring: 0 }, say('newPart')])
    this.ringChoice.replaceChildren(...options.map(([place, label]) => {
      const option = document.createElement('option')
      option.value = JSON.stringify(place)
      option.textContent = label
      option.selected = place.part === this.place.part && place.ring === this.place.ring
      return option
    }))
    const plane = this.now === 'plane'
    part(this.root, 'first-head').textContent = plane ? say('northing') : say('lon')
    part(this.root, 'second-head').textContent = plane ? say('easting') : say('lat')
    const last = Math.min(this.first + ROWS_AT_ONCE, this.rows.length)
    part<HTMLElement>(this.root, 'vertex-pages').hidden = this.rows.length <= ROWS_AT_ONCE
    this.where.textContent = say('page', { from: this.first + 1, to: last, all: this.rows.length })
    if (!part<HTMLDetailsElement>(this.root, 'vertex-box').open) { this.body.replaceChildren(); return }
    this.body.replaceChildren(...this.rows.slice(this.first, last).map((row, at) => this.line(row, this.first + at)))
  }

  private line (row: Row, index: number): HTMLTableRowElement {
    const line = document.createElement('tr')
    line.dataset.row = String(index)
    const head = document.createElement('th')
    head.scope = 'row'
    head.textContent = String(index + 1)
    line.append(head)
    const names = this.now === 'plane' ? [say('northing'), say('easting')] : [say('lon'), say('lat')]
    for (const column of [0, 1] as const) {
      const cell = document.createElement('td')
      const field = document.createElement('input')
      field.type = 'text'
      field.inputMode = 'decimal'
      field.autocomplete = 'off'
      field.value = row.cells[column]
      field.setAttribute('aria-label', `${say('point', { n: index + 1 })} ${names[column]!}`)
      field.addEventListener('focus', () => { this.marked(row.at) })
      field.addEventListener('change', () => { this.typed(index, column, field) })
      field.addEventListener('paste', event => { this.pasted(event, index) })
      cell.append(field)
      line.append(cell)
    }
    const acts = document.createElement('td')
    const more = button('＋', 'quiet', () => { this.insert(index) })
    more.title = say('insert')
    more.setAttribute('aria-label', say('insertAfter', { n: index + 1 }))
    const less = button('－', 'quiet', () => { this.remove(index) })
    less.title = say('delete')
    less.setAttribute('aria-label', say('remove', { n: index + 1 }))
    acts.append(more, less)
    line.append(acts)
    return line
  }

  private typed (index: number, column: 0 | 1, field: HTMLInputElement): void {
    const row = this.rows[index]!
    if (row.cells[column] === field.value) return
    row.cells[column] = field.value.trim()
    if (row.cells[0] === '' || row.cells[1] === '') { row.at = null; return }
    const at = parsed(row.cells[0], row.cells[1], this.now)
    field.setAttribute('aria-invalid', String(at === null))
    if (at === null) { this.say(say('unreadable', { n: index + 1, example: EXAMPLES[this.now] })); return }
    row.at = at
    this.apply()
  }

  /** Many points at once, a line each, as they come from a table or a text file. */
  private pasted (event: ClipboardEvent, index: number): void {
    const lines = (event.clipboardData?.getData('text') ?? '').trim().split(/\r?\n/)
    const pairs = lines.map(line => line.trim().split(/\t|,|;|，|\s{2,}|(?<=\d)\s(?=\d)/).filter(piece => piece !== '').slice(-2))
    if (lines.length < 2 && pairs[0]?.length !== 2) return
    event.preventDefault()
    pairs.forEach((pair, at) => {
      const cells: [string, string] = [pair[0] ?? '', pair[1] ?? '']
      this.rows[index + at] = { cells, at: parsed(cells[0], cells[1], this.now) }
    })
    const bad = this.rows.findIndex(row => row.at === null && (row.cells[0] !== '' || row.cells[1] !== ''))
    this.draw()
    if (bad >= 0) this.say(say('unreadable', { n: bad + 1, example: EXAMPLES[this.now] }))
    else this.apply()
  }

  private insert (after: number): void {
    this.rows.splice(after + 1, 0, { cells: ['', ''], at: null })
    this.first = Math.floor((after + 1) / ROWS_AT_ONCE) * ROWS_AT_ONCE
    this.draw()
    this.focus(after + 1)
  }

  remove (index: number): void {
    const good = this.rows.filter(row => row.at !== null).length
    if (this.rows[index]?.at !== null && good <= 3 && !this.isNew()) { this.say(say('fewest')); return }
    const wasPoint = this.rows[index]?.at !== null
    this.rows.splice(index, 1)
    this.draw()
    this.focus(Math.min(index, this.rows.length - 1))
    if (wasPoint) this.apply()
  }

  private focus (index: number): void {
    this.body.querySelector<HTMLInputElement>(`[data-row="${index}"] input`)?.focus()
  }

  private apply (): void {
    const ring: Ring = this.rows.flatMap(row => row.at === null ? [] : [row.at])
    if (ring.length < 3) { this.say(say('needThree', { n: ring.length })); return }
    this.say('')
    const next = copy(this.shape)
    if (this.place.part === next.length) next.push([ring])
    else next[this.place.part]![this.place.ring] = ring
    this.shape = copy(next)
    this.changed(next)
  }

  /** Whether the shape that comes back is the one typed here: rows still being typed stay. */
  holds (shape: Shape): boolean {
    return JSON.stringify(shape) === JSON.stringify(this.shape)
  }
}
