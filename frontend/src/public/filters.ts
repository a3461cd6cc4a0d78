// What the visitor asks for, as it stands in the address; the server reads the same parameters
// (layers/ticket_map/filters.py).
import { kilogramsOn, type TicketRow } from '../ticket-states'

export const SETS = ['state', 'year', 'township', 'species', 'type', 'holder'] as const
export type SetName = typeof SETS[number]

/** Ranges by the parameters of their ends; tonnes on the ticket, and yuan a tonne that it was bought for. */
export const RANGES = { tonnes: ['min_t', 'max_t'], price: ['min_p', 'max_p'] } as const
export type RangeName = keyof typeof RANGES
export interface Range { least: number | null, most: number | null }
export interface TicketFilter { sets: Record<SetName, Set<string>>, ranges: Record<RangeName, Range> }

/** A ticket as everyone may know it (`/api/map/facts/`). */
export interface TicketFacts {
  number: string
  area: string
  /** The area of an issue for an earlier period of the same land: its shape is painted for both. */
  land: string | null
  issued_on: string
  year: number
  project: string
  type: string
  filing: string
  period: string
  ha: number
  township: string
  species: string[]
  holder_kind: string
  holder: string
  /** One after the other, where they changed on the ticket; else none. */
  holders: Array<{ since: string, holder_kind: string, holder: string }>
  price_fen: number | null
  at: [number, number]
  bbox: [number, number, number, number]
}

export interface Known extends TicketRow { facts: TicketFacts }

/** With the holder at the end of a day; an empty day is now. */
export function asOfDay (facts: TicketFacts, day: string): TicketFacts {
  const then = day === '' ? undefined : facts.holders.filter(({ since }) => since <= day).pop()
  return then === undefined ? facts : { ...facts, holder_kind: then.holder_kind, holder: then.holder }
}

/** Under which area the ticket's land is painted. */
export function paintedOn (facts: TicketFacts): string {
  return facts.land ?? facts.area
}

const KG_PER_TONNE = 1000
const FEN_PER_YUAN = 100
const RANGE_NAMES = Object.keys(RANGES) as RangeName[]

export function noFilter (): TicketFilter {
  return {
    sets: { state: new Set(), year: new Set(), township: new Set(), species: new Set(), type: new Set(), holder: new Set() },
    ranges: { tonnes: { least: null, most: null }, price: { least: null, most: null } }
  }
}

export function filterFrom (address: URLSearchParams): TicketFilter {
  const filter = noFilter()
  for (const name of SETS) for (const value of address.getAll(name)) if (value.length <= 60) filter.sets[name].add(value)
  for (const name of RANGE_NAMES) {
    const [least, most] = RANGES[name]
    filter.ranges[name] = { least: wholeFrom(address.get(least)), most: wholeFrom(address.get(most)) }
  }
  return filter
}

export function wholeFrom (text: string | null): number | null {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null
}

export function filterInto (address: URLSearchParams, filter: TicketFilter): void {
  for (const name of SETS) for (const value of [...filter.sets[name]].sort()) address.append(name, value)
  for (const name of RANGE_NAMES) {
    const { least, most } = filter.ranges[name]
    if (least !== null) address.set(RANGES[name][0], String(least))
    if (most !== null) address.set(RANGES[name][1], String(most))
  }
}

export function isEmpty (filter: TicketFilter): boolean {
  return SETS.every(name => filter.sets[name].size === 0) && RANGE_NAMES.every(name => isOpen(filter.ranges[name]))
}

function isOpen ({ least, most }: Range): boolean {
  return least === null && most === null
}

/** A value that is not known lies in the open range alone. */
function within (value: number | null, range: Range): boolean {
  return isOpen(range) || (value !== null && value >= (range.least ?? 0) && value <= (range.most ?? Infinity))
}

export function valuesOf (known: Known, name: SetName): string[] {
  switch (name) {
    case 'state': return [known.state]
    case 'year': return [String(known.facts.year)]
    case 'township': return [known.facts.township]
    case 'species': return known.facts.species.length === 0 ? [''] : known.facts.species
    case 'type': return [known.facts.type]
    case 'holder': return [known.facts.holder_kind]
  }
}

/** The facets whose choice leaves the ticket out; null when a range does. */
function leftOutBy (known: Known, filter: TicketFilter, chosen: SetName[]): SetName[] | null {
  const { price_fen: price } = known.facts
  if (!within(kilogramsOn(known) / KG_PER_TONNE, filter.ranges.tonnes) || !within(price === null ? null : price / FEN_PER_YUAN, filter.ranges.price)) return null
  return chosen.filter(name => !valuesOf(known, name).some(value => filter.sets[name].has(value)))
}

function chosenIn (filter: TicketFilter): SetName[] {
  return SETS.filter(name => filter.sets[name].size > 0)
}

export function passing (rows: Known[], filter: TicketFilter): Known[] {
  if (isEmpty(filter)) return rows
  const chosen = chosenIn(filter)
  return rows.filter(known => leftOutBy(known, filter, chosen)?.length === 0)
}

/** How many tickets each value of each facet would show, the fullest first: a facet's own choice does not count in it. */
export function countsOf (rows: Known[], filter: TicketFilter): Array<[SetName, Array<[string, number]>]> {
  const counts = new Map(SETS.map(name => [name, new Map([...filter.sets[name]].map(value => [value, 0]))]))
  const chosen = chosenIn(filter)
  for (const known of rows) {
    const out = leftOutBy(known, filter, chosen)
    if (out === null || out.length > 1) continue
    for (const name of out.length === 1 ? out : SETS) {
      const found = counts.get(name)!
      for (const value of valuesOf(known, name)) found.set(value, (found.get(value) ?? 0) + 1)
    }
  }
  return SETS.map(name => [name, [...counts.get(name)!].sort((a, b) => name === 'year' ? b[0].localeCompare(a[0]) : b[1] - a[1] || a[0].localeCompare(b[0]))])
}
