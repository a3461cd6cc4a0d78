// The server's rules while one draws: asked a blink after the last change, never two at once.
import type { Geometry } from 'geojson'
import { Offline, postJson, Refused } from '../server'
import { say } from './say'
import { toGeometry, type Shape } from './shape'

export interface Finding {
  rule: string
  level: string
  title: string
  article: string
  severity: 'info' | 'warning' | 'conflict'
  message: string
  other: string
  other_kind: string
  other_key: string | null
  area_m2: number | null
  shape: Geometry | null
  exact: boolean
}
export interface Verdict { area_m2: number | null, verdict: 'clear' | 'warning' | 'conflict', findings: Finding[], covered_share: number | null }
export interface Question { shape: Shape, period: string | null, applicants: string[], claims: string[] }

const BLINK_MS = 180

export class LiveRules {
  private timer = 0
  private pending: AbortController | null = null

  constructor (private readonly address: string, private readonly told: (verdict: Verdict | null, trouble: string | null) => void, private readonly asking: () => void) {}

  ask (question: Question): void {
    clearTimeout(this.timer)
    this.pending?.abort()
    const geometry = toGeometry(question.shape)
    if (geometry === null) { this.told(null, null); return }
    this.asking()
    this.timer = window.setTimeout(() => {
      void this.send({ geometry, subject: 'project', stage: 'draw', period: question.period, applicants: question.applicants, exclude: { claim: question.claims } })
    }, BLINK_MS)
  }

  private async send (body: object): Promise<void> {
    const mine = this.pending = new AbortController()
    try {
      const verdict = await postJson<Verdict>(this.address, body, { signal: mine.signal })
      if (!mine.signal.aborted) this.told(verdict, null)
    } catch (error) {
      if (mine.signal.aborted) return
      if (error instanceof Refused) this.told(null, say('unchecked') + error.message)
      else if (error instanceof Offline) this.told(null, say('offline'))
      else throw error
    }
  }
}
