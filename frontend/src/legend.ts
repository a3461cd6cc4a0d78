// What the colours mean, folded away where the map is small: on a phone, in another site's frame.
import { SELECTED, STATE_COLOURS, SUM_FILL } from './colours'
import { text, type TextKey } from './text'

const [WIDE_PX, HIGH_PX] = [700, 560]

/** Whether both legends lie open without covering the map. */
export function hasRoom (stage: Element): boolean {
  return stage.clientWidth >= WIDE_PX && stage.clientHeight >= HIGH_PX
}

export function legend (root: HTMLElement): void {
  const details = document.createElement('details')
  details.open = hasRoom(root.parentElement!)
  const summary = document.createElement('summary')
  summary.textContent = text('legend')
  const list = document.createElement('ul')
  const rows: Array<[TextKey, string, string]> = [
    ['registered', STATE_COLOURS.registered!.fill, STATE_COLOURS.registered!.line],
    ['verified', STATE_COLOURS.verified!.fill, STATE_COLOURS.verified!.line],
    ['selected', SELECTED.fill, SELECTED.line],
    ['many', SUM_FILL, '#3f7f56'],
    ['cityLine', '#fbfaf4', '#7d8f83']
  ]
  for (const [key, fill, line] of rows) {
    const item = document.createElement('li')
    const swatch = document.createElement('span')
    swatch.className = 'swatch'
    swatch.style.backgroundColor = fill
    swatch.style.borderColor = line
    item.append(swatch, text(key))
    list.append(item)
  }
  details.append(summary, list)
  root.append(details)
}
