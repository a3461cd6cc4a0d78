// Drawing a project area: tools, live rules, vertex table, draft, saving.
import L from 'leaflet'
import type { MultiPolygon } from 'geojson'
import { Chooser } from '../draw/choices'
import { Autosave, type Content, type DraftState, type DrawingState } from '../draw/draft'
import { takeDrops } from '../draw/drop'
import { Editor, type Tool } from '../draw/editor'
import { readFeatures } from '../draw/file'
import { forgetReading, onOtherReading, type System } from '../draw/reading'
import { Findings } from '../draw/findings'
import { LiveRules, type Verdict } from '../draw/live'
import { OtherTab } from '../draw/other-tab'
import { TitleList } from '../draw/title-list'
import { say } from '../draw/say'
import { copy, fromGeometry, History, same, toGeometry, vertexCount, type Shape, type Snapshot } from '../draw/shape'
import { hectaresAndMu, surroundings, TitleLayer } from '../draw/titles'
import { VertexTable } from '../draw/vertices'
import { part } from '../panel'
import { getJson, newRequestKey, Offline, postJson, Refused } from '../server'
import { CITY, fullScreenControl, readout, stage, type StageConfig } from '../stage'
import { formatNumber } from '../text'

interface Config extends StageConfig, DrawingState {
  next: string
  parties: Array<{ key: string, name: string }>
  vertexLimit: number
  uploadLimitMib: number
  systems: System[]
  urls: Record<'titles' | 'around' | 'reshape' | 'compare' | 'file' | 'rules' | 'state' | 'draft' | 'discard' | 'save', string>
}
interface Saving { content: Content, request_key: string }
interface Saved { area: string, version: string, number: number }
interface Reshaped { geometry: MultiPolygon | null, parts: Array<{ geometry: MultiPolygon, area_m2: number }> }

const HINTS = { pick: 'hintPick', draw: 'hintDraw', hole: 'hintHole', edit: 'hintEdit', move: 'hintMove', split: 'hintSplit', remove: 'hintRemove' } as const
const KG_PER_T = 1000
const NOTE_MS = 7000
/** Refusals that do not tell whether an earlier try under the same key was saved. */
const UNTOLD = ['request_still_running', 'signed_out']

class DrawPage {
  private readonly root = document.getElementById('main')!
  private readonly map: L.Map
  private readonly editor: Editor
  private readonly titles: TitleLayer
  private readonly list: TitleList
  private readonly table: VertexTable
  private readonly findings: Findings
  private readonly live: LiveRules
  private readonly chooser: Chooser
  private readonly autosave: Autosave
  private readonly other: OtherTab
  private history: History
  private verdict: Verdict | null = null
  private seenNumber: number
  private saved: Shape
  private tool: Tool | null = null
  private vertex: number | null = null
  private leaving = false
  private saving = false
  /** What was sent to be saved while nobody knows what became of it: sent again just so, it is saved once. */
  private unanswered: Saving | null = null
  private noting = 0

