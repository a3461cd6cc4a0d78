// The live page of a bidding: asks every two seconds, counts down by the server's clock.
import { getJson, Offline } from '../server'
import { phrases, text } from '../text'

interface BidRow { number: number, alias: string, price: string, at: string, own: boolean }
interface Live {
  state: string, stateText: string, ending: string, now: string, opensAt: string | null, closesAt: string
  extensions: number, top: string | null, next: string, bids: BidRow[]
}

const say = phrases({
  opens: ['后开始', 'until it opens'],
  closes: ['后截止', 'until it closes'],
  closed: ['竞价已截止', 'Closed'],
  extended: ['已延时 {n} 次', 'extended {n} times'],
  newBid: ['{alias} 报价 {price} 元', '{alias} bids {price} yuan'],
  own: ['（我方）', '(mine)']
})
const EVERY_MS = 2000
// With the day: a bidding may run for days.
const BID_TIME = new Intl.DateTimeFormat('zh-CN', {
  month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false, timeZone: 'Asia/Shanghai'
})

function part<T extends HTMLElement> (name: string): T | null {
  return document.querySelector<T>(`[data-ref=${name}]`)
}

function cell (row: HTMLTableRowElement, value: string, number = false): void {
  const made = row.insertCell()
  made.textContent = value
  if (number) made.className = 'number'
}

function span (ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000))
  const two = (n: number): string => String(n).padStart(2, '0')
  const days = Math.floor(s / 86400)
  return `${days > 0 ? `${days}d ` : ''}${two(Math.floor(s / 3600) % 24)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
}

function start (root: HTMLElement): void {
  const source = document.getElementById('bidding-live')
  let live = JSON.parse(source?.textContent ?? '{}') as Live
  let ahead = Date.parse(live.now) - Date.now()
  let seen = -1

  function tick (): void {
    const clock = part('clock')
    const label = part('clock-label')
    if (clock === null || label === null) return
    const at = Date.now() + ahead
    const opens = live.opensAt === null ? 0 : Date.parse(live.opensAt)
    const closes = Date.parse(live.closesAt)
    const extended = live.extensions > 0 ? ` · ${say('extended', { n: live.extensions })}` : ''
    if (live.state !== 'open' || at >= closes) {
      clock.textContent = '00:00:00'
      label.textContent = say('closed') + extended
    } else {
      clock.textContent = span((at < opens ? opens : closes) - at)
      label.textContent = (at < opens ? say('opens') : say('closes')) + extended
    }
  }

  function show (): void {
    const body = part<HTMLTableSectionElement>('bids')
    const top = part('top')
    const next = part('next')
    if (body === null) return
    if (top !== null) top.textContent = live.top ?? '—'
    if (next !== null) next.textContent = live.next
    const newest = live.bids[0]?.number ?? 0 // The table holds the last of many: their count stands still.
    if (newest !== seen) {
      body.replaceChildren()
      for (const bid of live.bids) {
        const row = body.insertRow()
        if (bid.own) row.className = 'own'
        cell(row, String(bid.number), true)
        cell(row, bid.alias + (bid.own ? say('own') : ''))
        cell(row, bid.price, true)
        cell(row, BID_TIME.format(new Date(bid.at)))
      }
      const said = part('said')
      const last = live.bids[0]
      if (seen >= 0 && said !== null && last !== undefined) said.textContent = say('newBid', { alias: last.alias, price: last.price })
      seen = newest
    }
    tick()
  }

  /** The bidding has opened, by the server's clock, since the page told its bidder to wait. */
  function formIsDue (): boolean {
    return part('waits-to-open') !== null && live.opensAt !== null && Date.parse(live.now) >= Date.parse(live.opensAt)
  }

  async function ask (): Promise<void> {
    try {
      const before = live.state
      live = await getJson<Live>(root.dataset.live ?? '')
      ahead = Date.parse(live.now) - Date.now()
      show()
      if ((before === 'open' && live.state !== 'open') || formIsDue()) { location.reload(); return }
    } catch (error) {
      const label = part('clock-label')
      if (label !== null && error instanceof Offline) label.textContent = text('offline')
    }
    if (live.state === 'open') window.setTimeout(() => { void ask() }, EVERY_MS)
  }

  show()
  window.setInterval(tick, 500)
  if (live.state === 'open') window.setTimeout(() => { void ask() }, EVERY_MS)
  root.dataset.ready = 'true'
}

const root = part('bidding')
if (root !== null) start(root)
