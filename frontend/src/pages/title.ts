// An owner's page of a title: what was asked, mending, split and merge.
import { explain } from '../bench/acts'
import { CoOwners, type CoOwner } from '../bench/co-owners'
import type { Picture } from '../bench/review-map'
import { Workbench, type WorkbenchConfig } from '../bench/workbench'
import { part } from '../panel'
import { postForm } from '../server'
import { phrases } from '../text'

const config = JSON.parse(document.getElementById('bench-config')!.textContent!) as WorkbenchConfig
const root = document.getElementById('main')!
const bench = new Workbench(root, config)
const say = phrases({ points: ['分割线已有 {n} 个点', 'The line has {n} points'] })

/** Each parcel with its own box for merging, and a line drawn on the map for splitting. */
function land (picture: Picture): void {
  const box = root.querySelector<HTMLElement>('[data-ref=land]')
  if (box === null) return
  const refusal = part<HTMLElement>(box, 'land-refusal')
  const choose = part<HTMLSelectElement>(box, 'split-parcel')
  choose.replaceChildren(...picture.shapes.features.map(shape => new Option(shape.properties.name, shape.properties.key)))
  part(box, 'merge-parcels').replaceChildren(...picture.shapes.features.map(shape => {
    const label = document.createElement('label')
    const tick = document.createElement('input')
    tick.type = 'checkbox'
    tick.value = shape.properties.key
    label.append(tick, shape.properties.name)
    return label
  }))
  const draw = part<HTMLButtonElement>(box, 'split-draw')
  const cut = part<HTMLButtonElement>(box, 'split-cut')
  const note = part<HTMLElement>(box, 'split-note')
  let line: Array<[number, number]> = []
  let stop: (() => void) | null = null
  draw.addEventListener('click', () => {
    stop?.()
    line = []
    cut.disabled = true
    stop = bench.map.drawLine(points => {
      line = points
      note.textContent = say('points', { n: points.length })
      cut.disabled = points.length < 2
    })
  })
  const send = (url: string, body: FormData): void => {
    refusal.hidden = true
    postForm(url, body).then(() => location.reload()).catch((error: unknown) => explain(error, refusal))
  }
  cut.addEventListener('click', () => {
    const body = new FormData()
    body.set('parcel', choose.value)
    body.set('line', JSON.stringify(line))
    send(config.urls.split!, body)
  })
  part(box, 'merge').addEventListener('click', () => {
    const body = new FormData()
    for (const tick of box.querySelectorAll<HTMLInputElement>('[data-ref=merge-parcels] input:checked')) body.append('parcel', tick.value)
    send(config.urls.merge!, body)
  })
}

/** What each parcel is called now, to be corrected. */
function places (picture: Picture): void {
  const choose = root.querySelector<HTMLSelectElement>('#place-parcel')
  if (choose === null) return
  const fill = (): void => {
    const shape = picture.shapes.features.find(one => one.properties.key === choose.value)
    for (const [name, value] of Object.entries(shape?.properties.place ?? {})) {
      root.querySelector<HTMLInputElement | HTMLSelectElement>(`[data-ref=place] [name=${name}]`)!.value = value
    }
  }
  choose.addEventListener('change', fill)
  fill()
}

/** The co-owners as they are registered, to be corrected; the form sends them as the page's rows stand. */
function owners (): void {
  const box = root.querySelector<HTMLElement>('[data-ref=owners]')
  if (box === null) return
  const rows = new CoOwners(box, JSON.parse(document.getElementById('co-owners')!.textContent!) as CoOwner[])
  box.querySelector('form')!.addEventListener('formdata', event => { event.formData.set('co_owners', rows.json()) })
}

owners()
void bench.start().then(picture => { land(picture); places(picture) })
  .catch((error: unknown) => explain(error, part(root, 'refusal')))
