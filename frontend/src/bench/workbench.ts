// What the officer's and the owner's page of a title share: map, findings, repairs, remarks, history.
import type { Feature, FeatureCollection, Geometry } from 'geojson'
import { part } from '../panel'
import { getJson, postForm } from '../server'
import type { StageConfig } from '../stage'
import { formatNumber, phrases } from '../text'
import { actingForms, explain } from './acts'
import { type CommentFacts, type FindingFacts, listFindings, type Picture, ReviewMap, type VersionFacts } from './review-map'
import { scanViewer } from './scan'

export interface WorkbenchConfig extends StageConfig {
  urls: Record<string, string>
  may_repair: boolean
  staff: boolean
}
interface Repair {
  before: FeatureCollection
  after: FeatureCollection
  area_m2_before: number
  area_m2_after: number
  vertices_before: number
  vertices_after: number
}

const say = phrases({
  ask: ['请邻界方核对', 'Ask the neighbour'],
  report: ['报告对方有误', 'Report an error of theirs'],
  repair: ['修复图形', 'Mend the shape'],
  correct: ['更正图形', 'Correct the shape'],
  facts: ['更正证载信息', 'Correct what the paper says'],
  place: ['更正宗地编号', 'Correct the parcel\'s number'],
  demand: ['写入补正要求', 'Ask for a correction'],
  explain: ['向经办人说明', 'Explain to the officer'],
  before: ['修复前 {area} 平方米，{n} 个界址点', 'before {area} m², {n} vertices'],
  after: ['修复后 {area} 平方米，{n} 个界址点', 'after {area} m², {n} vertices'],
  version: ['第 {n} 版', 'Version {n}'],
  left: ['（已分割或合并）', '(split or merged)'],
  compare: ['与现版叠加', 'Compare'],
  repairedBy: ['{because}（{kind}）', '{because} ({kind})'],
  repairedWithin: ['{because}（{kind}，容差 {metres} 米）', '{because} ({kind}, within {metres} m)'],
  snap: ['对齐邻界', 'snapped'],
  clip: ['裁去重叠', 'clipped'],
  yield: ['让出有误部分', 'gave way'],
  simplify: ['精简界址点', 'simplified'],
  where: ['看位置', 'Show place'],
  internal: ['仅内部', 'internal'],
  picking: ['点击地图；用键盘时以方向键移动地图，按回车取中心处。', 'Click the map; by keyboard, move it with the arrow keys and press Enter for its middle.'],
  placed: ['已选位置 {lon}, {lat}', 'Place {lon}, {lat}'],
  square: ['{area} 平方米', '{area} m²'],
  none: ['还没有意见。', 'No remarks yet.']
})

// Where the data of one's own may be what is wrong, by rule; the page has a place for each.
const CORRECTIONS: Record<string, Array<'repair' | 'correct' | 'facts' | 'place'>> = {
  overlap_title: ['repair', 'correct'],
  overlap_within: ['repair', 'correct'],
  rival_title: ['facts'],
  gap: ['repair', 'correct'],
  sharp_angle: ['repair', 'correct'],
  close_vertices: ['repair', 'correct'],
  tiny_hole: ['correct'],
  tiny_part: ['correct'],
  valid_geometry: ['correct'],
  within_city: ['correct'],
  minimum_area: ['correct'],
  overlap_exclusion: ['correct'],
  harvest_in_period: ['correct'],
  area_against_certificate: ['facts', 'correct'],
  right_expired: ['facts'],
  duplicate_number: ['facts', 'place']
}

// Found against another certificate, wherever its land lies: its holder can be written to.
const OTHER_PAPER = new Set(['duplicate_number', 'rival_title'])

function unfold (box: HTMLDetailsElement): void {
  box.open = true
  box.scrollIntoView({ block: 'center' })
  box.querySelector<HTMLElement>('select, input:not([type=hidden])')?.focus()
}

/** A finding's words into what is being written, on a line of their own. */
function quote (box: HTMLTextAreaElement, words: string): void {
  box.value = [box.value.trim(), words].filter(part => part !== '').join('\n')
  box.scrollIntoView({ block: 'center' })
  box.focus()
}

export class Workbench {
  readonly map: ReviewMap
  picture: Picture | null = null

  constructor (readonly root: HTMLElement, readonly config: WorkbenchConfig) {
    this.map = new ReviewMap(root, config)
    scanViewer(root)
  }

