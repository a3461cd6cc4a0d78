// The scanned certificate beside the map: rotate and zoom, by mouse and by keyboard.
import { part } from '../panel'

const STEP = 1.25
const LEAST = 0.4
const MOST = 6

export function scanViewer (root: HTMLElement): void {
  const box = root.querySelector<HTMLElement>('[data-ref=scan]')
  if (box?.querySelector('[data-scan]') == null) return
  const sheet = part<HTMLElement>(box, 'scan-sheet')
  const frame = sheet.parentElement!
  let quarter = 0
  let scale = 1
  // What lies left of or above a frame cannot be scrolled to: the turned and enlarged sheet is laid from
  // the frame's corner, or in its middle where it is smaller, and its middle stays where one looks.
  const apply = (): void => {
    const middle = [(frame.scrollLeft + frame.clientWidth / 2) / frame.scrollWidth, (frame.scrollTop + frame.clientHeight / 2) / frame.scrollHeight] as const
    const [width, height] = [sheet.offsetWidth * scale, sheet.offsetHeight * scale]
    const [across, down] = quarter % 2 === 0 ? [width, height] : [height, width]
    const [right, below] = [[0, 0], [height, 0], [width, height], [0, width]][quarter] as [number, number]
    const left = Math.max(0, (frame.clientWidth - across) / 2) + right
    const top = Math.max(0, (frame.clientHeight - down) / 2) + below
    sheet.style.transform = `translate(${left}px, ${top}px) rotate(${quarter * 90}deg) scale(${scale})`
    frame.scrollTo(middle[0] * frame.scrollWidth - frame.clientWidth / 2, middle[1] * frame.scrollHeight - frame.clientHeight / 2)
    box.dataset.turned = String(quarter)
    box.dataset.scale = scale.toFixed(2)
  }
  new ResizeObserver(apply).observe(sheet)
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
