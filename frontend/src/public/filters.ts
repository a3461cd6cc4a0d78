// What the visitor asks for, as it stands in the address; the server reads the same parameters
// (layers/ticket_map/filters.py).
import { KG_STATES, type TicketRow } from '../ticket-states'

export const SETS = ['state', 'year', 'township', 'species', 'type', 'holder'] as const
export type SetName = typeof SETS[number]

export interface TicketFilter { sets: Record<SetName, Set<string>>, minTonnes: number | null, maxTonnes: number | null }

/** A ticket as everyone may know it (`/api/map/facts/`). */
export interface TicketFacts {
  number: string
  area: string
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
  at: [number, number]
  bbox: [number, number, number, number]
}

export interface Known extends TicketRow { facts: TicketFacts }

const KG_PER_TONNE = 1000

export function noFilter (): TicketFilter {
  return { sets: { state: new Set(), year: new Set(), township: new Set(), species: new Set(), type: new Set(), holder: new Set() }, minTonnes: null, maxTonnes: null }
}

export function filterFrom (address: URLSearchParams): TicketFilter {
  const filter = noFilter()
  for (const name of SETS) for (const value of address.getAll(name)) if (value.length <= 60) filter.sets[name].add(value)
  filter.minTonnes = tonnesFrom(address.get('min_t'))
  filter.maxTonnes = tonnesFrom(address.get('max_t'))
  return filter
}

export function tonnesFrom (text: string | null): number | null {
  return text !== null && /^\d{1,10}$/.test(text) ? Number(text) : null
}

export function filterInto (address: URLSearchParams, filter: TicketFilter): void {
  for (const name of SETS) for (const value of [...filter.sets[name]].sort()) address.append(name, value)
  if (filter.minTonnes !== null) address.set('min_t', String(filter.minTonnes))
  if (filter.maxTonnes !== null) address.set('max_t', String(filter.maxTonnes))
}

export function isEmpty (filter: TicketFilter): boolean {
  return SETS.every(name => filter.sets[name].size === 0) && filter.minTonnes === null && filter.maxTonnes === null
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

export function kilogramsOn (row: TicketRow): number {
  return KG_STATES.reduce((total, state) => total + row[`${state}_kg`], 0)
}

/** `but`: a facet counts what its own choice would give, so it leaves itself out. */
export function passes (known: Known, filter: TicketFilter, but: SetName | null = null): boolean {
  for (const name of SETS) {
    const chosen = filter.sets[name]
    if (name !== but && chosen.size > 0 && !valuesOf(known, name).some(value => chosen.has(value))) return false
  }
  const tonnes = kilogramsOn(known) / KG_PER_TONNE
  return (filter.minTonnes === null || tonnes >= filter.minTonnes) && (filter.maxTonnes === null || tonnes <= filter.maxTonnes)
}

/** How many tickets each value of a facet would show, the fullest first. */
export function countsOf (rows: Known[], filter: TicketFilter, name: SetName): Array<[string, number]> {
  const counts = new Map<string, number>()
  for (const value of filter.sets[name]) counts.set(value, 0)
  for (const known of rows) {
    if (!passes(known, filter, name)) continue
    for (const value of valuesOf(known, name)) counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  return [...counts].sort((a, b) => name === 'year' ? b[0].localeCompare(a[0]) : b[1] - a[1] || a[0].localeCompare(b[0]))
}
