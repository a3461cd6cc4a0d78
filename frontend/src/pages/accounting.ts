// A report's strata on the map: pick them from stands or draw them, with species and stock at both dates.
import L from 'leaflet'
import '@geoman-io/leaflet-geoman-free'
import type { Feature, FeatureCollection, MultiPolygon, Polygon } from 'geojson'
import { differences, showDifferences, type DraftState, type SpeciesFacts } from '../accounting/other-window'
import { part } from '../panel'
import { getJson, Offline, postForm, Refused } from '../server'
import { nameShape, readout, stage, type StageConfig } from '../stage'
import { formatNumber, phrases, text } from '../text'

interface Config extends StageConfig, DraftState {
  editable: boolean
  urls: Record<'state' | 'shapes' | 'stands' | 'stratum-add' | 'strata-pick' | 'stratum-change' | 'stratum-remove', string>
  sets: Array<{ id: number, name: string, group: string }>
  origins: Array<{ code: string, label: string }>
  years: { begin: number | null, end: number | null, reach: number }
}
interface Shapes { area: MultiPolygon, strata: FeatureCollection<MultiPolygon, { code: string, group: string }> }
interface StandFacts { number: string, species: string, stock: number | null, area_ha: number }
interface Saved { url: string, added?: number, left_out?: Array<{ number: string, reason: string }> }

const say = phrases({
  newStratum: ['新碳层', 'New stratum'],
  changeStratum: ['碳层 {code}', 'Stratum {code}'],
  parameterSet: ['树种与参数集', 'Species and parameter set'],
  choose: ['请选择', 'Choose'],
  begin: ['期初蓄积', 'Stock at the beginning'],
  end: ['期末蓄积', 'Stock at the end'],
  unit: ['单位', 'Unit'],
  perHectare: ['立方米/公顷', 'm³/ha'],
  perMu: ['立方米/亩', 'm³/mu'],
  drop: ['移除此树种', 'Remove this species'],
  converted: ['合 {begin} → {end} 立方米/公顷', '= {begin} → {end} m³/ha'],
  trap: ['两期相差约 15 倍：是否一处按亩填写？', 'About fifteen-fold between the dates: is one of them per mu?'],
  low: ['每公顷不足 15 立方米：如按亩填写，请把单位改为“立方米/亩”。', 'Under 15 m³/ha: if it is per mu, choose m³/mu as the unit.'],
  drawHint: ['在地图上依次点出界址点，点回起点结束。', 'Click the corners on the map; click the first one to finish.'],
  standsHere: ['{n} 个小班，已选 {chosen} 个', '{n} stands, {chosen} chosen'],
  noSurvey: ['期末前后 {years} 年内此处没有小班调查', 'No stands surveyed here within {years} years of the end'],
  noStands: ['此处没有小班调查资料', 'No stands surveyed here'],
  leftOut: ['已加入 {n} 层；未加入：{list}', '{n} strata added; left out: {list}'],
  removeAsk: ['移除碳层 {code}？', 'Remove stratum {code}?'],
  badVertices: ['界址点写法应为“经度,纬度”，每个部分至少三点。', 'Write corners as "longitude,latitude", at least three for each part.'],
  saved: ['已保存。', 'Saved.'],
  trees: ['此层按每木检尺计算', 'This stratum is calculated from measured trees']
})

// One hue for each species group, told apart by their names on the map as well.
const HUES = ['#2f9e83', '#8a5a00', '#174f7c', '#7a4a8c', '#a3532c', '#4c7a1e', '#5b6470', '#b0475f']
const STAND = { color: '#5c6a62', weight: 1, fillColor: '#ffffff', fillOpacity: 0.15 }
const CHOSEN = { color: '#8a4b00', weight: 2, fillColor: '#f2b134', fillOpacity: 0.45 }
const WRONG = { color: '#a3241c', weight: 2, fillColor: '#d9534f', fillOpacity: 0.6 }
const DRAWN = { color: '#b45309', weight: 2.5, fillColor: '#f2b134', fillOpacity: 0.35 }
const MU_PER_HECTARE = 15
const NO_KEY = '00000000-0000-0000-0000-000000000000'

const config = JSON.parse(document.getElementById('accounting-config')!.textContent!) as Config
const root = document.getElementById('main')!
const { map, bases } = stage(part(root, 'map'), config)
bases.sketch!.addTo(map)
map.setView([44, 81.3], 11)
readout(map, part(root, 'readout'))
map.pm.setLang(document.documentElement.lang.startsWith('en') ? 'en' : 'zh')
map.pm.setGlobalOptions({ snappable: true, snapDistance: 14, allowSelfIntersection: false, limitMarkersToCount: 200 } as L.PM.GlobalOptions)

