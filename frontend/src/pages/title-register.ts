// Registering a title: its land by file, by typed points or by tapped parcels, then the paper's facts.
import L from 'leaflet'
import type { FeatureCollection } from 'geojson'
import { explain } from '../bench/acts'
import { CoOwners } from '../bench/co-owners'
import { FINDING_COLOURS } from '../bench/review-map'
import { placeOf, typedNumber } from '../bench/typed-points'
import { SELECTED } from '../colours'
import { part } from '../panel'
import { getJson, postForm } from '../server'
import { clickByKeyboard, nameShape, readout, stage, type StageConfig } from '../stage'
import { formatNumber, phrases } from '../text'
import type { TileJson } from '../tile-canvas'
import { parcelLayer } from '../vector-tiles'

interface Config extends StageConfig { urls: { shapes: string, register: string, parcel: string, tiles: string } }
interface Inspection {
  format: string
  layer: string
  layers: Array<{ name: string, features: number }>
  crs: { epsg: number, name: string, how: string, certain: boolean, needs_question: boolean, alternatives: Array<{ value: number, label: string }> } | null
  encoding: { value: string, how: string, certain: boolean, alternatives: Array<{ value: string, label: string }> } | null
  fields: Array<{ name: string }>
  feature_count: number
  bounds: [number, number, number, number] | null
  preview: FeatureCollection
  notices: Array<{ code: string, message: string }>
  problems: Array<{ row: number, message: string, lon: number | null, lat: number | null }>
}
interface Column { code: string, label: string, column: string }

const say = phrases({
  unmapped: ['（不取）', '(none)'],
  feature: ['第 {n} 个图形', 'Feature {n}'],
  crs: ['坐标系：{name}（{how}）', 'Coordinate system: {name} ({how})'],
  certain: ['文件注明', 'stated by the file'],
  guessed: ['推测，请在地图上核对', 'guessed, please check on the map'],
  chosen: ['人工选定', 'chosen'],
  first: ['经度', 'Longitude'],
  second: ['纬度', 'Latitude'],
  north: ['X（北）', 'X (northing)'],
  east: ['Y（东）', 'Y (easting)'],
  plot: ['地块号', 'Plot'],
  point: ['点号', 'Point'],
  row: ['第 {n} 行{column}', 'Row {n}, {column}'],
  remove: ['删除第 {n} 行', 'Remove row {n}'],
  shape: ['{n} 个界址点', '{n} points'],
  zoomIn: ['放大到能看清宗地后点选', 'Zoom in to tap parcels'],
  tapped: ['已选 {n} 宗', '{n} chosen'],
  sending: ['正在登记…', 'Registering…'],
  reading: ['正在读取文件…', 'Reading the file…'],
  readAll: ['已读取 {n} 个图形', '{n} features read'],
  noShape: ['还没有图形。', 'No land yet.']
})
const TAP_ZOOM = 14
const SHAPE = { color: SELECTED.line, weight: 2, fillColor: SELECTED.fill, fillOpacity: 0.45 }

class RegisterPage {
  private readonly root = document.getElementById('main')!
  private readonly form = part<HTMLFormElement>(this.root, 'register')
  private readonly map: L.Map
  private readonly coOwners: CoOwners
  private readonly drawn = L.layerGroup()
  private readonly near = L.layerGroup()
  private readonly tapped = new Map<string, string>()
  private way = 'upload'
  private pending: AbortController | null = null
  private land: L.GridLayer | null = null

  constructor (private readonly config: Config) {
    const { map, bases } = stage(part(this.root, 'map'), config)
    bases.sketch!.addTo(map)
    map.setView([43.98, 81.28], 12)
    map.createPane('parcels').style.zIndex = '300'
    this.near.addTo(map)
    this.drawn.addTo(map)
    readout(map, part(this.root, 'readout'))
    clickByKeyboard(map)
    this.map = map
    this.coOwners = new CoOwners(this.root)
  }

