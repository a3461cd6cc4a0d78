// The time slider: one step a day from the first issue to today, played by weeks.
import { part } from '../panel'
import { phrases } from '../text'

const say = phrases({
  today: ['今天', 'today'],
  play: ['播放', 'Play'],
  pause: ['暂停', 'Pause']
})
const DAY_MS = 86_400_000
const PLAYED_STEPS = 40
const PLAYED_EVERY_MS = 350

export class Timeline {
  private readonly slider: HTMLInputElement
  private readonly field: HTMLInputElement
  private readonly button: HTMLButtonElement
  private readonly status: HTMLElement
  private readonly first: number
  private readonly days: number
  private playing = 0

  /** `changed` gets the day, or an empty text for now; it is awaited before the next played step. */
  constructor (root: ParentNode, firstDay: string, private readonly today: string, private readonly changed: (day: string) => Promise<void>) {
    this.slider = part(root, 'time')
    this.field = part(root, 'ticket-day')
    this.button = part(root, 'play')
    this.status = part(root, 'ticket-status')
    this.first = Date.parse(firstDay)
    this.days = Math.max(0, Math.round((Date.parse(today) - this.first) / DAY_MS))
    this.slider.max = String(this.days)
    this.slider.disabled = this.button.disabled = this.days === 0
    this.field.min = firstDay
    this.field.max = today
    this.button.textContent = say('play')
    this.slider.addEventListener('input', () => { this.stop(); void this.take(this.dayAt(Number(this.slider.value))) })
    this.field.addEventListener('change', () => {
      this.stop()
      const day = this.field.value
      void this.take(day === '' || day >= this.today ? '' : day < firstDay ? firstDay : day)
    })
    this.button.addEventListener('click', () => { if (this.playing === 0) void this.play(); else this.stop() })
  }

  /** Shows the day without asking for it. */
  show (day: string): void {
    const at = day === '' ? this.days : Math.round((Date.parse(day) - this.first) / DAY_MS)
    this.slider.value = String(Math.min(this.days, Math.max(0, at)))
    this.field.value = day === '' ? this.today : day
    this.slider.setAttribute('aria-valuetext', day === '' ? say('today') : day)
  }

  /** A day that lies on the slider, else now. */
  within (day: string | null): string {
    if (day === null || !/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(Date.parse(day))) return ''
    return day >= this.today || Date.parse(day) < this.first ? '' : day
  }

  private dayAt (step: number): string {
    return step >= this.days ? '' : new Date(this.first + step * DAY_MS).toISOString().slice(0, 10)
  }

  private async take (day: string): Promise<void> {
    this.show(day)
    await this.changed(day)
  }

  private async play (): Promise<void> {
    const run = this.playing = Date.now()
    this.button.textContent = say('pause')
    // Nobody can listen to three days a second; the slider tells its own day.
    this.status.setAttribute('aria-live', 'off')
    const stride = Math.max(1, Math.ceil(this.days / PLAYED_STEPS))
    let step = Number(this.slider.value) >= this.days ? 0 : Number(this.slider.value)
    while (this.playing === run) {
      await this.take(this.dayAt(step))
      if (step >= this.days) break
      step = Math.min(this.days, step + stride)
      await new Promise(resolve => setTimeout(resolve, PLAYED_EVERY_MS))
    }
    if (this.playing === run) this.stop()
  }

  private stop (): void {
    this.playing = 0
    this.button.textContent = say('play')
    this.status.setAttribute('aria-live', 'polite')
  }
}
