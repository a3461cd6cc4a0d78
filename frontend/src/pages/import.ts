// Taking a file in: drop it, look at it, choose how it is read, match its columns, commit, watch.
import L from 'leaflet'
import type { FeatureCollection } from 'geojson'
import { part } from '../panel'
import { getJson, newRequestKey, Offline, postForm, Refused, upload } from '../server'
import { readout, stage, type StageConfig } from '../stage'
import { formatNumber, text } from '../text'

interface Choice { value: string | number | null, label: string }
interface Guess { how: string, certain: boolean, alternatives: Choice[] }
interface Inspection {
  format: string
  layers: Array<{ name: string, features: number, geometry: string }>
  layer: string
  fields: Array<{ name: string, type: string, samples: string[] }>
  encoding: (Guess & { value: string }) | null
  crs: (Guess & { epsg: number, name: string, needs_question: boolean }) | null
  feature_count: number
  bounds: [number, number, number, number] | null
  preview: FeatureCollection
  notices: Array<{ code: string, message: string }>
  problems: Problem[]
  rejected: number
}
interface Progress {
  state: string
  state_label: string
  read: number
  total: number | null
  imported: number
  changed: number
  unchanged: number
  rejected: number
  failure_code: string
  failure_message: string
}
interface Problem { row: number, id: string, code: string, message: string, lon: number | null, lat: number | null }
interface Config extends StageConfig {
  key: string
  state: string
  urls: { inspection: string, commit: string, cancel: string, progress: string }
  mapping: Record<string, string>
  targets: Array<{ code: string, label: string }>
}

const POLL_MS = 500

function explain (error: unknown, place: HTMLElement): void {
  if (error instanceof DOMException && error.name === 'AbortError') return
  place.hidden = false
  place.textContent = error instanceof Refused ? error.message : error instanceof Offline ? text('offline') : String(error)
}

function uploadPage (zone: HTMLElement): void {
  const input = zone.querySelector<HTMLInputElement>('input[type=file]')!
  const status = part<HTMLElement>(document, 'upload-status')
  const refusal = part<HTMLElement>(document, 'upload-error')
  const bar = part<HTMLProgressElement>(document, 'upload-bar')
  const limitMiB = Number(zone.dataset.limit)
  const keys = new Map<string, string>()
  const send = async (file: File): Promise<void> => {
    refusal.hidden = true
    if (file.size > limitMiB * 1024 ** 2) {
      refusal.hidden = false
      refusal.textContent = text('tooLarge', { size: Math.ceil(file.size / 1024 ** 2), limit: limitMiB })
      return
    }
    bar.hidden = false
    zone.setAttribute('aria-busy', 'true')
    try {
      const seven = part<HTMLInputElement>(document, 'seven_parameters').value.trim()
      // The same file again, after a lost answer, is the same request; another file is another.
      const choice = [file.size, file.lastModified, seven, file.name].join('/')
      const key = keys.get(choice) ?? newRequestKey()
      keys.set(choice, key)
      const answer = await upload<{ url: string }>(zone.dataset.url!, file, { request_key: key, seven_parameters: seven }, share => {
        bar.value = share
        status.textContent = share < 1 ? text('uploading', { percent: Math.round(share * 100) }) : text('checking')
      }, new AbortController().signal)
      location.assign(answer.url)
    } catch (error) {
      explain(error, refusal)
      status.textContent = ''
      bar.hidden = true
      input.value = ''
    } finally {
      zone.removeAttribute('aria-busy')
    }
  }
  input.addEventListener('change', () => { const file = input.files?.[0]; if (file !== undefined) void send(file) })
  for (const name of ['dragover', 'dragenter']) zone.addEventListener(name, event => { event.preventDefault(); zone.classList.add('over') })
  for (const name of ['dragleave', 'drop']) zone.addEventListener(name, () => zone.classList.remove('over'))
  zone.addEventListener('drop', event => {
    event.preventDefault()
    const file = event.dataTransfer?.files[0]
    if (file !== undefined) void send(file)
  })
}

function option (value: string, label: string, selected: boolean): HTMLOptionElement {
  const made = document.createElement('option')
  made.value = value
  made.textContent = label
  made.selected = selected
  return made
}

class ImportPage {
  private readonly root = document.getElementById('main')!
  private readonly map: L.Map
  private readonly drawn: L.GeoJSON
  private pending: AbortController | null = null
  private placeShown = false
  /** Columns that a person chose, by target: they outlive another reading of the file. */
  private readonly byHand = new Map<string, string>()

  constructor (private readonly config: Config) {
    const { map, bases } = stage(part(this.root, 'map'), config)
    bases.sketch!.addTo(map)
    map.setView([44, 81.3], 10)
    readout(map, part(this.root, 'readout'))
    this.map = map
    const renderer = L.canvas({ padding: 0.5 })
    this.drawn = L.geoJSON(undefined, {
      renderer,
      style: { color: '#0d5c4b', weight: 1, fillColor: '#f2b134', fillOpacity: 0.55 }
    } as L.GeoJSONOptions).addTo(map)
  }