  async start (): Promise<Picture> {
    const picture = await this.map.load(this.config.urls.picture!)
    this.picture = picture
    const box = part<HTMLElement>(this.root, 'findings')
    listFindings(box, picture, finding => this.map.show(finding), finding => this.ways(finding))
    this.root.addEventListener('finding', event => {
      const number = String((event as CustomEvent<number>).detail)
      box.querySelector<HTMLButtonElement>(`[data-finding="${number}"] .issue-show`)?.click()
    })
    part(this.root, 'show-all').addEventListener('click', () => this.map.showAll())
    this.comments(picture)
    this.versions(picture)
    this.successors(picture)
    this.pinning()
    if (this.config.may_repair) this.repairs(picture)
    for (const choose of this.root.querySelectorAll<HTMLSelectElement>('select[name=parcel_key]')) {
      choose.replaceChildren(...picture.shapes.features.map(shape => new Option(shape.properties.name, shape.properties.key)))
    }
    this.messages()
    actingForms(this.root, this.config.urls, () => ({ seen: picture.seen }))
    this.root.dataset.ready = 'true'
    return picture
  }

  /** What may be done about a finding: correct one's own, ask the other, report his error, explain. */
  private ways (finding: Feature<Geometry, FindingFacts>): HTMLElement[] {
    const facts = finding.properties
    const found: HTMLElement[] = []
    const add = (label: string, onClick: () => void): void => {
      const button = document.createElement('button')
      button.type = 'button'
      button.className = 'link'
      button.textContent = label
      button.addEventListener('click', onClick)
      found.push(button)
    }
    for (const name of CORRECTIONS[facts.rule] ?? []) {
      const box = this.root.querySelector<HTMLDetailsElement>(`details[data-ref=${name}]`)
      if (box !== null) add(say(name), () => unfold(box))
    }
    if ((facts.other_kind === 'parcel' && finding.geometry !== null && facts.rule !== 'overlap_within') || OTHER_PAPER.has(facts.rule)) {
      for (const [kind, label] of [['ask_neighbour', say('ask')], ['report_error', say('report')]] as const) {
        add(label, () => this.write(kind, facts))
      }
    }
    for (const [field, label] of [['asked', say('demand')], ['comment', say('explain')]] as const) {
      const box = this.root.querySelector<HTMLTextAreaElement>(`textarea#${field}`)
      if (box !== null && !(field === 'comment' && this.config.staff)) add(label, () => quote(box, facts.message))
    }
    return found
  }

  private messages (): void {
    const box = part<HTMLDialogElement>(this.root, 'message-box')
    part(box, 'message-cancel').addEventListener('click', () => box.close())
  }

  private write (kind: string, facts: FindingFacts): void {
    const box = part<HTMLDialogElement>(this.root, 'message-box')
    part(box, 'message-about').textContent = facts.message
    part(box, 'message-title').textContent = kind === 'ask_neighbour' ? say('ask') : say('report')
    box.querySelector<HTMLInputElement>('input[name=kind]')!.value = kind
    box.querySelector<HTMLInputElement>('input[name=finding]')!.value = String(facts.id)
    box.showModal()
  }

  private comments (picture: Picture): void {
    const box = this.root.querySelector<HTMLElement>('[data-ref=comments]')
    if (box === null) return
    if (picture.comments.features.length === 0) {
      box.textContent = say('none')
      return
    }
    box.replaceChildren(...picture.comments.features.map((comment, at) => this.comment(comment, at + 1)))
  }

  private comment (comment: Feature<Geometry, CommentFacts>, number: number): HTMLElement {
    const facts = comment.properties
    const item = document.createElement('article')
    item.className = facts.internal ? 'remark internal' : 'remark'
    const head = document.createElement('p')
    head.className = 'remark-head'
    head.textContent = `${number}. ${facts.author} · ${facts.at}${facts.internal ? ` · ${say('internal')}` : ''}`
    const words = document.createElement('p')
    words.textContent = facts.text
    item.append(head, words)
    if (comment.geometry !== null) {
      const button = document.createElement('button')
      button.type = 'button'
      button.className = 'link'
      button.textContent = say('where')
      button.addEventListener('click', () => this.map.goTo(comment.geometry))
      item.append(button)
    }
    return item
  }

  private pinning (): void {
    const button = this.root.querySelector<HTMLButtonElement>('[data-ref=pick-place]')
    if (button === null) return
    const field = this.root.querySelector<HTMLInputElement>('input[name=place]')!
    button.addEventListener('click', () => {
      button.setAttribute('aria-pressed', 'true')
      part(this.root, 'picked').textContent = say('picking')
      this.map.pickPlace((lon, lat) => {
        field.value = `${lon},${lat}`
        part(this.root, 'picked').textContent = say('placed', { lon: lon.toFixed(6), lat: lat.toFixed(6) })
      }, () => button.setAttribute('aria-pressed', 'false'))
    })
  }

