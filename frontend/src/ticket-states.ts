// What became of the tonnes: the table of states, joined to the shapes of the layer `tickets` by area.
import { getJson } from './server'

export interface StateRow {
  number: string
  state: string
  held_kg: number
  listed_kg: number
  pledged_kg: number
  offset_kg: number
  cancelled_kg: number
  frozen_kg: number
  lost_kg: number
}

/** Which shape a ticket is on never changes: it comes with the ticket's facts. */
export interface TicketRow extends StateRow { area: string }

/** `day`: empty of now. */
export interface StateTable { day: string, at: string | null, entry: number, totals: Record<string, number>, tickets: StateRow[] }

type Columns = { [Name in keyof StateRow]: Array<StateRow[Name]> }

export const KG_STATES = ['held', 'listed', 'pledged', 'offset', 'cancelled'] as const
export type KgState = typeof KG_STATES[number]
export type Kilograms = Record<KgState, number>

export interface AreaSum<Row extends TicketRow = TicketRow> { kilograms: Kilograms, frozen: boolean, tickets: Row[] }

/** Now, or as of the end of a day (`2026-05-01`). */
export async function readStates (address: string, day: string, signal: AbortSignal): Promise<StateTable> {
  const read = await getJson<Omit<StateTable, 'day' | 'tickets'> & { tickets: Columns }>(day === '' ? address : `${address}?at=${encodeURIComponent(day)}`, { signal })
  const { number, state, held_kg, listed_kg, pledged_kg, offset_kg, cancelled_kg, frozen_kg, lost_kg } = read.tickets
  const tickets = number.map((name, at) => ({
    number: name,
    state: state[at]!,
    held_kg: held_kg[at]!,
    listed_kg: listed_kg[at]!,
    pledged_kg: pledged_kg[at]!,
    offset_kg: offset_kg[at]!,
    cancelled_kg: cancelled_kg[at]!,
    frozen_kg: frozen_kg[at]!,
    lost_kg: lost_kg[at]!
  }))
  return { ...read, day, tickets }
}

export function noKilograms (): Kilograms {
  return { held: 0, listed: 0, pledged: 0, offset: 0, cancelled: 0 }
}

export function totalOf (kilograms: Kilograms): number {
  return KG_STATES.reduce((total, state) => total + kilograms[state], 0)
}

// Written out: a step of the time slider adds tens of thousands of rows several times.
function add (sum: Kilograms, row: StateRow): void {
  sum.held += row.held_kg
  sum.listed += row.listed_kg
  sum.pledged += row.pledged_kg
  sum.offset += row.offset_kg
  sum.cancelled += row.cancelled_kg
}

/** All kilograms that are on a ticket. */
export function kilogramsOn (row: StateRow): number {
  return row.held_kg + row.listed_kg + row.pledged_kg + row.offset_kg + row.cancelled_kg
}

/** Whole kilograms by state, so equal to the ledger's for the same tickets. */
export function sumOf (rows: Iterable<TicketRow>): Kilograms {
  const sum = noKilograms()
  for (const row of rows) add(sum, row)
  return sum
}

export function byArea<Row extends TicketRow> (rows: Iterable<Row>): Map<string, AreaSum<Row>> {
  const found = new Map<string, AreaSum<Row>>()
  for (const row of rows) {
    let sum = found.get(row.area)
    if (sum === undefined) found.set(row.area, sum = { kilograms: noKilograms(), frozen: false, tickets: [] })
    add(sum.kilograms, row)
    sum.frozen ||= row.frozen_kg > 0 || row.lost_kg > 0
    sum.tickets.push(row)
  }
  return found
}