  constructor (private readonly config: Config) {
    const { map, bases, names } = stage(part(this.root, 'map'), config)
    this.map = map
    bases.sketch!.addTo(map)
    if (bases.imagery !== undefined) L.control.layers({ [names.sketch!]: bases.sketch!, [names.imagery!]: bases.imagery }).addTo(map)
    map.on('moveend', () => { map.getContainer().dataset.view = [map.getCenter().lat, map.getCenter().lng, map.getZoom()].join(',') })
    map.setView([CITY.lat, CITY.lon], CITY.zoom)
    readout(map, part(this.root, 'readout'))
    fullScreenControl(map, part<HTMLElement>(this.root, 'map').parentElement!)

    this.saved = fromGeometry(config.version?.geometry ?? null)
    this.seenNumber = config.draft?.seen_number ?? config.version?.number ?? 0
    const first: Snapshot = { shape: copy(this.saved), picked: config.version?.picked ?? [] }
    this.history = new History(first)
    if (config.draft !== null) this.history.push({ shape: fromGeometry(config.draft.geometry), picked: config.draft.picked })

    this.editor = new Editor(map, {
      changed: shape => { this.take(shape) },
      drawn: (ring, tool) => { void (tool === 'hole' ? this.reshape({ act: 'cut', hole: toGeometry([[ring]]) }) : this.add([[ring]])) },
      line: line => { void this.split(line) },
      removed: at => { this.take(this.now.shape.filter((_part, index) => index !== at)); this.note(say('partRemoved')) },
      vertex: path => {
        this.vertex = path === null ? null : path.vertex
        part<HTMLButtonElement>(this.root, 'delete-vertex').disabled = path === null
        if (path === null) return
        this.table.point({ part: path.part, ring: path.ring }, path.vertex)
        this.editor.mark(this.now.shape[path.part]?.[path.ring]?.[path.vertex] ?? null)
      },
      finished: () => { queueMicrotask(() => { if (this.tool === 'draw' || this.tool === 'hole' || this.tool === 'split') this.choose(null) }) }
    })
    this.titles = new TitleLayer(map, config.urls.titles, key => { void this.pick(key) })
    this.list = new TitleList(this.root, key => { void this.pick(key) }, key => { this.titles.zoomTo(key) })
    this.table = new VertexTable(this.root, shape => { this.take(shape) }, at => { this.editor.mark(at) })
    this.findings = new Findings(map, part(this.root, 'findings'), {
      subtract: only => { void this.reshape({ act: 'subtract', only, ...this.circumstances() }) },
      trim: () => { void this.reshape({ act: 'trim' }) },
      repair: () => { void this.reshape({ act: 'repair' }) }
    })
    this.chooser = new Chooser(map, part(this.root, 'chooser'))
    this.other = new OtherTab(map, this.root, config.urls.compare)
    this.live = new LiveRules(config.urls.rules, (verdict, trouble) => { this.told(verdict, trouble) }, () => { this.root.dataset.verdict = ''; this.badge('checking', say('checking')) })
    this.autosave = new Autosave(() => config.urls.draft, config.draft?.revision ?? 0, () => this.content(), {
      keeping: () => { this.draftNote(say('keeping')) },
      kept: at => { this.draftNote(say('kept', { time: new Date(at).toLocaleTimeString() })); this.root.dataset.kept = String(this.autosave.revision) },
      overtaken: () => { void this.overtaken() },
      failed: message => { this.draftNote(say('notKept') + (message ?? say('offline'))) }
    })
    this.form()
    this.buttons()
  }

  async start (): Promise<void> {
    this.show()
    const found = await this.attempt(() => this.titles.load())
    if (found !== null) {
      this.list.show(this.titles.list(), this.now.picked)
      this.titles.show(this.now.picked)
      const none = part<HTMLElement>(this.root, 'titles-none')
      none.hidden = found.count > 0 && found.leftOff === 0
      none.textContent = found.leftOff > 0 ? say('titlesMany') : say('titlesNone')
    }
    const bounds = this.editor.bounds() ?? this.titles.bounds()
    if (bounds !== null) this.map.fitBounds(bounds.pad(0.25), { maxZoom: 17 })
    surroundings(this.map, this.config.urls.around, this.config.area?.key ?? null)
    this.map.on('moveend', () => { void this.attempt(() => this.titles.loadView()) })
    this.ask()
    if (this.config.draft !== null) this.draftNote(say('kept', { time: new Date(this.config.draft.saved_at).toLocaleString() }))
    this.root.dataset.ready = 'true'
  }

  private get now (): Snapshot { return this.history.now }

  /** A new state of the drawing: remembered, shown, checked and kept. */
  private take (shape: Shape, picked = this.now.picked): void {
    if (same(shape, this.now.shape) && picked === this.now.picked) return
    if (vertexCount(shape) > this.config.vertexLimit) this.note(say('tooMany', { n: vertexCount(shape), limit: this.config.vertexLimit }))
    this.history.push({ shape: copy(shape), picked })
    this.show()
    this.ask()
    this.autosave.soon()
  }

