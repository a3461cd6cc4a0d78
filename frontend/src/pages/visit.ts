// The form of a visit: what was typed and photographed stays in this browser until it is signed, with
// or without a network; pictures carry the place where the device was.
import { part } from '../panel'
import { Offline, postForm } from '../server'
import { phrases } from '../text'
import { Kept, type Draft, type Photo } from '../visit/kept'
import { keepPage } from '../visit/page'

interface Sent { address: string, name: string, said: string }

const say = phrases({
  kept: ['草稿已保存在本机 {time}', 'Draft kept in this browser, {time}'],
  restored: ['已恢复本机草稿', 'The draft of this browser was restored'],
  offline: ['没有网络，草稿已保存在本机。有网络后再签字。', 'No network: the draft is kept in this browser. Sign when you are back online.'],
  place: ['位置 {lon}, {lat}', 'Position {lon}, {lat}'],
  full: ['本机空间不足，草稿未保存。', 'This browser has no room left: the draft was not kept.'],
  waiting: ['待上传', 'Waiting to be sent'],
  later: ['没有网络，照片已保存在本机，联网后自动上传。', 'No network: the photos are kept in this browser and sent when you are back online.'],
  sending: ['正在上传 {name}…', 'Sending {name}…'],
  remove: ['删除', 'Remove'],
  unsent: ['还有照片没有上传，请重试或删除后再签字。', 'Some photos are not sent yet: try again or remove them, then sign.']
})
const root = document.getElementById('main')!
type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

/** The list of what the server has. */
function showSent (sent: Sent[]): void {
  part(root, 'sent').replaceChildren(...sent.map(({ address, name, said }) => {
    const link = document.createElement('a')
    link.href = address
    link.append(picture(address, name))
    return line([link], said)
  }))
}

function picture (source: string, name: string): HTMLImageElement {
  const image = new Image(160, 120)
  image.src = source
  image.alt = name
  return image
}

function line (first: HTMLElement[], said: string): HTMLLIElement {
  const item = document.createElement('li')
  const small = document.createElement('small')
  small.textContent = said
  item.append(...first, small)
  return item
}

/** The typed part: kept at each change, restored when the page comes again. */
class VisitRecord {
  constructor (private readonly form: HTMLFormElement, private readonly kept: Kept) {}

  private fields (): Field[] {
    return [...this.form.querySelectorAll<Field>('input:not([type=hidden]), textarea, select')]
  }

  private read (): Draft {
    const draft: Draft = {}
    for (const field of this.fields()) {
      if (field instanceof HTMLInputElement && field.type === 'radio' && !field.checked) continue
      draft[field.name] = field.value
    }
    return draft
  }

  say (text: string): void { part(root, 'draft').textContent = text }

  async keep (): Promise<void> {
    try {
      await this.kept.keepDraft(this.read())
      this.say(navigator.onLine ? say('kept', { time: new Date().toLocaleTimeString() }) : say('offline'))
    } catch {
      this.say(say('full'))
    }
  }

  async restore (): Promise<void> {
    const draft = await this.kept.draft()
    // What the server sent back after a refusal is newer than the draft.
    if (draft === undefined || this.form.querySelector('.errorlist') !== null) return
    for (const field of this.fields()) {
      const value = draft[field.name]
      if (value === undefined) continue
      if (field instanceof HTMLInputElement && field.type === 'radio') field.checked = field.value === value
      else field.value = value
      if (field.dataset.ref === 'patch') field.dispatchEvent(new Event('input'))
    }
    this.say(say('restored'))
  }
}

/** The photographs: kept first, sent one after the other, each dropped once the server has it. */
class Album {
  private readonly input: HTMLInputElement
  private readonly status = part<HTMLElement>(root, 'position')
  private sending: Promise<boolean> = Promise.resolve(true)

