// How a file was read: shown, and open to change wherever the file itself did not say it.
import { part } from '../panel'
import { Refused } from '../server'
import { text } from '../text'
import { say } from './say'

export interface System { value: number, label: string }
export interface Reading {
  crs: { epsg: number, name: string, how: 'declared' | 'guessed' | 'chosen' }
  notices: Array<{ message: string }>
  problems: Array<{ row: number, message: string }>
  left_off: number
}

const PROBLEMS_TOLD = 20
const HOW = { declared: 'certain', guessed: 'guessed', chosen: 'chosen' } as const

/** The form that sends a file, with what was chosen of how it is read. */
export function fileToRead (root: HTMLElement, file: File): FormData {
  const form = new FormData()
  form.append('file', file)
  form.append('crs', part<HTMLSelectElement>(root, 'crs').value)
  form.append('seven_parameters', part<HTMLInputElement>(root, 'seven_parameters').value)
  return form
}

/** Reads the file again when another system or other parameters are given. */
export function onOtherReading (root: HTMLElement, read: () => void): void {
  for (const name of ['crs', 'seven_parameters']) part(root, name).addEventListener('change', read)
}

/** Forgets the file before: its notes, and the system that was chosen for it. */
export function forgetReading (root: HTMLElement): void {
  part(root, 'file-notes').replaceChildren()
  part(root, 'crs').replaceChildren()
  part<HTMLElement>(root, 'crs-field').hidden = true
}

/** What was read and what was not, and the choice of another system where this one was not declared. */
export function tellReading (root: HTMLElement, reading: Reading, systems: System[]): void {
  const { crs, notices, problems } = reading
  const lines = [say('fileCrs', { name: crs.name, how: text(HOW[crs.how]) }), ...notices.map(notice => notice.message)]
  if (problems.length > 0) lines.push(say('fileProblems', { n: problems.length }), ...problems.slice(0, PROBLEMS_TOLD).map(problem => `${say('fileRow', { row: problem.row })}：${problem.message}`))
  if (reading.left_off > 0) lines.push(say('fileLeftOff', { n: reading.left_off }))
  part(root, 'file-notes').replaceChildren(...lines.map(line => {
    const item = document.createElement('li')
    item.textContent = line
    return item
  }))
  offerSystems(root, systems, crs.how === 'declared' ? null : crs.epsg)
}

/** Of numbers like no usual system the reader asks for one: the choice is offered with the refusal. */
export function offerAfterRefusal (root: HTMLElement, refusal: unknown, systems: System[]): void {
  if (refusal instanceof Refused && refusal.code === 'crs_missing') offerSystems(root, systems, 0)
}

function offerSystems (root: HTMLElement, systems: System[], present: number | null): void {
  part<HTMLElement>(root, 'crs-field').hidden = present === null
  const known = systems.some(({ value }) => value === present)
  const offered = known ? systems : [{ value: 0, label: say('chooseCrs') }, ...systems]
  part(root, 'crs').replaceChildren(...offered.map(({ value, label }) => {
    const option = document.createElement('option')
    option.value = value === 0 ? '' : String(value)
    option.textContent = label
    option.selected = value === present
    return option
  }))
}
