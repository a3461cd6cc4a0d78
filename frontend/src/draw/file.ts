// A file to draw from: read by the server, its shapes chosen on the map.
import type { MultiPolygon, Polygon } from 'geojson'
import { part } from '../panel'
import { postForm, Refused } from '../server'
import { text } from '../text'
import type { Choice } from './choices'
import { say } from './say'

interface Brought {
  crs: { epsg: number, name: string, how: string, certain: boolean, needs_question: boolean, alternatives: Array<{ value: number, label: string }> } | null
  notices: Array<{ message: string }>
  features: Array<{ row: number, label: string, geometry: MultiPolygon | Polygon }>
  problems: Array<{ row: number, message: string }>
  left_off: number
}

export async function readFeatures (address: string, file: File, crs: string, limitMib: number, root: HTMLElement): Promise<{ heading: string, choices: Choice[] }> {
  if (file.size > limitMib * 1024 ** 2) throw new Refused(413, 'upload_too_large', text('tooLarge', { size: Math.ceil(file.size / 1024 ** 2), limit: limitMib }))
  const form = new FormData()
  form.append('file', file)
  if (crs !== '') form.append('crs', crs)
  const found = await postForm<Brought>(address, form)
  const notes = part<HTMLElement>(root, 'file-notes')
  const lines = found.notices.map(notice => notice.message)
  if (found.crs !== null) {
    lines.unshift(say('fileCrs', { name: found.crs.name, how: text(found.crs.certain ? 'certain' : crs === '' ? 'guessed' : 'chosen') }))
    const field = part<HTMLElement>(root, 'crs-field')
    const choice = part<HTMLSelectElement>(root, 'crs')
    field.hidden = found.crs.certain
    const epsg = String(found.crs.epsg)
    choice.replaceChildren(...found.crs.alternatives.map(({ value, label }) => {
      const option = document.createElement('option')
      option.value = String(value)
      option.textContent = label
      option.selected = option.value === epsg
      return option
    }))
  }
  if (found.problems.length > 0) lines.push(say('fileProblems', { n: found.problems.length }), ...found.problems.slice(0, 20).map(problem => `${say('fileRow', { row: problem.row })}：${problem.message}`))
  if (found.left_off > 0) lines.push(say('fileLeftOff', { n: found.left_off }))
  notes.replaceChildren(...lines.map(line => {
    const item = document.createElement('li')
    item.textContent = line
    return item
  }))
  return {
    heading: say('fileFeatures', { n: found.features.length }),
    choices: found.features.map(feature => ({
      label: [say('fileRow', { row: feature.row }), feature.label].filter(word => word !== '').join(' · '),
      geometry: feature.geometry as MultiPolygon,
      ticked: found.features.length === 1
    }))
  }
}
