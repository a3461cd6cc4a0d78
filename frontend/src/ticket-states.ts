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

export const KG_STATES = ['held', 'listed', 'pledged', 'offset', 'cancelled'] as const
export type KgState = typeof KG_STATES[number]
export type Kilograms = Record<KgState, number>

export interface AreaSum<Row extends TicketRow = TicketRow> { kilograms: Kilograms, frozen: boolean, tickets: Row[] }

/** Now, or as of the end of a day (`2026-05-01`). */
export function readStates (address: string, day: string, signal: AbortSignal): Promise<StateTable> {
  return getJson<StateTable>(day === '' ? address : `${address}?at=${encodeURIComponent(day)}`, { signal })
}

export function noKilograms (): Kilograms {
  return { held: 0, listed: 0, pledged: 0, offset: 0, cancelled: 0 }
}

/** Whole kilograms by state, so equal to the ledger's for the same tickets. */
export function sumOf (rows: Iterable<TicketRow>): Kilograms {
  const sum = noKilograms()
  for (const row of rows) for (const state of KG_STATES) sum[state] += row[`${state}_kg`]
  return sum
}

export function byArea<Row extends TicketRow> (rows: Iterable<Row>): Map<string, AreaSum<Row>> {
  const found = new Map<string, AreaSum<Row>>()
  for (const row of rows) {
    const sum = found.get(row.area) ?? { kilograms: noKilograms(), frozen: false, tickets: [] }
    for (const state of KG_STATES) sum.kilograms[state] += row[`${state}_kg`]
    sum.frozen ||= row.frozen_kg > 0 || row.lost_kg > 0
    sum.tickets.push(row)
    found.set(row.area, sum)
  }
  return found
}