  start (): void {
    for (const tab of this.root.querySelectorAll<HTMLButtonElement>('[role=tab]')) {
      tab.addEventListener('click', () => this.choose(tab.dataset.way!))
      tab.addEventListener('keydown', event => {
        if (event.key !== 'ArrowRight' && event.key !== 'ArrowLeft') return
        const tabs = [...this.root.querySelectorAll<HTMLButtonElement>('[role=tab]')]
        const next = tabs[(tabs.indexOf(tab) + (event.key === 'ArrowRight' ? 1 : tabs.length - 1)) % tabs.length]!
        next.focus()
        this.choose(next.dataset.way!)
      })
    }
    this.file()
    this.points()
    this.map.on('moveend', () => { if (this.way === 'tap') void this.parcelsHere() })
    this.form.addEventListener('submit', event => { event.preventDefault(); void this.send() })
    this.choose('upload')
    this.root.dataset.ready = 'true'
  }

  private choose (way: string): void {
    this.way = way
    for (const tab of this.root.querySelectorAll<HTMLButtonElement>('[role=tab]')) {
      const here = tab.dataset.way === way
      tab.setAttribute('aria-selected', String(here))
      tab.tabIndex = here ? 0 : -1
      part<HTMLElement>(this.root, `way-${tab.dataset.way!}`).hidden = !here
    }
    this.drawn.clearLayers()
    this.near.clearLayers()
    part<HTMLElement>(this.root, 'place-box').hidden = way === 'tap'
    this.note('')
    void this.overview(way === 'tap')
    if (way === 'tap') void this.parcelsHere()
    if (way === 'points') this.redraw()
  }

  private note (words: string): void {
    part(this.root, 'land-note').textContent = words
  }

  private refuse (error: unknown): void {
    explain(error, part(this.root, 'refusal'))
  }

  // --- a file ---
  private file (): void {
    const input = part<HTMLInputElement>(this.root, 'shape-file')
    input.addEventListener('change', () => { void this.read(false) })
    const zone = part<HTMLElement>(this.root, 'drop')
    for (const name of ['dragover', 'dragenter']) zone.addEventListener(name, event => { event.preventDefault(); zone.classList.add('over') })
    for (const name of ['dragleave', 'drop']) zone.addEventListener(name, () => zone.classList.remove('over'))
    part(this.root, 'crs').addEventListener('change', () => { void this.read(true) })
    part(this.root, 'seven_parameters').addEventListener('change', () => { void this.read(false) })
    for (const name of ['layer', 'encoding']) part(this.root, name).addEventListener('change', () => { void this.read(true) })
  }

  private async read (chosen: boolean): Promise<void> {
    const file = part<HTMLInputElement>(this.root, 'shape-file').files?.[0]
    if (file === undefined) return
    const body = new FormData()
    body.set('way', 'upload')
    body.set('shape_file', file)
    body.set('seven_parameters', part<HTMLInputElement>(this.root, 'seven_parameters').value)
    if (chosen) {
      body.set('crs', part<HTMLSelectElement>(this.root, 'crs').value)
      body.set('layer', part<HTMLSelectElement>(this.root, 'layer').value)
      body.set('encoding', part<HTMLSelectElement>(this.root, 'encoding').value)
    }
    this.pending?.abort()
    this.pending = new AbortController()
    part<HTMLElement>(this.root, 'refusal').hidden = true
    this.note(say('reading'))
    try {
      const { inspection, columns } = await postForm<{ inspection: Inspection, columns: Column[] }>(this.config.urls.shapes, body, { signal: this.pending.signal })
      this.show(inspection)
      this.columns(inspection, columns)
    } catch (error) {
      this.note('')
      this.refuse(error)
    }
  }