  private show (): void {
    const { shape, picked } = this.now
    this.editor.set(shape)
    if (!this.table.holds(shape)) this.table.show(shape)
    this.titles.show(picked)
    this.list.tick(picked)
    part<HTMLButtonElement>(this.root, 'undo').disabled = !this.history.canUndo
    part<HTMLButtonElement>(this.root, 'redo').disabled = !this.history.canRedo
    const drawn = toGeometry(shape) !== null
    for (const name of ['trim', 'subtract-all']) part<HTMLButtonElement>(this.root, name).disabled = !drawn
    part(this.root, 'size').textContent = drawn ? say('parts', { parts: shape.length, vertices: formatNumber(vertexCount(shape)) }) : say('nothingDrawn')
    this.root.dataset.parts = String(shape.length)
    const unsaved = !same(shape, this.saved)
    part(this.root, 'version-note').textContent = unsaved ? say('notSaved') : this.seenNumber > 0 ? say('asSaved', { number: this.seenNumber }) : ''
  }

  private back (moment: Snapshot): void {
    this.editor.set(moment.shape)
    this.show()
    this.ask()
    this.autosave.soon()
  }

  private ask (): void {
    const { period } = this.content()
    this.live.ask({
      shape: this.now.shape,
      period: period === null ? null : `${period.start}/${period.end}`,
      // A representative draws for all whom he acts for: each becomes a co-owner of the application.
      applicants: this.config.parties.map(one => one.key),
      claims: this.config.claims
    })
  }

  private told (verdict: Verdict | null, trouble: string | null): void {
    this.verdict = verdict
    part(this.root, 'area').textContent = verdict?.area_m2 === null || verdict === null ? '—' : hectaresAndMu(verdict.area_m2)
    const covered = verdict?.covered_share
    part(this.root, 'covered').textContent = covered === null || covered === undefined ? '—' : `${formatNumber(covered * 100, covered === 1 || covered === 0 ? 0 : 2)}%`
    if (trouble !== null) this.badge('warning', trouble)
    else if (verdict === null) this.badge('draft', say('nothingDrawn'))
    else this.badge(verdict.verdict, say(verdict.verdict))
    this.findings.show(verdict, this.content().expected_kg_per_ha)
    this.root.dataset.verdict = verdict?.verdict ?? ''
  }

  private badge (kind: string, words: string): void {
    const badge = part<HTMLElement>(this.root, 'verdict')
    badge.className = `badge ${({ clear: 'verified', warning: 'warning', conflict: 'rejected', checking: 'running' } as Record<string, string>)[kind] ?? ''}`
    badge.textContent = words
  }

  private note (words: string, bad = false): void {
    const note = part<HTMLElement>(this.root, 'note')
    note.textContent = words
    note.hidden = words === ''
    note.classList.toggle('bad', bad)
    clearTimeout(this.noting)
    if (!bad) this.noting = window.setTimeout(() => { note.hidden = true }, NOTE_MS)
  }

  private draftNote (words: string): void { part(this.root, 'draft-note').textContent = words }

  private async attempt<T> (act: () => Promise<T>): Promise<T | null> {
    try {
      return await act()
    } catch (error) {
      if (error instanceof Refused) this.note(error.message, true)
      else if (error instanceof Offline) this.note(say('offline'), true)
      else throw error
      return null
    }
  }

  // --- acts of the server on the shape --------------------------------------------------------------
  private async post<T> (body: object): Promise<T | null> {
    this.note(say('working'))
    this.root.setAttribute('aria-busy', 'true')
    const answer = await this.attempt(() => postJson<T>(this.config.urls.reshape, { geometry: toGeometry(this.now.shape), ...body }))
    this.root.removeAttribute('aria-busy')
    return answer
  }

