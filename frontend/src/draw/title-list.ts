// One's titles as a list with ticks: what tapping does on the map, by keyboard and screen reader.
import { part } from '../panel'
import { say } from './say'
import { hectaresAndMu, type TitleFacts } from './titles'
import { button } from './findings'

export class TitleList {
  private readonly ticks = new Map<string, HTMLInputElement>()

  constructor (private readonly root: HTMLElement, private readonly pick: (key: string) => void, private readonly zoom: (key: string) => void) {
    part<HTMLInputElement>(root, 'title-filter').addEventListener('input', event => {
      const wanted = (event.target as HTMLInputElement).value.trim().toLowerCase()
      for (const [, tick] of this.ticks) tick.closest('li')!.hidden = wanted !== '' && !tick.closest('li')!.textContent!.toLowerCase().includes(wanted)
    })
  }

  show (titles: Array<{ key: string, facts: TitleFacts }>, picked: string[]): void {
    this.ticks.clear()
    part(this.root, 'titles').replaceChildren(...titles.map(({ key, facts }) => {
      const item = document.createElement('li')
      const label = document.createElement('label')
      const tick = document.createElement('input')
      tick.type = 'checkbox'
      tick.addEventListener('change', () => { this.pick(key) })
      const words = document.createElement('span')
      const name = document.createElement('strong')
      name.textContent = facts.title
      const more = document.createElement('small')
      more.textContent = [facts.holders, hectaresAndMu(facts.area_m2), facts.term_ends_on ?? ''].filter(word => word !== '').join(' · ')
      words.append(name, more)
      label.append(tick, words)
      const show = button(say('locate'), 'quiet', () => { this.zoom(key) })
      show.setAttribute('aria-label', `${say('locate')} ${facts.title}`)
      item.append(label, show)
      this.ticks.set(key, tick)
      return item
    }))
    part(this.root, 'title-count').textContent = String(titles.length)
    part<HTMLElement>(this.root, 'title-filter-field').hidden = titles.length < 8
    this.tick(picked)
  }

  tick (picked: string[]): void {
    for (const [key, tick] of this.ticks) tick.checked = picked.includes(key)
  }
}