  start (): void {
    for (const button of this.root.querySelectorAll<HTMLButtonElement>('[data-lon]')) {
      button.addEventListener('click', () => this.showPlace(Number(button.dataset.lon), Number(button.dataset.lat)))
    }
    if (this.config.state === 'draft') {
      for (const name of ['layer', 'crs', 'encoding', 'seven_parameters']) {
        part<HTMLElement>(this.root, name).addEventListener('change', () => { void this.inspect() })
      }
      part<HTMLFormElement>(this.root, 'choices').addEventListener('submit', event => { event.preventDefault(); void this.commit() })
    }
    void this.inspect()
    if (this.config.state === 'queued' || this.config.state === 'running') void this.watch()
    for (const button of this.root.querySelectorAll<HTMLButtonElement>('[data-act=cancel]')) {
      button.addEventListener('click', () => { void this.cancel() })
    }
    this.root.dataset.ready = 'true'
  }

  private showPlace (lon: number, lat: number): void {
    this.placeShown = true
    this.map.setView([lat, lon], 16)
    L.circleMarker([lat, lon], { radius: 9, color: '#b3261e', weight: 3, fill: false, interactive: false }).addTo(this.map)
    part<HTMLElement>(this.root, 'map').scrollIntoView({ block: 'nearest' })
  }

  private chosen (name: string): string {
    return this.root.querySelector<HTMLSelectElement | HTMLInputElement>(`[data-ref=${name}]`)?.value ?? ''
  }

  private async inspect (): Promise<void> {
    this.pending?.abort()
    this.pending = new AbortController()
    this.placeShown = false
    const refusal = part<HTMLElement>(this.root, 'import-error')
    const status = part<HTMLElement>(this.root, 'read-status')
    refusal.hidden = true
    status.textContent = text('reading')
    const wanted = new URLSearchParams({ layer: this.chosen('layer'), crs: this.chosen('crs'), encoding: this.chosen('encoding'), seven_parameters: this.chosen('seven_parameters') })
    try {
      const { inspection, mapping } = await getJson<{ inspection: Inspection, mapping: Record<string, string> }>(
        `${this.config.urls.inspection}?${wanted.toString()}`, { signal: this.pending.signal })
      this.show(inspection, mapping)
      status.textContent = text('fileReads')
    } catch (error) {
      status.textContent = ''
      explain(error, refusal)
    }
  }

  private show (found: Inspection, proposed: Record<string, string>): void {
    this.drawn.clearLayers()
    this.drawn.addData(found.preview)
    this.root.dataset.previewed = String(found.preview.features.length)
    // Whoever looks at a problem's place already is not taken away from it.
    if (found.bounds !== null && !this.placeShown) {
      const [west, south, east, north] = found.bounds
      this.map.fitBounds([[south, west], [north, east]], { padding: [20, 20] })
    }
    part(this.root, 'preview-note').textContent = found.preview.features.length < found.feature_count
      ? text('previewPart', { shown: formatNumber(found.preview.features.length), n: formatNumber(found.feature_count) })
      : text('features', { n: formatNumber(found.feature_count) })
    if (this.config.state !== 'draft') return
    const how = (guess: Guess): string => guess.how === 'chosen' ? text('chosen') : guess.certain ? text('certain') : text('guessed')
    part<HTMLSelectElement>(this.root, 'layer').replaceChildren(...found.layers.map(layer =>
      option(layer.name, `${layer.name}（${layer.features}）`, layer.name === found.layer)))
    const crs = part<HTMLSelectElement>(this.root, 'crs')
    const mark = part<HTMLElement>(this.root, 'crs-how')
    if (found.crs !== null) {
      const chosenCrs = this.chosen('crs') !== ''
      crs.replaceChildren(
        option('', `${found.crs.name}`, !chosenCrs),
        ...found.crs.alternatives.map(choice => option(String(choice.value), choice.label, chosenCrs && String(choice.value) === String(found.crs!.epsg))))
      mark.textContent = how(found.crs)
      mark.classList.toggle('warn', found.crs.needs_question)
    }
    const encoding = part<HTMLSelectElement>(this.root, 'encoding')
    encoding.closest<HTMLElement>('.field')!.hidden = found.encoding === null
    if (found.encoding !== null) {
      encoding.replaceChildren(...[{ value: found.encoding.value, label: found.encoding.value }, ...found.encoding.alternatives]
        .map((choice, at) => option(String(choice.value), choice.label, at === 0)))
      part(this.root, 'encoding-how').textContent = how(found.encoding)
    }
    const notices = part<HTMLElement>(this.root, 'notices')
    notices.replaceChildren(...found.notices.map(notice => {
      const line = document.createElement('p')
      line.className = 'alert warning'
      line.textContent = notice.message
      return line
    }))
    this.columns(found, proposed)
    this.problems(found)
  }