  /** Which columns of the file name its parcels: proposed, and to be changed. */
  private columns (found: Inspection, columns: Column[]): void {
    part<HTMLElement>(this.root, 'columns-box').hidden = found.fields.length === 0
    part(this.root, 'columns').replaceChildren(...columns.map(one => {
      const field = document.createElement('div')
      field.className = 'field'
      const label = document.createElement('label')
      const choose = document.createElement('select')
      choose.name = `map_${one.code}`
      choose.id = `map-${one.code}`
      label.htmlFor = choose.id
      label.textContent = one.label
      choose.append(new Option(say('unmapped'), ''), ...found.fields.map(({ name }) => new Option(name, name, false, name === one.column)))
      field.append(label, choose)
      return field
    }))
  }

  private show (found: Inspection): void {
    part<HTMLElement>(this.root, 'file-found').hidden = false
    const layer = part<HTMLSelectElement>(this.root, 'layer')
    layer.replaceChildren(...found.layers.map(one => new Option(`${one.name}（${one.features}）`, one.name, false, one.name === found.layer)))
    const crs = part<HTMLSelectElement>(this.root, 'crs')
    if (found.crs !== null) {
      const how = found.crs.how === 'chosen' ? say('chosen') : found.crs.certain ? say('certain') : say('guessed')
      part(this.root, 'crs-how').textContent = how
      part(this.root, 'crs-how').classList.toggle('warn', found.crs.needs_question)
      crs.replaceChildren(...found.crs.alternatives.map(one => new Option(one.label, String(one.value), false, one.value === found.crs!.epsg)))
    }
    const encoding = part<HTMLSelectElement>(this.root, 'encoding')
    part<HTMLElement>(this.root, 'encoding-box').hidden = found.encoding === null
    if (found.encoding !== null) {
      const { value, how, certain, alternatives } = found.encoding
      part(this.root, 'encoding-how').textContent = how === 'chosen' ? say('chosen') : certain ? say('certain') : say('guessed')
      encoding.replaceChildren(...alternatives.map(one => new Option(one.label, one.value, false, one.value === value)))
    } else encoding.replaceChildren()
    part(this.root, 'file-notices').replaceChildren(...[...found.notices.map(one => one.message), ...found.problems.map(one => `${say('feature', { n: one.row })}：${one.message}`)].map(words => {
      const line = document.createElement('p')
      line.className = 'alert warning'
      line.textContent = words
      return line
    }))
    const list = part<HTMLElement>(this.root, 'features')
    this.drawn.clearLayers()
    for (const { row, message, lon, lat } of found.problems) {
      if (lon === null || lat === null) continue
      L.circleMarker([lat, lon], { radius: 8, color: FINDING_COLOURS.conflict, weight: 3, fillOpacity: 0.3 })
        .bindTooltip(`${say('feature', { n: row })}：${message}`).addTo(this.drawn)
    }
    list.replaceChildren(...found.preview.features.map(feature => {
      const row = String((feature.properties as { row: number }).row)
      const shown = L.geoJSON(feature, { style: SHAPE } as L.GeoJSONOptions).addTo(this.drawn)
      const label = document.createElement('label')
      const tick = document.createElement('input')
      tick.type = 'checkbox'
      tick.name = 'row'
      tick.value = row
      tick.checked = true
      tick.addEventListener('change', () => { if (tick.checked) this.drawn.addLayer(shown); else this.drawn.removeLayer(shown) })
      label.append(tick, say('feature', { n: row }))
      return label
    }))
    if (found.bounds !== null) {
      const [west, south, east, north] = found.bounds
      const seen = L.latLngBounds([[south, west], [north, east]])
      // What is refused near by is seen too; a place far off is itself a sign of what is wrong.
      const near = seen.pad(5)
      for (const { lon, lat } of found.problems) if (lon !== null && lat !== null && near.contains([lat, lon])) seen.extend([lat, lon])
      this.map.fitBounds(seen, { padding: [30, 30] })
    }
    this.note(say('readAll', { n: formatNumber(found.feature_count) }))
    this.root.dataset.previewed = String(found.preview.features.length)
  }

