// The form of a visit: what was typed stays in this browser until it is signed, with or without a
// network; pictures carry the place where the device was.
import { part } from '../panel'
import { phrases } from '../text'

const say = phrases({
  kept: ['草稿已保存在本机 {time}', 'Draft kept in this browser, {time}'],
  restored: ['已恢复本机草稿', 'The draft of this browser was restored'],
  offline: ['没有网络，草稿已保存在本机。有网络后再签字。', 'No network: the draft is kept in this browser. Sign when you are back online.'],
  place: ['位置 {lon}, {lat}', 'Position {lon}, {lat}'],
  full: ['本机空间不足，草稿未保存。', 'This browser has no room left: the draft was not kept.']
})
const root = document.getElementById('main')!
const form = part<HTMLFormElement>(root, 'visit')
const status = part<HTMLElement>(root, 'draft')
const key = `visit:${form.dataset.key!}`
type Draft = Record<string, string>
type Field = HTMLInputElement | HTMLTextAreaElement

const fields = (): Field[] => [...form.querySelectorAll<Field>('input:not([type=hidden]), textarea')]

function read (): Draft {
  const draft: Draft = {}
  for (const field of fields()) {
    if (field instanceof HTMLInputElement && field.type === 'radio' && !field.checked) continue
    draft[field.name] = field.value
  }
  return draft
}

function keep (): void {
  try {
    localStorage.setItem(key, JSON.stringify(read()))
    status.textContent = navigator.onLine ? say('kept', { time: new Date().toLocaleTimeString() }) : say('offline')
  } catch {
    status.textContent = say('full')
  }
}

function restore (): void {
  const kept = localStorage.getItem(key)
  // What the server sent back after a refusal is newer than the draft.
  if (kept === null || form.querySelector('.errorlist') !== null) return
  const draft = JSON.parse(kept) as Draft
  for (const field of fields()) {
    const value = draft[field.name]
    if (value === undefined) continue
    if (field instanceof HTMLInputElement && field.type === 'radio') field.checked = field.value === value
    else field.value = value
    if (field.dataset.ref === 'patch') field.dispatchEvent(new Event('input'))
  }
  status.textContent = say('restored')
}

restore()
form.addEventListener('input', keep)
form.addEventListener('change', keep)
// Corners that are clicked on the map come without an input event.
part(root, 'map').addEventListener('click', () => setTimeout(keep))
part(root, 'undo').addEventListener('click', () => setTimeout(keep))
form.addEventListener('submit', event => {
  keep()
  if (navigator.onLine) return
  event.preventDefault()
  status.textContent = say('offline')
})
const photos = part<HTMLFormElement>(root, 'photo-form')
photos.querySelector<HTMLInputElement>('input[type=file]')!.addEventListener('change', () => {
  navigator.geolocation?.getCurrentPosition(({ coords }) => {
    const lon = coords.longitude.toFixed(6)
    const lat = coords.latitude.toFixed(6)
    part<HTMLInputElement>(root, 'device').value = `${lon},${lat}`
    part(root, 'position').textContent = say('place', { lon, lat })
  })
})
root.dataset.ready = 'true'