  /** What cannot be taken in, before anybody commits: the rest goes on without it. */
  private problems (found: Inspection): void {
    part<HTMLElement>(this.root, 'draft-problems-none').hidden = found.rejected > 0
    part<HTMLElement>(this.root, 'draft-problems-box').hidden = found.rejected === 0
    part(this.root, 'draft-problems-note').textContent = text(
      found.problems.length < found.rejected ? 'rejectedPart' : 'rejectedBefore',
      { n: formatNumber(found.rejected), shown: formatNumber(found.problems.length) })
    part(this.root, 'draft-problems').replaceChildren(...found.problems.map(problem => {
      const row = document.createElement('tr')
      const place = document.createElement('td')
      place.className = 'number'
      place.textContent = String(problem.row)
      const id = document.createElement('small')
      id.className = 'muted'
      id.textContent = problem.id
      const said = document.createElement('td')
      said.append(id, ...(problem.id === '' ? [] : [document.createElement('br')]), problem.message)
      const last = document.createElement('td')
      last.className = 'number'
      if (problem.lon !== null && problem.lat !== null) {
        const button = document.createElement('button')
        button.type = 'button'
        button.className = 'link'
        button.textContent = text('showPlace')
        button.addEventListener('click', () => this.showPlace(problem.lon!, problem.lat!))
        last.append(button)
      }
      row.append(place, said, last)
      return row
    }))
  }

  private columns (found: Inspection, proposed: Record<string, string>): void {
    const body = part<HTMLElement>(this.root, 'columns')
    body.replaceChildren(...this.config.targets.map(target => {
      const row = document.createElement('tr')
      const name = document.createElement('th')
      name.scope = 'row'
      name.textContent = target.label
      const choose = document.createElement('select')
      choose.name = `map_${target.code}`
      choose.setAttribute('aria-label', target.label)
      const byHand = this.byHand.get(target.code)
      const stands = byHand === '' || found.fields.some(field => field.name === byHand)
      const chosen = (stands ? byHand : proposed[target.code]) ?? ''
      choose.append(option('', text('notMapped'), chosen === ''),
        ...found.fields.map(field => option(field.name, field.name, chosen === field.name)))
      const sample = document.createElement('td')
      sample.className = 'muted'
      const tell = (): void => {
        sample.textContent = found.fields.find(field => field.name === choose.value)?.samples.slice(0, 3).join('、') ?? ''
      }
      choose.addEventListener('change', () => { this.byHand.set(target.code, choose.value); tell() })
      tell()
      const cell = document.createElement('td')
      cell.append(choose)
      row.append(name, cell, sample)
      return row
    }))
  }

  private async commit (): Promise<void> {
    const form = part<HTMLFormElement>(this.root, 'choices')
    const refusal = part<HTMLElement>(this.root, 'import-error')
    const button = form.querySelector<HTMLButtonElement>('button[type=submit]')!
    refusal.hidden = true
    button.disabled = true
    try {
      await postForm<Progress>(this.config.urls.commit, new FormData(form))
      await this.watch()
    } catch (error) {
      explain(error, refusal)
      refusal.scrollIntoView({ block: 'center' })
      button.disabled = false
    }
  }

  private async watch (): Promise<void> {
    const box = part<HTMLElement>(this.root, 'running')
    const bar = part<HTMLProgressElement>(this.root, 'running-bar')
    const status = part<HTMLElement>(this.root, 'running-status')
    box.hidden = false
    part<HTMLElement>(this.root, 'draft').hidden = true
    box.scrollIntoView({ block: 'nearest' })
    for (;;) {
      let now: Progress
      try {
        now = await getJson<Progress>(this.config.urls.progress)
      } catch (error) {
        explain(error, part(this.root, 'import-error'))
        return
      }
      if (now.state !== 'queued' && now.state !== 'running') { location.reload(); return }
      if (now.total !== null && now.total > 0) bar.value = now.read / now.total
      else bar.removeAttribute('value')
      status.textContent = now.state === 'queued' ? text('waiting') : text('importing', { read: formatNumber(now.read), total: now.total === null ? '…' : formatNumber(now.total) })
      await new Promise(resolve => setTimeout(resolve, POLL_MS))
    }
  }

  private async cancel (): Promise<void> {
    try {
      await postForm<Progress>(this.config.urls.cancel, new FormData())
      if (this.config.state === 'draft') location.reload()
    } catch (error) {
      explain(error, part(this.root, 'import-error'))
    }
  }
}

const zone = document.querySelector<HTMLElement>('[data-ref=drop-zone]')
if (zone !== null) uploadPage(zone)
const pageConfig = document.getElementById('import-config')
if (pageConfig !== null) new ImportPage(JSON.parse(pageConfig.textContent!) as Config).start()