  private circumstances (): { period: Content['period'], area: string | null } {
    return { period: this.content().period, area: this.config.area?.key ?? null }
  }

  private async reshape (body: object, picked = this.now.picked): Promise<boolean> {
    const answer = await this.post<Reshaped>(body)
    if (answer === null) return false
    this.take(fromGeometry(answer.geometry), picked)
    this.note(say('done'))
    return true
  }

  /** New parts: united where they touch what is there; kept beside it where they cannot be. */
  private async add (parts: Shape): Promise<void> {
    const before = this.now.shape
    const answer = before.length === 0 && parts.length === 1 ? null : await this.post<Reshaped>({ act: 'union', more: parts.map(one => toGeometry([one])) })
    this.take(answer === null ? [...before, ...parts] : fromGeometry(answer.geometry))
    if (answer !== null) this.note(say('done'))
  }

  private async pick (key: string): Promise<void> {
    const there = this.now.picked.includes(key)
    const picked = there ? this.now.picked.filter(one => one !== key) : [...this.now.picked, key]
    const done = await this.reshape({ act: there ? 'remove_parcels' : 'add_parcels', parcels: [key] }, picked)
    if (done) this.note(say('picked', { n: picked.length }))
    else this.list.tick(this.now.picked)
  }

  private async split (line: Array<[number, number]>): Promise<void> {
    const answer = await this.post<Reshaped>({ act: 'split', line })
    if (answer === null) return
    this.note('')
    const { dataset } = part<HTMLElement>(this.root, 'chooser')
    this.chooser.ask(
      say('splitChoose', { n: answer.parts.length }),
      answer.parts.map((piece, at) => ({ label: `${say('piece', { n: at + 1 })} · ${hectaresAndMu(piece.area_m2)}`, geometry: piece.geometry, ticked: true })),
      { take: dataset.keep!, drop: dataset.cancel! },
      kept => {
        if (kept === null || kept.length === 0) return
        void this.reshape({ act: 'union', geometry: null, more: kept })
      }
    )
  }

  private async bring (file: File): Promise<void> {
    this.note(say('reading'))
    const found = await this.attempt(() => readFeatures(this.config.urls.file, file, { root: this.root, systems: this.config.systems, limitMib: this.config.uploadLimitMib }))
    if (found === null) return
    this.note('')
    const { dataset } = part<HTMLElement>(this.root, 'chooser')
    this.chooser.ask(found.heading, found.choices, { take: dataset.take!, drop: dataset.cancel! }, taken => {
      if (taken !== null && taken.length > 0) void this.reshape({ act: 'union', more: taken }).then(() => { this.fit() })
    })
  }

  private fit (): void {
    const bounds = this.editor.bounds()
    if (bounds !== null) this.map.fitBounds(bounds.pad(0.25), { maxZoom: 17 })
  }

  // --- the form and the buttons -----------------------------------------------------------------------
  private content (): Content {
    const start = part<HTMLInputElement>(this.root, 'start').value
    const end = part<HTMLInputElement>(this.root, 'end').value
    const perHa = part<HTMLInputElement>(this.root, 'expected').valueAsNumber
    return {
      name: part<HTMLInputElement>(this.root, 'name').value.trim(),
      party: part<HTMLSelectElement>(this.root, 'party').value || null,
      period: start !== '' && end !== '' && start <= end ? { start, end } : null,
      expected_kg_per_ha: Number.isNaN(perHa) ? null : Math.round(perHa * KG_PER_T),
      picked: this.now.picked,
      geometry: toGeometry(this.now.shape),
      seen_number: this.seenNumber
    }
  }

