// What became of the tonnes: the table of states, joined to the shapes of the layer `tickets` by area.
import { getJson } from './server'

export interface TicketRow {
  number: string
  area: string
  state: string
  held_kg: number
  listed_kg: number
  pledged_kg: number
  offset_kg: number
  cancelled_kg: number
  frozen_kg: number
  lost_kg: number
}

export interface StateTable { at: string | null, entry: number, totals: Record<string, number>, tickets: TicketRow[] }

/** How an area is drawn, the most telling first; the legend shows the same. */
export const AREA_STATES = ['notice', 'frozen', 'pledged', 'listed', 'partly', 'issued', 'used', 'cancelled'] as const
export type AreaState = typeof AREA_STATES[number]

export const KG_STATES = ['held', 'listed', 'pledged', 'offset', 'cancelled'] as const
export type KgState = typeof KG_STATES[number]

export interface AreaSum { state: AreaState, kilograms: Record<KgState, number>, tickets: TicketRow[] }

/** Now, or as of the end of a day (`2026-05-01`). */
export function readStates (address: string, day: string, signal: AbortSignal): Promise<StateTable> {
  return getJson<StateTable>(day === '' ? address : `${address}?at=${encodeURIComponent(day)}`, { signal })
}

export function byArea (table: StateTable): Map<string, AreaSum> {
  const found = new Map<string, AreaSum>()
  for (const row of table.tickets) {
    const sum = found.get(row.area) ?? { state: 'issued', kilograms: { held: 0, listed: 0, pledged: 0, offset: 0, cancelled: 0 }, tickets: [] }
    for (const state of KG_STATES) sum.kilograms[state] += row[`${state}_kg`]
    sum.tickets.push(row)
    found.set(row.area, sum)
  }
  for (const sum of found.values()) sum.state = areaState(sum)
  return found
}

function areaState ({ kilograms, tickets }: AreaSum): AreaState {
  if (tickets.some(row => row.lost_kg > 0)) return 'notice'
  if (tickets.some(row => row.frozen_kg > 0)) return 'frozen'
  if (kilograms.pledged > 0) return 'pledged'
  if (kilograms.listed > 0) return 'listed'
  if (kilograms.held > 0) return kilograms.offset + kilograms.cancelled > 0 ? 'partly' : 'issued'
  return kilograms.offset > 0 ? 'used' : 'cancelled'
}