const groups = [...new Set(config.sets.map(row => row.group))]
const hue = (group: string): string => HUES[Math.max(0, groups.indexOf(group)) % HUES.length]!
const strata = new Map<string, L.Polygon>()
let wrong: L.GeoJSON | null = null

function explain (error: unknown, place: HTMLElement): void {
  if (error instanceof DOMException && error.name === 'AbortError') return
  place.textContent = error instanceof Offline ? text('offline') : error instanceof Refused ? error.message : String(error)
  place.hidden = false
  place.scrollIntoView({ block: 'nearest' })
}

/** A saved page comes back with what the server says now; what was left out is told there. */
function come (saved: Saved): void {
  const leftOut = saved.left_out ?? []
  const list = leftOut.map(one => `${one.number} ${one.reason}`).join('；')
  sessionStorage.setItem('accounting-done', leftOut.length > 0 ? say('leftOut', { n: saved.added ?? 0, list }) : say('saved'))
  location.reload()
}

async function send (url: string, body: FormData, place: HTMLElement): Promise<void> {
  place.hidden = true
  part<HTMLElement>(root, 'page-done').hidden = true
  wrong?.remove()
  body.set('seen', String(config.seen))
  try {
    come(await postForm<Saved>(url, body))
  } catch (error) {
    if (error instanceof Refused && error.code === 'state_moved_on') { await overtaken(url, body, place); return }
    explain(error, place)
    const shape = error instanceof Refused ? error.shape : null
    if (shape !== null) {
      wrong = L.geoJSON(shape as never, { style: WRONG, interactive: false, pmIgnore: true }).addTo(map)
      map.fitBounds(wrong.getBounds().pad(1.5))
    }
  }
}

/** Another window saved first: what differs is told, and what is typed here can be sent all the same. */
async function overtaken (url: string, body: FormData, place: HTMLElement): Promise<void> {
  const now = await getJson<DraftState>(config.urls.state)
  const label = (name: string): string => root.querySelector<HTMLInputElement>(`form[data-ref=terms] [name=${name}]`)?.labels?.[0]?.textContent?.trim() ?? name
  showDifferences(root, differences(config, now, label), {
    mine: () => { config.seen = now.seen; void send(url, body, place) },
    theirs: () => { location.reload() }
  })
}

// --- what is there ------------------------------------------------------------------------------
async function showShapes (): Promise<void> {
  const shapes = await getJson<Shapes>(config.urls.shapes)
  const area = L.geoJSON(shapes.area, { style: { color: '#0d4f43', weight: 2.5, fill: false, dashArray: '7 5' }, interactive: false, pmIgnore: true } as L.GeoJSONOptions).addTo(map)
  L.geoJSON(shapes.strata, {
    pmIgnore: true,
    style: feature => ({ color: hue(feature!.properties.group as string), weight: 1.5, fillOpacity: 0.35 }),
    onEachFeature: (feature, layer) => {
      const polygon = layer as L.Polygon
      strata.set(String(feature.id), polygon)
      nameShape(polygon, feature.properties.code, { permanent: shapes.strata.features.length <= 60, direction: 'center', className: 'stratum-label' })
      polygon.on('click', () => { if (config.editable && form.hidden) openForm(String(feature.id)) })
      polygon.on('mouseover', () => { mark(String(feature.id), true) })
      polygon.on('mouseout', () => { mark(String(feature.id), false) })
    }
  } as L.GeoJSONOptions).addTo(map)
  map.fitBounds(area.getBounds().pad(0.08), { animate: false })
  part<HTMLElement>(root, 'no-strata').hidden = shapes.strata.features.length > 0
  part<HTMLElement>(root, 'strata-table').hidden = shapes.strata.features.length === 0
  root.dataset.seen = String(config.seen)
  root.dataset.ready = 'true'
}

function mark (key: string, on: boolean): void {
  root.querySelector(`tr[data-stratum="${key}"]`)?.classList.toggle('marked', on)
  strata.get(key)?.setStyle({ weight: on ? 4 : 1.5, fillOpacity: on ? 0.55 : 0.35 })
}