  private fill (from: Pick<DraftState, 'name' | 'party' | 'period' | 'expected_kg_per_ha'>): void {
    part<HTMLInputElement>(this.root, 'name').value = from.name
    if (from.party !== null) part<HTMLSelectElement>(this.root, 'party').value = from.party
    part<HTMLInputElement>(this.root, 'start').value = from.period?.start ?? ''
    part<HTMLInputElement>(this.root, 'end').value = from.period?.end ?? ''
    part<HTMLInputElement>(this.root, 'expected').value = from.expected_kg_per_ha === null ? '' : String(from.expected_kg_per_ha / KG_PER_T)
  }

  private form (): void {
    const { area, draft } = this.config
    if (draft !== null) this.fill(draft)
    else if (area !== null) this.fill({ name: area.name, party: area.party, period: null, expected_kg_per_ha: null })
    const form = part<HTMLFormElement>(this.root, 'form')
    form.addEventListener('submit', event => { event.preventDefault(); void this.save() })
    form.addEventListener('input', () => {
      const start = part<HTMLInputElement>(this.root, 'start')
      const end = part<HTMLInputElement>(this.root, 'end')
      end.setCustomValidity(start.value !== '' && end.value !== '' && end.value < start.value ? end.dataset.reversed! : '')
      this.findings.show(this.verdict, this.content().expected_kg_per_ha)
      this.autosave.soon()
    })
    form.addEventListener('change', () => { this.ask() })
  }

  private buttons (): void {
    for (const button of this.root.querySelectorAll<HTMLButtonElement>('[data-tool-name]')) {
      button.addEventListener('click', () => {
        const name = button.dataset.toolName as Tool
        this.choose(this.tool === name ? null : name)
      })
    }
    const press = (name: string, act: () => void): void => { part(this.root, name).addEventListener('click', act) }
    press('undo', () => { this.back(this.history.undo()) })
    press('redo', () => { this.back(this.history.redo()) })
    press('fit', () => { this.fit() })
    press('trim', () => { void this.reshape({ act: 'trim' }) })
    press('subtract-all', () => { void this.reshape({ act: 'subtract', ...this.circumstances() }) })
    press('delete-vertex', () => { if (this.vertex !== null) this.table.remove(this.vertex) })
    press('discard', () => { void this.discard() })
    const file = part<HTMLInputElement>(this.root, 'file')
    const bring = (): void => { const one = file.files?.[0]; if (one !== undefined) void this.bring(one) }
    file.addEventListener('change', () => { forgetReading(this.root); bring() })
    onOtherReading(this.root, bring)
    takeDrops(this.root, dropped => {
      const list = new DataTransfer()
      list.items.add(dropped)
      file.files = list.files
      file.dispatchEvent(new Event('change'))
    })
    document.addEventListener('keydown', event => {
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return
      if (event.key === 'Escape' && this.tool !== null) this.choose(null)
      if (!(event.ctrlKey || event.metaKey)) return
      const key = event.key.toLowerCase()
      if (key === 'z' || key === 'y') {
        event.preventDefault()
        this.back(key === 'y' || event.shiftKey ? this.history.redo() : this.history.undo())
      }
    })
    document.addEventListener('visibilitychange', () => { if (document.hidden) this.autosave.hurry() })
    addEventListener('pagehide', () => { this.autosave.hurry() })
    addEventListener('beforeunload', event => {
      if (this.leaving || same(this.now.shape, this.saved)) return
      event.preventDefault()
      event.returnValue = say('leave')
    })
  }

  private choose (tool: Tool | null): void {
    this.tool = tool
    this.vertex = null
    part<HTMLButtonElement>(this.root, 'delete-vertex').disabled = true
    part<HTMLElement>(this.root, 'delete-vertex').hidden = tool !== 'edit'
    this.editor.use(tool)
    for (const button of this.root.querySelectorAll<HTMLButtonElement>('[data-tool-name]')) button.setAttribute('aria-pressed', String(button.dataset.toolName === tool))
    this.note(tool === null ? '' : say(HINTS[tool]))
  }

