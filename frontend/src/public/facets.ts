// Filters as facets: each value with the number of tickets that it would show.
import { part, whileOpen } from '../panel'
import { BETWEEN, formatNumber, phrases } from '../text'
import { countsOf, isEmpty, noFilter, RANGES, wholeFrom, type Known, type RangeName, type SetName, type TicketFilter } from './filters'

const say = phrases({
  state: ['状态', 'State'],
  year: ['制发年度', 'Year of issue'],
  township: ['乡镇（街道）', 'Township'],
  species: ['树种', 'Species'],
  type: ['项目类型', 'Project type'],
  holder: ['持有人类型', 'Kind of holder'],
  unknown: ['未注明', 'Not stated']
})

export type Words = Record<string, Record<string, string>>

export function wordFor (words: Words, name: string, value: string): string {
  return value === '' ? say('unknown') : words[name]?.[value] ?? value
}

export function speciesWords (words: Words, species: string[]): string {
  return species.map(one => wordFor(words, 'species', one)).join(BETWEEN)
}

export class Facets {
  private readonly root: HTMLElement
  private readonly reset: HTMLButtonElement
  private readonly drawn: (act: () => void) => void
  private readonly ends: Array<{ field: HTMLInputElement, range: RangeName, end: 'least' | 'most' }>

  constructor (root: ParentNode, private readonly words: Words, private filter: TicketFilter, private readonly changed: (filter: TicketFilter) => void) {
    this.root = part(root, 'facets')
    this.reset = part(root, 'facets-reset')
    this.drawn = whileOpen(part(root, 'filters'))
    this.ends = (Object.keys(RANGES) as RangeName[]).flatMap(range => (['least', 'most'] as const).map((end, at) => {
      const field = part<HTMLInputElement>(root, RANGES[range][at]!)
      field.value = filter.ranges[range][end]?.toString() ?? ''
      field.addEventListener('change', () => {
        this.filter.ranges[range][end] = wholeFrom(field.value)
        this.changed(this.filter)
      })
      return { field, range, end }
    }))
    this.reset.addEventListener('click', () => this.clear())
  }

  clear (): void {
    this.filter = noFilter()
    for (const { field } of this.ends) field.value = ''
    this.changed(this.filter)
  }

  show (rows: Known[]): void {
    this.reset.hidden = isEmpty(this.filter)
    this.drawn(() => this.draw(rows))
  }

  private draw (rows: Known[]): void {
    // The box that has the focus is made again: the focus goes back to it.
    const focused = document.activeElement instanceof HTMLInputElement ? document.activeElement.id : ''
    this.root.replaceChildren(...countsOf(rows, this.filter).map(([name, counts]) => this.group(name, counts)))
    if (focused.startsWith('facet-')) document.getElementById(focused)?.focus()
  }

  private group (name: SetName, counts: Array<[string, number]>): HTMLElement {
    const group = document.createElement('fieldset')
    group.className = 'facet'
    const title = document.createElement('legend')
    title.textContent = say(name)
    group.append(title, ...counts.map(([value, count], at) => {
      const label = document.createElement('label')
      const box = document.createElement('input')
      box.type = 'checkbox'
      box.id = `facet-${name}-${at}`
      box.value = value
      box.name = name
      box.checked = this.filter.sets[name].has(value)
      box.addEventListener('change', () => {
        if (box.checked) this.filter.sets[name].add(value)
        else this.filter.sets[name].delete(value)
        this.changed(this.filter)
      })
      const number = document.createElement('small')
      number.textContent = formatNumber(count)
      label.append(box, wordFor(this.words, name, value), ' ', number)
      return label
    }))
    return group
  }
}
