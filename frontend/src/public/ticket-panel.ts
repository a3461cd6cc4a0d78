// The tickets' part of the side panel: sums of the moment, two dates compared, what one area carries.
import { BETWEEN, formatNumber, phrases } from '../text'
import { KG_STATES, kilogramsOn, type AreaSum, type Kilograms, type KgState } from '../ticket-states'
import { speciesWords, wordFor, type Words } from './facets'
import type { Known } from './filters'
import { FROZEN_LINE, frozenSwatch, LOOKS, swatch } from './ticket-layer'

const say = phrases({
  held: ['持有', 'Held'],
  listed: ['挂牌', 'Listed'],
  pledged: ['质押', 'Pledged'],
  offset: ['已抵消', 'Offset'],
  cancelled: ['已注销', 'Cancelled'],
  frozen: ['冻结或挂失', 'Frozen or lost'],
  tonnes: ['{t} 吨', '{t} t'],
  none: ['当日没有符合条件的碳票', 'No such tickets on that day'],
  count: ['{n} 张碳票 · {t} 吨', '{n} tickets · {t} t'],
  now: ['截至此刻（登记号 {entry}）', 'As of now (entry {entry})'],
  then: ['截至 {day} 24 时（登记号 {entry}）', 'As of the end of {day} (entry {entry})'],
  inView: ['视野内 {n} 张', '{n} in view'],
  project: ['项目', 'Project'],
  filing: ['备案号', 'Filing'],
  type: ['类型', 'Type'],
  township: ['乡镇', 'Township'],
  species: ['树种', 'Species'],
  area: ['面积', 'Area'],
  hectares: ['{ha} 公顷', '{ha} ha'],
  period: ['监测期', 'Period'],
  unknown: ['未注明', 'Not stated'],
  holder: ['持有人', 'Holder'],
  issued: ['{day} 制发', 'issued {day}'],
  price: ['成交价 {yuan} 元/吨', 'bought at {yuan} yuan a tonne'],
  share: ['分享', 'Share'],
  close: ['关闭', 'Close'],
  complain: ['反映此处问题', 'Report a problem here']
})
const KG_PER_TONNE = 1000
const FEN_PER_YUAN = 100

export function tonnes (kilograms: number): string {
  return formatNumber(kilograms / KG_PER_TONNE, kilograms % KG_PER_TONNE === 0 ? 0 : 3)
}

function element<K extends keyof HTMLElementTagNameMap> (tag: K, className: string, ...content: Array<string | Node>): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  if (className !== '') made.className = className
  made.append(...content)
  return made
}

function line (state: KgState, kilograms: number): HTMLElement {
  const mark = swatch(state)
  mark.className = 'swatch'
  mark.style.borderColor = LOOKS[state].line
  const item = element('li', '', mark, `${say(state)} `, element('strong', '', say('tonnes', { t: tonnes(kilograms) })))
  item.dataset.state = state
  item.dataset.kg = String(kilograms)
  return item
}

export function sumLines (kilograms: Kilograms): Node[] {
  const rows = KG_STATES.filter(state => kilograms[state] > 0).map(state => line(state, kilograms[state]))
  return rows.length > 0 ? rows : [element('li', 'muted', say('none'))]
}

export function asOf (day: string, entry: number): string {
  return day === '' ? say('now', { entry }) : say('then', { day, entry })
}

export function countLine (rows: Known[]): string {
  return say('count', { n: formatNumber(rows.length), t: tonnes(rows.reduce((sum, row) => sum + kilogramsOn(row), 0)) })
}

/** The legend counts the present view. */
export function legendOf (rows: Known[], kilograms: Kilograms): Node[] {
  const items = KG_STATES.map(state => line(state, kilograms[state]))
  const mark = frozenSwatch()
  mark.className = 'swatch'
  mark.style.borderColor = FROZEN_LINE
  return [element('li', 'muted', say('inView', { n: formatNumber(rows.length) })), ...items, element('li', '', mark, say('frozen'))]
}

export function compared (then: Kilograms, now: Kilograms): Node[] {
  return KG_STATES.filter(state => then[state] + now[state] > 0).map(state => {
    const change = now[state] - then[state]
    const row = element('tr', '', element('th', '', say(state)),
      element('td', 'number', tonnes(then[state])), element('td', 'number', tonnes(now[state])),
      element('td', 'number', `${change > 0 ? '+' : ''}${tonnes(change)}`))
    row.dataset.state = state
    return row
  })
}

function priceOf (fen: number | null): string {
  return fen === null ? '' : ` · ${say('price', { yuan: formatNumber(fen / FEN_PER_YUAN, 2) })}`
}

export interface PanelActs { share: () => void, close: () => void }

/** What one filing says, and the tickets that were issued of it. */
function filingNodes (rows: Known[], words: Words, day: string, ticketPage: string): Node[] {
  const { facts } = rows[0]!
  const pairs: Array<[string, string]> = [
    [say('filing'), facts.filing],
    [say('type'), wordFor(words, 'type', facts.type)],
    [say('township'), wordFor(words, 'township', facts.township)],
    [say('species'), speciesWords(words, facts.species) || say('unknown')],
    [say('area'), say('hectares', { ha: formatNumber(facts.ha, 1) })],
    [say('period'), facts.period.replace('/', ' – ')]
  ]
  const list = element('dl', 'facts plain')
  for (const [term, value] of pairs) list.append(element('dt', '', term), element('dd', '', value))
  const tickets = element('ul', 'rows', ...rows.map(row => {
    const link = element('a', '', row.number)
    link.href = ticketPage.replace('NUMBER', encodeURIComponent(row.number)) + (day === '' ? '' : `?at=${day}`)
    return element('li', '', link, ' ', element('span', 'badge', wordFor(words, 'state', row.state)),
      element('p', 'muted', `${say('tonnes', { t: tonnes(kilogramsOn(row)) })} · ${row.facts.holder} · ${say('issued', { day: row.facts.issued_on })}${priceOf(row.facts.price_fen)}`))
  }))
  return [list, tickets]
}

/** The chosen area: its sums, then each filing on it, one for each monitoring period. */
export function areaNodes (sum: AreaSum<Known>, words: Words, day: string, entry: number, pages: { ticket: string, complain: string }, acts: PanelActs): Node[] {
  const { facts } = sum.tickets[0]!
  const filings = [...new Set(sum.tickets.map(row => row.facts.filing))]
  const complain = element('a', '', say('complain'))
  complain.href = `${pages.complain}?ticket=${encodeURIComponent(sum.tickets[0]!.number)}&at=${facts.at[0]},${facts.at[1]}`
  const button = (className: string, words: string, act: () => void): HTMLButtonElement => {
    const made = element('button', className, words)
    made.type = 'button'
    made.addEventListener('click', act)
    return made
  }
  const projects = [...new Set(sum.tickets.map(row => row.facts.project))]
  const head = element('h3', '', `${say('project')} ${projects.join(BETWEEN)}`)
  head.tabIndex = -1
  return [element('div', 'panel-head', head, button('quiet small', say('close'), acts.close)), element('p', 'muted', asOf(day, entry)), element('ul', 'kg-bars', ...sumLines(sum.kilograms)),
    ...filings.flatMap(filing => filingNodes(sum.tickets.filter(row => row.facts.filing === filing), words, day, pages.ticket)),
    element('div', 'area-story'), element('p', 'actions', button('second small', say('share'), acts.share), complain)]
}