  // --- typed points ---
  private points (): void {
    const body = part<HTMLTableSectionElement>(this.root, 'points')
    for (let at = 0; at < 4; at++) this.addRow()
    part<HTMLSelectElement>(this.root, 'numbers').addEventListener('change', () => { this.headings(); this.redraw() })
    body.addEventListener('input', () => {
      const rows = [...body.querySelectorAll('tr')]
      const last = rows.at(-1)!
      if ([...last.querySelectorAll('input')].some(input => input.value.trim() !== '')) this.addRow()
      this.redraw()
    })
    body.addEventListener('paste', event => this.paste(event as ClipboardEvent))
    this.headings()
  }

  private headings (): void {
    const metres = part<HTMLSelectElement>(this.root, 'numbers').value === 'metres'
    part(this.root, 'first-heading').textContent = metres ? say('north') : say('first')
    part(this.root, 'second-heading').textContent = metres ? say('east') : say('second')
  }

  private addRow (values: string[] = []): void {
    const body = part<HTMLTableSectionElement>(this.root, 'points')
    const number = body.rows.length + 1
    const row = document.createElement('tr')
    const before = body.rows[body.rows.length - 1]?.querySelector('input')?.value ?? '1'
    const given = values.length > 0 ? values : [before, String(number), '', '']
    const columns = [say('plot'), say('point'), say('first'), say('second')]
    row.append(...given.map((value, at) => {
      const cell = document.createElement('td')
      const input = document.createElement('input')
      input.type = 'text'
      input.value = value
      input.inputMode = at < 2 ? 'text' : 'decimal'
      input.setAttribute('aria-label', say('row', { n: number, column: columns[at]! }))
      cell.append(input)
      return cell
    }))
    body.append(row)
  }

  /** A block from a spreadsheet, tab by tab. */
  private paste (event: ClipboardEvent): void {
    const text = event.clipboardData?.getData('text') ?? ''
    if (!text.includes('\t') && !text.includes('\n')) return
    event.preventDefault()
    const body = part<HTMLTableSectionElement>(this.root, 'points')
    const rows = text.trim().split(/\r?\n/).map(line => line.split('\t').map(cell => cell.trim()))
    body.replaceChildren()
    rows.forEach((cells, at) => {
      const filled = cells.length >= 4 ? cells.slice(0, 4) : cells.length === 3 ? ['1', ...cells] : ['1', String(at + 1), cells[0] ?? '', cells[1] ?? '']
      this.addRow(filled)
    })
    this.addRow()
    this.redraw()
  }

  /** The rows to the last with a number; one without stays as an empty one, so that a refusal counts rows as they stand. */
  private typed (): string[][] {
    const rows = [...part<HTMLElement>(this.root, 'points').querySelectorAll('tr')]
      .map(row => [...row.querySelectorAll('input')].map(input => input.value.trim()))
      .map(cells => cells[2] === '' && cells[3] === '' ? ['', '', '', ''] : cells)
    while (rows.at(-1)?.every(cell => cell === '')) rows.pop()
    return rows
  }

  private redraw (): void {
    const kind = part<HTMLSelectElement>(this.root, 'numbers').value
    for (const row of part<HTMLElement>(this.root, 'points').querySelectorAll('tr')) {
      const inputs = [...row.querySelectorAll('input')].slice(2)
      for (const input of inputs) input.toggleAttribute('aria-invalid', input.value.trim() !== '' && typedNumber(input.value) === null)
    }
    const plots = new Map<string, Array<[number, number]>>()
    for (const [plot, , first, second] of this.typed()) {
      const place = placeOf(first!, second!, kind)
      if (place === null) continue
      plots.set(plot!, [...(plots.get(plot!) ?? []), [place[1], place[0]]])
    }
    this.drawn.clearLayers()
    let count = 0
    for (const points of plots.values()) {
      count += points.length
      for (const point of points) L.circleMarker(point, { radius: 4, color: SELECTED.line, fillColor: '#fff', fillOpacity: 1, weight: 2 }).addTo(this.drawn)
      if (points.length >= 3) L.polygon(points, SHAPE).addTo(this.drawn)
      else if (points.length === 2) L.polyline(points, { color: SELECTED.line, weight: 2 }).addTo(this.drawn)
    }
    this.root.dataset.points = String(count)
    this.note(count > 0 ? say('shape', { n: count }) : say('noShape'))
    const all = [...plots.values()].flat()
    if (all.length >= 2) this.map.fitBounds(L.latLngBounds(all).pad(0.4), { maxZoom: 18, animate: false })
    else if (all.length === 1) this.map.setView(all[0]!, Math.max(this.map.getZoom(), 16), { animate: false })
  }