for (const row of root.querySelectorAll<HTMLElement>('tr[data-stratum]')) {
  row.addEventListener('mouseenter', () => { mark(row.dataset.stratum!, true) })
  row.addEventListener('mouseleave', () => { mark(row.dataset.stratum!, false) })
}

// --- the form of a stratum ----------------------------------------------------------------------
const form = config.editable ? part<HTMLFormElement>(root, 'stratum-form') : document.createElement('form')
let editing: string | null = null
let drawn: L.Polygon | null = null

type Rings = L.LatLng[][][]

function parts (layer: L.Polygon): Rings {
  const rings = layer.getLatLngs() as L.LatLng[][] | L.LatLng[][][]
  return Array.isArray(rings[0]?.[0]) ? rings as L.LatLng[][][] : [rings as L.LatLng[][]]
}

function showVertices (): void {
  const area = part<HTMLTextAreaElement>(form, 'vertices')
  area.value = drawn === null
    ? ''
    : parts(drawn).map(polygon => polygon[0]!.map(at => `${at.lng.toFixed(8)},${at.lat.toFixed(8)}`).join('\n')).join('\n\n')
  area.dataset.untouched = 'true'
  // Holes are drawn, not typed: the field would lose them.
  area.disabled = drawn !== null && parts(drawn).some(polygon => polygon.length > 1)
}

function setDrawn (layer: L.Polygon | null): void {
  drawn?.remove()
  drawn = layer
  layer?.setStyle(DRAWN).addTo(map)
  layer?.on('pm:edit', showVertices)
  showVertices()
}

/** The typed corners as a polygon: parts apart by an empty line. */
function typedShape (value: string): L.Polygon | null {
  const rings = value.trim().split(/\n\s*\n/).map(block => block.trim().split('\n').map(line => line.split(/[,，\s]+/).filter(Boolean).map(Number)))
  const right = rings.every(ring => ring.length >= 3 && ring.every(at => at.length === 2 && at.every(Number.isFinite)))
  if (!right) return null
  return L.polygon(rings.map(ring => [ring.map(([lon, lat]) => L.latLng(lat!, lon!))]))
}

function speciesRow (facts: SpeciesFacts | null): HTMLElement {
  const row = document.createElement('fieldset')
  row.className = 'species-row'
  const legend = document.createElement('legend')
  legend.textContent = say('parameterSet')
  const select = document.createElement('select')
  select.name = 'set'
  select.setAttribute('aria-label', say('parameterSet'))
  select.append(new Option(say('choose'), ''), ...config.sets.map(one => new Option(one.name, String(one.id))))
  select.value = facts === null ? '' : String(facts.set)
  const unit = document.createElement('select')
  unit.name = 'unit'
  unit.append(new Option(say('perHectare'), 'ha'), new Option(say('perMu'), 'mu'))
  unit.value = facts?.unit ?? 'ha'
  const begin = numberField('begin', facts?.begin ?? '')
  const end = numberField('end', facts?.end ?? '')
  const hint = document.createElement('p')
  hint.className = 'help'
  hint.setAttribute('role', 'status')
  const grid = document.createElement('div')
  grid.className = 'stock-grid'
  grid.append(labelled(say('begin'), begin), labelled(say('end'), end), labelled(say('unit'), unit))
  const drop = document.createElement('button')
  drop.type = 'button'
  drop.className = 'link'
  drop.textContent = say('drop')
  drop.addEventListener('click', () => { row.remove() })
  row.append(legend, select, grid, hint, drop)
  const judge = (): void => { hint.replaceChildren(...judgement(begin.value, end.value, unit.value)) }
  for (const field of [begin, end, unit]) field.addEventListener('input', judge)
  judge()
  return row
}

/** The unit trap is shown while typing: what the numbers are per hectare, and what looks wrong. */
function judgement (begin: string, end: string, unit: string): HTMLElement[] {
  const [first, last] = [begin, end].map(value => value.trim() === '' ? NaN : Number(value))
  const times = unit === 'mu' ? MU_PER_HECTARE : 1
  const lines: HTMLElement[] = []
  const tell = (words: string, grave: boolean): void => {
    const line = document.createElement('span')
    line.textContent = words
    line.className = grave ? 'warn-line' : ''
    lines.push(line)
  }
  if (unit === 'mu' && Number.isFinite(first) && Number.isFinite(last)) {
    tell(say('converted', { begin: formatNumber(first! * times, 1), end: formatNumber(last! * times, 1) }), false)
  }
  const ratio = Math.max(first! / last!, last! / first!)
  if (ratio >= 13.5 && ratio <= 16.5) tell(say('trap'), true)
  else if (unit === 'ha' && last! > 0 && last! < MU_PER_HECTARE) tell(say('low'), true)
  return lines
}

