// What another window saved meanwhile, told as a list beside what is typed here, and a choice.
import { part } from '../panel'
import { phrases } from '../text'

export interface SpeciesFacts { set: number, begin: string, end: string, unit: string, basis: string }
export interface StratumFacts { key: string, code: string, origin: string, species: SpeciesFacts[] }
export interface DraftState { seen: number, strata: StratumFacts[], terms: Record<string, string>, files: Record<string, string> }

const say = phrases({
  added: ['新增碳层 {code}', 'Stratum {code} was added'],
  removed: ['移除了碳层 {code}', 'Stratum {code} was removed'],
  changed: ['碳层 {code}：{before} → {after}', 'Stratum {code}: {before} → {after}'],
  term: ['{name}：{before} → {after}', '{name}: {before} → {after}'],
  file: ['换了文件：{name}', 'Another file: {name}'],
  shape: ['碳层的界线或委托的机构有改动', 'The line of a stratum or the third party was changed'],
  nothing: ['—', '—']
})

/** In words, what `now` holds otherwise than `before`; `label` names a field of the terms. */
export function differences (before: DraftState, now: DraftState, label: (name: string) => string): string[] {
  const former = new Map(before.strata.map(one => [one.key, one]))
  const lines: string[] = []
  for (const one of now.strata) {
    const was = former.get(one.key)
    former.delete(one.key)
    if (was === undefined) lines.push(say('added', { code: one.code }))
    else if (stocks(was) !== stocks(one)) lines.push(say('changed', { code: one.code, before: stocks(was), after: stocks(one) }))
  }
  for (const gone of former.values()) lines.push(say('removed', { code: gone.code }))
  for (const [name, value] of Object.entries(now.terms)) {
    const was = before.terms[name] ?? ''
    if (was !== value) lines.push(say('term', { name: label(name), before: was || say('nothing'), after: value || say('nothing') }))
  }
  for (const [kind, name] of Object.entries(now.files)) {
    if (before.files[kind] !== name) lines.push(say('file', { name }))
  }
  return lines.length > 0 ? lines : [say('shape')]
}

function stocks (stratum: StratumFacts): string {
  return `${stratum.code} ${stratum.species.map(one => `${one.begin || say('nothing')}–${one.end || say('nothing')}`).join('、')}`
}

/** Shows the list; `mine` sends once more what is typed here, `theirs` takes what the other saved. */
export function showDifferences (root: HTMLElement, lines: string[], then: { mine: () => void, theirs: () => void }): void {
  const box = part<HTMLElement>(root, 'overtaken')
  part(box, 'overtaken-list').replaceChildren(...lines.map(words => {
    const item = document.createElement('li')
    item.textContent = words
    return item
  }))
  part<HTMLButtonElement>(box, 'use-mine').onclick = () => { box.hidden = true; then.mine() }
  part<HTMLButtonElement>(box, 'use-theirs').onclick = () => { box.hidden = true; then.theirs() }
  box.hidden = false
  box.scrollIntoView({ block: 'nearest' })
  part<HTMLButtonElement>(box, 'use-mine').focus()
}