  // --- tapped parcels ---
  /** All registered land, so that one finds one's own; single parcels are tapped from TAP_ZOOM on. */
  private async overview (wanted: boolean): Promise<void> {
    if (!wanted) { this.land?.remove(); return }
    try {
      this.land ??= parcelLayer(await getJson<TileJson>(this.config.urls.tiles)).layer
      if (this.way === 'tap') this.land.addTo(this.map)
    } catch (error) {
      this.refuse(error)
    }
  }

  private async parcelsHere (): Promise<void> {
    if (this.map.getZoom() < TAP_ZOOM) { this.note(say('zoomIn')); return }
    this.pending?.abort()
    this.pending = new AbortController()
    const bounds = this.map.getBounds()
    const box = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map(n => n.toFixed(6)).join(',')
    try {
      const found = await getJson<FeatureCollection>(`${this.config.urls.parcel}?bbox=${box}&limit=200`, { signal: this.pending.signal })
      this.near.clearLayers()
      for (const feature of found.features) {
        const key = String(feature.id)
        const shown = L.geoJSON(feature, { style: this.styleOf(key) } as L.GeoJSONOptions)
        nameShape(shown, (feature.properties as { title: string }).title, { sticky: true })
        shown.on('click', () => {
          if (this.tapped.has(key)) this.tapped.delete(key)
          else this.tapped.set(key, String((feature.properties as { title: string }).title))
          shown.setStyle(this.styleOf(key))
          this.listTapped()
        })
        shown.addTo(this.near)
      }
      this.root.dataset.near = String(found.features.length)
      this.listTapped()
    } catch (error) {
      this.refuse(error)
    }
  }

  private styleOf (key: string): L.PathOptions {
    return this.tapped.has(key) ? SHAPE : { color: '#7c847b', weight: 1, fillColor: '#b9bfb6', fillOpacity: 0.35 }
  }

  private listTapped (): void {
    this.note(say('tapped', { n: this.tapped.size }))
    part(this.root, 'tapped').replaceChildren(...[...this.tapped.values()].map(name => {
      const item = document.createElement('li')
      item.textContent = name
      return item
    }))
  }

  // --- send ---
  private async send (): Promise<void> {
    const body = new FormData(this.form)
    body.set('way', this.way)
    body.set('co_owners', this.coOwners.json())
    if (this.way !== 'upload') { body.delete('shape_file'); body.delete('row') }
    if (this.way === 'points') {
      body.set('numbers', part<HTMLSelectElement>(this.root, 'numbers').value)
      body.set('points', JSON.stringify(this.typed()))
    }
    if (this.way === 'tap') for (const key of this.tapped.keys()) body.append('parcel', key)
    const button = this.form.querySelector<HTMLButtonElement>('button[type=submit]')!
    const refusal = part<HTMLElement>(this.root, 'refusal')
    refusal.hidden = true
    button.disabled = true
    this.note(say('sending'))
    try {
      const answer = await postForm<{ url: string }>(this.config.urls.register, body)
      location.assign(answer.url)
    } catch (error) {
      this.note('')
      this.refuse(error)
      button.disabled = false
    }
  }
}

new RegisterPage(JSON.parse(document.getElementById('bench-config')!.textContent!) as Config).start()