function numberField (name: string, value: string): HTMLInputElement {
  const field = document.createElement('input')
  field.type = 'text'
  field.inputMode = 'decimal'
  field.name = name
  field.value = value
  return field
}

function labelled (words: string, field: HTMLElement): HTMLElement {
  const label = document.createElement('label')
  const name = document.createElement('span')
  name.textContent = words
  label.append(name, field)
  return label
}

function openForm (key: string | null): void {
  const facts = config.strata.find(one => one.key === key) ?? null
  editing = facts?.key ?? null
  part(form, 'stratum-title').textContent = facts === null ? say('newStratum') : say('changeStratum', { code: facts.code })
  form.querySelector<HTMLInputElement>('[name=code]')!.value = facts?.code ?? nextCode()
  part<HTMLSelectElement>(form, 'origin').value = facts?.origin ?? 'planted'
  const volumes = (facts?.species ?? []).filter(one => one.basis === 'volume')
  const rows = facts === null || volumes.length > 0 ? (volumes.length > 0 ? volumes.map(speciesRow) : [speciesRow(null)]) : []
  part(form, 'species-rows').replaceChildren(...rows)
  if (facts !== null && rows.length === 0) {
    const note = document.createElement('p')
    note.className = 'muted'
    note.textContent = say('trees')
    part(form, 'species-rows').append(note)
  }
  form.querySelector<HTMLElement>('[data-act=edit-shape]')!.hidden = false
  part<HTMLElement>(form, 'stratum-error').hidden = true
  const standing = key === null ? undefined : strata.get(key)
  setDrawn(standing === undefined ? null : L.polygon(parts(standing)))
  if (drawn !== null) map.fitBounds(drawn.getBounds().pad(0.4))
  form.hidden = false
  part<HTMLElement>(form, 'stratum-title').focus()
  form.scrollIntoView({ block: 'nearest' })
}

function nextCode (): string {
  let serial = config.strata.length + 1
  while (config.strata.some(one => one.code === String(serial))) serial += 1
  return String(serial)
}

function closeForm (): void {
  map.pm.disableDraw()
  setDrawn(null)
  wrong?.remove()
  form.hidden = true
}

function save (event: Event): void {
  event.preventDefault()
  const place = part<HTMLElement>(form, 'stratum-error')
  const area = part<HTMLTextAreaElement>(form, 'vertices')
  const body = new FormData(form)
  // A row by measured trees keeps its numbers; the unit of a dropped row goes with it.
  const shape = area.dataset.untouched === 'true' ? drawn : typedShape(area.value)
  if (area.dataset.untouched !== 'true' && shape === null) {
    explain(new Error(say('badVertices')), place)
    place.textContent = say('badVertices')
    return
  }
  const feature = shape?.toGeoJSON(9) as Feature<Polygon | MultiPolygon> | undefined
  body.set('geom', feature === undefined ? '' : JSON.stringify(feature.geometry))
  const url = editing === null ? config.urls['stratum-add'] : config.urls['stratum-change'].replace(NO_KEY, editing)
  void send(url, body, place)
}

// --- stands -------------------------------------------------------------------------------------
let standLayer: L.GeoJSON | null = null
const standShapes = new Map<number, L.Path>()
const chosen = new Set<number>()

function countStands (): void {
  part(root, 'stand-count').textContent = standShapes.size === 0 ? say('noStands') : say('standsHere', { n: standShapes.size, chosen: chosen.size })
  root.querySelector<HTMLButtonElement>('[data-act=all-stands]')!.disabled = standShapes.size === 0
  root.querySelector<HTMLButtonElement>('[data-act=pick]')!.disabled = chosen.size === 0
}

function choose (id: number, on: boolean): void {
  if (on) chosen.add(id)
  else chosen.delete(id)
  standShapes.get(id)?.setStyle(on ? CHOSEN : STAND)
}