  private versions (picture: Picture): void {
    const box = part<HTMLElement>(this.root, 'versions')
    const current = (parcel: string): Feature<Geometry, VersionFacts> | undefined =>
      [...picture.versions.features].reverse().find(one => one.properties.parcel === parcel)
    box.replaceChildren(...[...picture.versions.features].reverse().map(version => {
      const facts = version.properties
      const item = document.createElement('li')
      const words = document.createElement('span')
      const { kind, metres } = facts.facts
      // Clipping and giving way follow the other's border, whatever the tolerance says.
      const within = (kind === 'snap' || kind === 'simplify') && metres !== undefined
      const how = kind === undefined || kind === 'follow' ? facts.because : say(within ? 'repairedWithin' : 'repairedBy', { because: facts.because, kind: say(kind), metres: metres ?? '' })
      words.textContent = `${say('version', { n: facts.number })} · ${how} · ${say('square', { area: formatNumber(facts.area_m2, 1) })} · ${facts.by} · ${facts.at}${facts.leaves ? say('left') : ''}`
      item.append(words)
      const now = current(facts.parcel)
      if (now !== undefined && now !== version) {
        const button = document.createElement('button')
        button.type = 'button'
        button.className = 'link'
        button.textContent = say('compare')
        this.comparing(button, version, facts.leaves ? picture.shapes : now)
        item.append(button)
      }
      return item
    }))
  }

  /** What stands by now, over what is under review. */
  private successors (picture: Picture): void {
    for (const button of this.root.querySelectorAll<HTMLButtonElement>('button[data-successor]')) {
      const there = picture.successors.features.find(one => one.properties.key === button.dataset.successor)
      if (there !== undefined) this.comparing(button, picture.shapes, there)
    }
  }

  /** Pressed it lays two shapes over each other, pressed again it takes them away. */
  private comparing (button: HTMLButtonElement, before: FeatureCollection | Feature, after: FeatureCollection | Feature): void {
    button.setAttribute('aria-pressed', 'false')
    button.addEventListener('click', () => {
      const wanted = button.getAttribute('aria-pressed') === 'false'
      this.releaseCompared()
      if (wanted) this.map.compare(before, after)
      else this.map.clearComparison()
      button.setAttribute('aria-pressed', String(wanted))
    })
  }

  private releaseCompared (): void {
    for (const button of this.root.querySelectorAll('button.link[aria-pressed=true]')) button.setAttribute('aria-pressed', 'false')
  }

  /** Look at a repair before and after; only then may it be taken. */
  private repairs (picture: Picture): void {
    const form = part<HTMLFormElement>(this.root, 'repair-form')
    const answer = part<HTMLElement>(this.root, 'repair-answer')
    const accept = part<HTMLButtonElement>(this.root, 'repair-accept')
    const refusal = part<HTMLElement>(this.root, 'repair-refusal')
    const parcels = form.querySelector<HTMLSelectElement>('select[name=parcel]')!
    parcels.replaceChildren(...picture.shapes.features.map(shape => new Option(shape.properties.name, shape.properties.key)))
    form.addEventListener('change', () => { accept.disabled = true })
    form.addEventListener('submit', event => {
      event.preventDefault()
      refusal.hidden = true
      const wanted = new URLSearchParams(new FormData(form) as unknown as Record<string, string>)
      void getJson<Repair>(`${this.config.urls.repair!}?${wanted.toString()}`).then(found => {
        this.releaseCompared()
        this.map.compare(found.before, found.after)
        answer.replaceChildren(...[
          say('before', { area: formatNumber(found.area_m2_before, 2), n: found.vertices_before }),
          say('after', { area: formatNumber(found.area_m2_after, 2), n: found.vertices_after })
        ].map(words => {
          const line = document.createElement('p')
          line.textContent = words
          return line
        }))
        accept.disabled = false
      }).catch((error: unknown) => {
        answer.replaceChildren()
        accept.disabled = true
        explain(error, refusal)
      })
    })
    accept.addEventListener('click', () => {
      accept.disabled = true
      postForm(this.config.urls.repair!, new FormData(form))
        .then(() => location.reload())
        .catch((error: unknown) => explain(error, refusal))
    })
  }
}
