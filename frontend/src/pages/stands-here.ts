// 这里有什么: tap a place, draw or bring a shape, name a period; the server says what holds it.
import L from 'leaflet'
import '@geoman-io/leaflet-geoman-free'
import type { MultiPolygon } from 'geojson'
import { takeDrops } from '../draw/drop'
import { parsed } from '../draw/notation'
import { tellPoints } from '../draw/points'
import { fileToRead, forgetReading, offerAfterRefusal, onOtherReading, tellReading, type Reading, type System } from '../draw/reading'
import { toGeometry, type Position } from '../draw/shape'
import { part } from '../panel'
import { getJson, Offline, postForm, postJson, Refused } from '../server'
import { CITY, fullScreenControl, readout, stage, type StageConfig } from '../stage'
import { formatNumber, phrases, text } from '../text'
import type { TileJson } from '../tile-canvas'
import { parcelLayer } from '../vector-tiles'

interface Config extends StageConfig { api: string, parcels: string, systems: System[] }
interface Answer {
  verdict: 'free' | 'edge' | 'claimed'
  share_percent: number
  area_ha: number
  step_m: number
  share_step_percent: number
  found: Array<{ kind: string, kind_label: string, number: string, state_label: string, from: string, to: string | null, share_percent: number, tickets: Array<{ number: string, url: string }> }>
  geometry: MultiPolygon | null
  reading: Reading | null
}

const say = phrases({
  free: ['空闲', 'Free'],
  edge: ['紧邻占用', 'On the edge of a claim'],
  claimed: ['已被占用', 'Claimed'],
  freeWords: ['所选监测期内，没有项目占用这里。', 'No project holds this place in the period.'],
  edgeWords: ['有项目的边界可能经过这里，是否重叠须以申报时的精确核查为准。', 'The border of a project may run here; whether it overlaps is decided by the exact check on application.'],
  claimedPoint: ['所选监测期内，这里已被占用。', 'This place is held in the period.'],
  claimedArea: ['所选监测期内，约 {share}% 已被占用（共 {ha} 公顷）。', 'About {share}% of {ha} ha is held in the period.'],
  share: ['占查询范围约 {share}%', 'about {share}% of what you asked'],
  atEdge: ['仅边界可能经过', 'only its border may run here'],
  period: ['{from} 至 {to}', '{from} to {to}'],
  open: ['无止日', 'open'],
  ticket: ['碳票', 'Ticket'],
  how: ['依据精确界线核查，按 {step} 米格网、{percent}% 作答，以免推算出他人的精确界线。', 'Checked against exact borders, answered on a grid of {step} m and to {percent}%, so that nobody’s exact border can be worked out.'],
  asking: ['正在查询…', 'Asking…'],
  drawHint: ['逐点点击，点回起点结束。', 'Click point by point and finish on the first one.'],
  badPoint: ['经纬度无法识别。例：81.3125 / 43.9125', 'The coordinates cannot be read. Example: 81.3125 / 43.9125'],
  noPeriod: ['请填写监测期的起止日期，止日不早于起日。', 'Give the first and last day of the period, in this order.']
})
const ASKED: L.PathOptions = { color: '#8a4b00', weight: 2.5, fillColor: '#f2b134', fillOpacity: 0.35 }
const BADGES = { free: 'verified', edge: 'warning', claimed: 'rejected' }

class StandsHere {
  private readonly root = document.getElementById('main')!
  private readonly map: L.Map
  private readonly asked = L.featureGroup()
  private pending: AbortController | null = null
  private last: object | File | null = null
  private tool: 'tap' | 'draw' = 'tap'

  constructor (private readonly config: Config) {
    const { map, bases } = stage(part(this.root, 'map'), config)
    this.map = map
    map.createPane('parcels').style.zIndex = '300'
    bases.sketch!.addTo(map)
    tellPoints(map)
    map.on('moveend', () => { map.getContainer().dataset.view = [map.getCenter().lat, map.getCenter().lng, map.getZoom()].join(',') })
    map.doubleClickZoom.disable()
    map.setView([CITY.lat, CITY.lon], CITY.zoom)
    readout(map, part(this.root, 'readout'))
    fullScreenControl(map, part<HTMLElement>(this.root, 'map').parentElement!)
    this.asked.addTo(map)
    map.pm.setLang(document.documentElement.lang.startsWith('en') ? 'en' : 'zh')
    map.on('click', event => { if (this.tool === 'tap') this.point([event.latlng.lng, event.latlng.lat]) })
    map.on('pm:create', event => {
      event.layer.remove()
      const ring = ((event.layer as L.Polygon).getLatLngs() as L.LatLng[][])[0]!.map(at => [at.lng, at.lat] as Position)
      // The click that closed the shape is not a tap of its own.
      setTimeout(() => { this.choose('tap') }, 300)
      const geometry = toGeometry([[ring]])
      if (geometry !== null) { this.show(geometry); void this.ask({ geometry }) }
    })
    for (const button of this.root.querySelectorAll<HTMLButtonElement>('[data-tool-name]')) button.addEventListener('click', () => { this.choose(button.dataset.toolName as 'tap' | 'draw') })
    part(this.root, 'form').addEventListener('submit', event => {
      event.preventDefault()
      const at = parsed(part<HTMLInputElement>(this.root, 'lon').value, part<HTMLInputElement>(this.root, 'lat').value, 'degrees')
      if (at === null) { this.note(say('badPoint'), true); return }
      this.map.setView([at[1], at[0]], Math.max(this.map.getZoom(), 14))
      this.point(at)
    })
    part<HTMLInputElement>(this.root, 'file').addEventListener('change', event => {
      const file = (event.target as HTMLInputElement).files?.[0]
      if (file !== undefined) this.read(file)
    })
    onOtherReading(this.root, () => { if (this.last instanceof File) void this.ask(this.last) })
    takeDrops(this.root, file => { this.read(file) })
    for (const name of ['start', 'end']) part(this.root, name).addEventListener('change', () => { if (this.last !== null) void this.ask(this.last) })
    void this.land()
    this.root.dataset.ready = 'true'
  }