  private async discard (): Promise<void> {
    if (!confirm(say('confirmDiscard'))) return
    this.autosave.stop()
    await this.autosave.settled()
    const state = await this.attempt(() => postJson<DrawingState>(this.config.urls.discard, {}))
    if (state === null) return
    this.autosave.resume(0)
    this.seenNumber = state.version?.number ?? 0
    this.saved = fromGeometry(state.version?.geometry ?? null)
    this.history.push({ shape: copy(this.saved), picked: state.version?.picked ?? [] })
    this.show()
    this.ask()
    this.draftNote('')
  }

  private async save (): Promise<void> {
    const content = this.content()
    if (content.name === '') { this.note(say('nameMissing'), true); part<HTMLInputElement>(this.root, 'name').focus(); return }
    if (this.saving) return
    this.saving = true
    this.autosave.stop()
    await this.autosave.settled()
    this.note(say('working'))
    try {
      const again = this.unanswered !== null && JSON.stringify(this.unanswered.content) === JSON.stringify(content)
      if (!again && await this.wasSaved()) { this.note(''); await this.overtaken(); return }
      const saved = await this.send(this.unanswered ?? { content, request_key: newRequestKey() })
      this.leaving = true
      this.note(say('savedAs', { number: saved.number }))
      const next = new URL(this.config.next === '' ? `/areas/${saved.area}/draw/` : this.config.next, location.href)
      if (this.config.next !== '') {
        next.searchParams.set('area', saved.area)
        next.searchParams.set('version', saved.version)
      }
      location.assign(next)
    } catch (error) {
      this.autosave.resume(this.autosave.revision)
      if (error instanceof Refused && error.code === 'state_moved_on') await this.overtaken()
      else if (error instanceof Refused) this.note(error.message, true)
      else if (error instanceof Offline) this.note(say('offline'), true)
      else throw error
    } finally {
      this.saving = false
    }
  }

  private async send (saving: Saving): Promise<Saved> {
    this.unanswered = saving
    try {
      const saved = await postJson<Saved>(this.config.urls.save, { ...saving.content, request_key: saving.request_key })
      this.unanswered = null
      return saved
    } catch (error) {
      if (error instanceof Refused && error.status < 500 && !UNTOLD.includes(error.code)) this.unanswered = null
      throw error
    }
  }

  /** Whether a save whose answer was lost had been saved, which is asked before anything newer is sent. From then on
   * the page is of the saved area.
   */
  private async wasSaved (): Promise<boolean> {
    if (this.unanswered === null) return false
    try {
      const { area } = await this.send(this.unanswered)
      for (const name of ['state', 'draft', 'discard', 'save'] as const) this.config.urls[name] = this.config.urls[name].replace('/new/', `/${area}/`)
      return true
    } catch (error) {
      if (this.unanswered !== null) throw error
      return false
    }
  }

  /** Another tab, another person, or an earlier try saved meanwhile: both are shown, nothing is lost. */
  private async overtaken (): Promise<void> {
    this.autosave.stop()
    const state = await this.attempt(async () => {
      await this.wasSaved()
      return await getJson<DrawingState>(this.config.urls.state)
    })
    if (state === null) return
    const theirs = state.draft !== null && state.draft.revision !== this.autosave.revision ? state.draft : state.version
    const go = (): void => {
      this.seenNumber = state.version?.number ?? 0
      this.saved = fromGeometry(state.version?.geometry ?? null)
      this.autosave.resume(state.draft?.revision ?? 0)
      this.show()
      this.ask()
      this.autosave.soon()
    }
    await this.other.compare(this.now.shape, theirs?.geometry ?? null, {
      mine: go,
      theirs: () => {
        if ('name' in (theirs ?? {})) this.fill(theirs as DraftState)
        this.history.push({ shape: fromGeometry(theirs?.geometry ?? null), picked: theirs?.picked ?? [] })
        go()
      }
    })
  }
}

const config = JSON.parse(document.getElementById('draw-config')!.textContent!) as Config
void new DrawPage(config).start()
