// The autosaved draft: kept a moment after each change, one revision after the other.
import type { MultiPolygon } from 'geojson'
import { Offline, postJson, Refused } from '../server'

export interface DraftState {
  revision: number
  seen_number: number
  name: string
  party: string | null
  period: { start: string, end: string } | null
  expected_kg_per_ha: number | null
  picked: string[]
  geometry: MultiPolygon | null
  saved_at: string
}
export interface VersionState { number: number, geometry: MultiPolygon, made_at: string, made_by: string, picked: string[] }
export interface DrawingState { area: { key: string, name: string, party: string | null } | null, version: VersionState | null, draft: DraftState | null, claims: string[] }

export interface Content {
  name: string
  party: string | null
  period: { start: string, end: string } | null
  expected_kg_per_ha: number | null
  picked: string[]
  geometry: MultiPolygon | null
  seen_number: number
}

const PATIENT_MS = 900

export class Autosave {
  private timer = 0
  private running: Promise<void> = Promise.resolve()
  private stopped = false

  constructor (private readonly address: () => string, public revision: number, private readonly content: () => Content, private readonly told: {
    keeping: () => void
    kept: (at: string) => void
    overtaken: () => void
    failed: (message: string | null) => void
  }) {}

  soon (): void {
    if (this.stopped) return
    clearTimeout(this.timer)
    this.told.keeping()
    this.timer = window.setTimeout(() => { this.timer = 0; this.running = this.running.then(() => this.keep()) }, PATIENT_MS)
  }

  /** The page is being hidden or left: what waits is sent now. */
  hurry (): void {
    if (this.timer === 0 || this.stopped) return
    clearTimeout(this.timer)
    this.timer = 0
    this.running = this.running.then(() => this.keep(true))
  }

  /** While another tab's work is compared, and once the version is saved. */
  stop (): void {
    this.stopped = true
    clearTimeout(this.timer)
  }

  resume (revision: number): void {
    this.revision = revision
    this.stopped = false
  }

  async settled (): Promise<void> {
    clearTimeout(this.timer)
    await this.running
  }

  private async keep (outlives = false): Promise<void> {
    if (this.stopped) return
    try {
      const kept = await postJson<{ revision: number, saved_at: string }>(this.address(), { ...this.content(), seen_revision: this.revision }, { outlives })
      this.revision = kept.revision
      this.told.kept(kept.saved_at)
    } catch (error) {
      if (error instanceof Refused && error.status === 409) { this.stop(); this.told.overtaken() } else this.told.failed(error instanceof Refused ? error.message : error instanceof Offline ? null : String(error))
    }
  }
}