  /** Registered forest land as everyone may see it, to find one's way by. */
  private async land (): Promise<void> {
    try { parcelLayer(await getJson<TileJson>(this.config.parcels)).layer.addTo(this.map) } catch { /* The question works without it. */ }
  }

  private choose (tool: 'tap' | 'draw'): void {
    this.tool = tool
    this.map.pm.disableDraw()
    this.map.getContainer().dataset.tool = tool
    if (tool === 'draw') this.map.pm.enableDraw('Polygon', { continueDrawing: false, snappable: false, allowSelfIntersection: false, pathOptions: ASKED } as L.PM.DrawModeOptions)
    if (tool === 'draw') this.note(say('drawHint'))
    for (const button of this.root.querySelectorAll<HTMLButtonElement>('[data-tool-name]')) button.setAttribute('aria-pressed', String(button.dataset.toolName === tool))
  }

  private point ([lon, lat]: Position): void {
    this.asked.clearLayers()
    L.circleMarker([lat, lon], { ...ASKED, radius: 8, fillOpacity: 0.8, interactive: false }).addTo(this.asked)
    part<HTMLInputElement>(this.root, 'lon').value = lon.toFixed(6)
    part<HTMLInputElement>(this.root, 'lat').value = lat.toFixed(6)
    void this.ask({ point: { lon, lat } })
  }

  /** A new file: what was chosen for the one before says nothing of it. */
  private read (file: File): void {
    forgetReading(this.root)
    void this.ask(file)
  }

  private show (geometry: MultiPolygon): void {
    this.asked.clearLayers()
    L.geoJSON(geometry, { style: ASKED, interactive: false } as L.GeoJSONOptions).addTo(this.asked)
  }

  private note (words: string, bad = false): void {
    const note = part<HTMLElement>(this.root, 'note')
    note.textContent = words
    note.hidden = words === ''
    note.classList.toggle('bad', bad)
  }

  private async ask (what: object | File): Promise<void> {
    this.last = what
    const start = part<HTMLInputElement>(this.root, 'start').value
    const end = part<HTMLInputElement>(this.root, 'end').value
    if (start === '' || end === '' || end < start) { this.note(say('noPeriod'), true); return }
    this.pending?.abort()
    const mine = this.pending = new AbortController()
    this.note(say('asking'))
    try {
      const answer = what instanceof File ? await this.bring(what, `${start}/${end}`, mine.signal) : await postJson<Answer>(this.config.api, { ...what, period: `${start}/${end}` }, { signal: mine.signal })
      if (mine.signal.aborted) return
      this.note('')
      if (answer.reading !== null) tellReading(this.root, answer.reading, this.config.systems)
      if (answer.geometry !== null) {
        this.show(answer.geometry)
        this.map.fitBounds(this.asked.getBounds().pad(0.4), { maxZoom: 17 })
      }
      this.tell(answer)
    } catch (error) {
      if (mine.signal.aborted) return
      offerAfterRefusal(this.root, error, this.config.systems)
      if (error instanceof Refused) this.note(error.message, true)
      else if (error instanceof Offline) this.note(text('offline'), true)
      else throw error
    }
  }

  private bring (file: File, period: string, signal: AbortSignal): Promise<Answer> {
    const form = fileToRead(this.root, file)
    form.append('period', period)
    return postForm<Answer>(this.config.api, form, { signal })
  }

  private tell (answer: Answer): void {
    const verdict = part<HTMLElement>(this.root, 'verdict')
    verdict.className = `here-verdict badge ${BADGES[answer.verdict]}`
    verdict.textContent = say(answer.verdict)
    part(this.root, 'summary').textContent = answer.verdict === 'free'
      ? say('freeWords')
      : answer.verdict === 'edge'
        ? say('edgeWords')
        : answer.area_ha === 0 ? say('claimedPoint') : say('claimedArea', { share: answer.share_percent, ha: formatNumber(answer.area_ha, 1) })
    part(this.root, 'found').replaceChildren(...answer.found.map(one => {
      const item = document.createElement('li')
      item.className = `draw-finding ${one.share_percent > 0 ? 'conflict' : 'warning'}`
      const number = document.createElement('strong')
      number.textContent = one.number
      const kind = document.createElement('small')
      kind.textContent = `${one.kind_label} · ${one.state_label}`
      const words = document.createElement('p')
      const share = one.share_percent === 0 ? say('atEdge') : answer.area_ha === 0 ? '' : say('share', { share: one.share_percent })
      words.textContent = [say('period', { from: one.from, to: one.to ?? say('open') }), share].filter(word => word !== '').join(' · ')
      item.append(number, kind, words)
      for (const ticket of one.tickets) {
        const link = document.createElement('a')
        link.href = ticket.url
        link.textContent = `${say('ticket')} ${ticket.number}`
        item.append(link)
      }
      return item
    }))
    part(this.root, 'how').textContent = say('how', { step: answer.step_m, percent: answer.share_step_percent })
    const box = part<HTMLElement>(this.root, 'answer')
    box.hidden = false
    box.scrollIntoView({ block: 'nearest' })
    part<HTMLElement>(this.root, 'invite').hidden = true
    this.root.dataset.verdict = answer.verdict
  }
}

void new StandsHere(JSON.parse(document.getElementById('here-config')!.textContent!) as Config)
