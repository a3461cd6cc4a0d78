// The scanned certificate beside the map: rotate and zoom, by mouse and by keyboard.
import { part } from '../panel'

const STEP = 1.25
const LEAST = 0.4
const MOST = 6

export function scanViewer (root: HTMLElement): void {
  const box = root.querySelector<HTMLElement>('[data-ref=scan]')
  if (box === null) return
  const sheet = part<HTMLElement>(box, 'scan-sheet')
  let quarter = 0
  let scale = 1
  const apply = (): void => {
    sheet.style.transform = `scale(${scale}) rotate(${quarter * 90}deg)`
    box.dataset.turned = String(quarter)
    box.dataset.scale = scale.toFixed(2)
  }
  const act: Record<string, () => void> = {
    left: () => { quarter = (quarter + 3) % 4 },
    right: () => { quarter = (quarter + 1) % 4 },
    in: () => { scale = Math.min(MOST, scale * STEP) },
    out: () => { scale = Math.max(LEAST, scale / STEP) },
    reset: () => { quarter = 0; scale = 1 }
  }
  for (const button of box.querySelectorAll<HTMLButtonElement>('[data-scan]')) {
    button.addEventListener('click', () => { act[button.dataset.scan!]?.(); apply() })
  }
}