  constructor (private readonly form: HTMLFormElement, private readonly kept: Kept) {
    this.input = form.querySelector<HTMLInputElement>('input[type=file]')!
    // The browser would hold back a form whose pictures wait elsewhere.
    this.input.required = false
    this.input.addEventListener('change', () => { void this.take() })
    form.addEventListener('submit', event => { event.preventDefault(); void this.send() })
    window.addEventListener('online', () => { void this.send() })
  }

  private async take (): Promise<void> {
    for (const file of this.input.files ?? []) await this.kept.keepPhoto(file.name, file, '')
    this.input.value = ''
    await this.show()
    navigator.geolocation?.getCurrentPosition(({ coords }) => {
      const [lon, lat] = [coords.longitude.toFixed(6), coords.latitude.toFixed(6)]
      this.status.textContent = say('place', { lon, lat })
      void this.kept.placePhotos(`${lon},${lat}`).then(() => this.show())
    })
  }

  async show (refused = new Map<number, string>()): Promise<void> {
    part(root, 'waiting').replaceChildren(...(await this.kept.photos()).map(photo => this.waiting(photo, refused.get(photo.id!))))
  }

  private waiting (photo: Photo, refusal?: string): HTMLLIElement {
    const address = URL.createObjectURL(photo.file)
    const image = picture(address, photo.name)
    image.onload = () => URL.revokeObjectURL(address)
    const remove = document.createElement('button')
    remove.type = 'button'
    remove.className = 'second small'
    remove.textContent = say('remove')
    remove.addEventListener('click', () => { void this.kept.dropPhoto(photo.id!).then(() => this.show()) })
    return line([image, remove], refusal ?? [say('waiting'), photo.place].filter(Boolean).join(' · '))
  }

  /** Whether nothing is left to send; one round after the other. */
  send (): Promise<boolean> {
    this.sending = this.sending.then(() => this.round(), () => this.round())
    return this.sending
  }

  private async round (): Promise<boolean> {
    const refused = new Map<number, string>()
    for (const photo of await this.kept.photos()) {
      this.status.textContent = say('sending', { name: photo.name })
      const body = new FormData()
      body.append('photo-pictures', photo.file, photo.name)
      body.append('photo-device', photo.place)
      try {
        showSent((await postForm<{ photos: Sent[] }>(this.form.action, body)).photos)
        await this.kept.dropPhoto(photo.id!)
      } catch (error) {
        if (error instanceof Offline) {
          this.status.textContent = say('later')
          return false
        }
        refused.set(photo.id!, error instanceof Error ? error.message : String(error))
      }
    }
    this.status.textContent = ''
    await this.show(refused)
    return refused.size === 0
  }
}

async function start (form: HTMLFormElement, kept: Kept): Promise<void> {
  const record = new VisitRecord(form, kept)
  const album = new Album(part<HTMLFormElement>(root, 'photo-form'), kept)
  await record.restore()
  form.addEventListener('input', () => { void record.keep() })
  form.addEventListener('change', () => { void record.keep() })
  // Corners that are clicked on the map come without an input event.
  for (const name of ['map', 'undo', 'clear']) part(root, name).addEventListener('click', () => setTimeout(() => { void record.keep() }))
  let complete = false
  form.addEventListener('submit', event => {
    if (complete) return
    // A signature closes the album: what waits goes first.
    event.preventDefault()
    void (async () => {
      await record.keep()
      if (!navigator.onLine) return
      complete = await album.send()
      if (complete) form.requestSubmit(event.submitter)
      else record.say(say('unsent'))
    })()
  })
  await album.show()
  if (navigator.onLine) void album.send()
}

const form = root.querySelector<HTMLFormElement>('[data-ref=visit]')
const visit = (form ?? part<HTMLElement>(root, 'signed')).dataset.key!
void Kept.open(visit).then(async kept => {
  if (form === null) await kept.forget()
  else await start(form, kept)
  root.dataset.ready = 'true'
  if (form === null || !navigator.onLine) return
  await keepPage().then(() => { root.dataset.kept = 'true' }, () => undefined)
}).catch(() => { if (form !== null) part(root, 'draft').textContent = say('full') })
