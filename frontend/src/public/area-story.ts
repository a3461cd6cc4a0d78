// What happened on the chosen area: its acts, its tickets as a tree, what everyone may open.
import { getJson } from '../server'
import { formatNumber, phrases } from '../text'

const say = phrases({
  acts: ['登记时间线', 'Timeline'],
  more: ['更早的 {n} 项见碳票页', '{n} earlier acts are on the ticket’s page'],
  further: ['另有 {n} 项', '{n} more'],
  family: ['票的来去', 'Family of tickets'],
  documents: ['公开文件与查验', 'Public documents and checks'],
  tonnes: ['{t} 吨', '{t} t']
})
const KG_PER_TONNE = 1000

interface Act { entry: number, filing: string, day: string, label: string, kg: number }
interface Relative { number: string, filing: string, depth: number, label: string, kg: number }
export interface Story {
  acts: Act[]
  more: number
  family: Relative[]
  more_family: number
  documents: Array<{ label: string, url: string }>
  more_documents: number
}

export function readStory (address: string, area: string, day: string, signal: AbortSignal): Promise<Story> {
  const url = address.replace('00000000-0000-0000-0000-000000000000', area)
  return getJson<Story>(day === '' ? url : `${url}?at=${encodeURIComponent(day)}`, { signal })
}

function tonnes (kilograms: number): string {
  return say('tonnes', { t: formatNumber(kilograms / KG_PER_TONNE, kilograms % KG_PER_TONNE === 0 ? 0 : 3) })
}

function item (...texts: Array<string | Node>): HTMLLIElement {
  const made = document.createElement('li')
  made.append(...texts.map(text => {
    if (typeof text !== 'string') return text
    const span = document.createElement('span')
    span.textContent = text
    return span
  }))
  return made
}

function link (label: string, href: string): HTMLAnchorElement {
  const made = document.createElement('a')
  made.href = href
  made.textContent = label
  return made
}

function list (kind: 'ol' | 'ul', className: string, title: string, items: HTMLLIElement[]): Node[] {
  const head = document.createElement('h4')
  head.textContent = title
  const box = document.createElement('div')
  box.className = 'scroll tall'
  box.tabIndex = 0
  box.setAttribute('role', 'region')
  box.setAttribute('aria-label', title)
  const made = document.createElement(kind)
  made.className = className
  made.append(...items)
  box.append(made)
  return [head, box]
}

export function storyNodes (story: Story, ticketPage: string, day: string): Node[] {
  const then = day === '' ? '' : `?at=${day}`
  // Issues for several periods of one area are told apart by their filings.
  const several = new Set(story.acts.map(act => act.filing)).size > 1
  const of = (filing: string): string => several ? ` · ${filing}` : ''
  const acts = story.acts.map(act => {
    const made = item(act.day, `${act.label}${of(act.filing)}`, tonnes(act.kg))
    made.dataset.entry = String(act.entry)
    return made
  })
  if (story.more > 0) acts.push(item(say('more', { n: formatNumber(story.more) })))
  const family = story.family.map(one => {
    const made = item(link(one.number, ticketPage.replace('NUMBER', encodeURIComponent(one.number)) + then), ` ${one.label} · ${tonnes(one.kg)}${one.depth === 0 ? of(one.filing) : ''}`)
    made.style.setProperty('--depth', String(one.depth))
    made.classList.toggle('child', one.depth > 0)
    return made
  })
  const documents = story.documents.map(one => item(link(one.label, one.url)))
  for (const [items, n] of [[family, story.more_family], [documents, story.more_documents]] as const) {
    if (n > 0) items.push(item(say('further', { n: formatNumber(n) })))
  }
  return [
    ...list('ol', 'acts', say('acts'), acts),
    ...list('ul', 'kin', say('family'), family),
    ...list('ul', 'documents', say('documents'), documents)
  ]
}