async function showStands (): Promise<void> {
  const year = part<HTMLSelectElement>(root, 'end-year').value
  standLayer?.remove()
  standShapes.clear()
  chosen.clear()
  try {
    const found = await getJson<FeatureCollection<MultiPolygon, StandFacts>>(`${config.urls.stands}?year=${year}`)
    standLayer = L.geoJSON(found, {
      pmIgnore: true,
      style: STAND,
      onEachFeature: (feature, layer) => {
        const id = Number(feature.id)
        const facts = feature.properties as StandFacts
        standShapes.set(id, layer as L.Path)
        nameShape(layer, `${facts.number} ${facts.species} ${facts.stock ?? '—'} m³/ha`)
        layer.on('click', () => { choose(id, !chosen.has(id)); countStands() })
      }
    } as L.GeoJSONOptions).addTo(map)
  } catch (error) {
    explain(error, part(root, 'page-error'))
  }
  countStands()
  root.dataset.stands = String(standShapes.size)
}

function pick (): void {
  const body = new FormData()
  body.set('stands', [...chosen].join(','))
  body.set('begin_year', part<HTMLSelectElement>(root, 'begin-year').value)
  body.set('merge', part<HTMLInputElement>(root, 'merge').checked ? 'on' : '')
  void send(config.urls['strata-pick'], body, part(root, 'page-error'))
}

/** The period's two surveys; the server takes stands of no other. */
function fillYears (): void {
  const { begin, end, reach } = config.years
  if (end === null) {
    for (const field of root.querySelectorAll<HTMLButtonElement | HTMLSelectElement>('.strata-tools select, .strata-tools button, .strata-tools input')) field.disabled = true
    part(root, 'stand-count').textContent = say('noSurvey', { years: reach })
    return
  }
  part<HTMLSelectElement>(root, 'end-year').add(new Option(String(end), String(end)))
  if (begin !== null) part<HTMLSelectElement>(root, 'begin-year').add(new Option(String(begin), String(begin), true, true))
}

// --- acts ---------------------------------------------------------------------------------------
const acts: Record<string, (button: HTMLElement) => void> = {
  draw: () => {
    openForm(null)
    map.pm.enableDraw('Polygon', { continueDrawing: false, snappable: true, snapDistance: 14, allowSelfIntersection: false, templineStyle: DRAWN, hintlineStyle: { ...DRAWN, dashArray: '5 5' }, pathOptions: DRAWN } as L.PM.DrawModeOptions)
    part(root, 'stand-note').textContent = say('drawHint')
  },
  change: button => { openForm(button.dataset.key!) },
  remove: button => {
    const facts = config.strata.find(one => one.key === button.dataset.key)!
    if (confirm(say('removeAsk', { code: facts.code }))) void send(config.urls['stratum-remove'].replace(NO_KEY, facts.key), new FormData(), part(root, 'page-error'))
  },
  'add-species': () => { part(form, 'species-rows').append(speciesRow(null)) },
  'edit-shape': () => { if (drawn === null) acts.draw!(form); else drawn.pm.enable({ snappable: true, allowSelfIntersection: false, limitMarkersToCount: 200 } as L.PM.EditModeOptions) },
  cancel: closeForm,
  stands: () => { void showStands() },
  'all-stands': () => { for (const id of standShapes.keys()) choose(id, true); countStands() },
  pick
}

if (config.editable) {
  for (const one of config.origins) part<HTMLSelectElement>(form, 'origin').add(new Option(one.label, one.code))
  fillYears()
  form.addEventListener('submit', save)
  form.addEventListener('keydown', event => { if (event.key === 'Escape') closeForm() })
  part<HTMLTextAreaElement>(form, 'vertices').addEventListener('input', event => {
    const area = event.target as HTMLTextAreaElement
    area.dataset.untouched = 'false'
    const shape = typedShape(area.value)
    if (shape === null) return
    map.pm.disableDraw()
    drawn?.remove()
    drawn = shape.setStyle(DRAWN).addTo(map)
  })
  map.on('pm:create', event => {
    event.layer.remove()
    setDrawn(L.polygon(parts(event.layer as L.Polygon)))
  })
  root.addEventListener('click', event => {
    const button = (event.target as HTMLElement).closest<HTMLElement>('[data-act]')
    if (button !== null) acts[button.dataset.act!]?.(button)
  })
  for (const one of root.querySelectorAll<HTMLFormElement>('form[action]:not([data-plain])')) {
    one.addEventListener('submit', event => {
      event.preventDefault()
      void send(one.action, new FormData(one), part(one, 'error'))
    })
  }
}
const done = sessionStorage.getItem('accounting-done')
if (done !== null) {
  sessionStorage.removeItem('accounting-done')
  part(root, 'page-done').textContent = done
  part<HTMLElement>(root, 'page-done').hidden = false
}
showShapes().catch((error: unknown) => { explain(error, part(root, 'page-error')) })
