// The side panel: what the selected parcel is, or an introduction when nothing is selected.
import { formatNumber, text } from './text'

/** The GeoJSON feature that `/api/parcels/{uid}/` answers. */
export interface ParcelFeature { id: string, bbox: [number, number, number, number], properties: ParcelFacts }

export interface ParcelFacts {
  title: string
  state: string
  state_label: string
  facts: Array<{ label: string, value: string }>
  url: string
  area_ha: number
  area_mu: number
}

export function part<T extends Element> (root: ParentNode, name: string): T {
  const found = root.querySelector<T>(`[data-ref="${name}"]`)
  if (found === null) throw new Error(`no part ${name}`)
  return found
}

/** Runs the last act that it was given: at once while the box is open, else when it is opened. */
export function whileOpen (box: HTMLDetailsElement): (act: () => void) => void {
  let waiting: (() => void) | null = null
  box.addEventListener('toggle', () => {
    if (box.open) waiting?.()
    waiting = null
  })
  return act => { if (box.open) act(); else waiting = act }
}

export class Panel {
  constructor (private readonly root: HTMLElement, onClose: () => void) {
    part<HTMLButtonElement>(root, 'facts-close').addEventListener('click', onClose)
    root.addEventListener('keydown', event => { if (event.key === 'Escape') onClose() })
  }

  clear (): void {
    part<HTMLElement>(this.root, 'facts').hidden = true
    part<HTMLElement>(this.root, 'intro').hidden = false
    this.root.classList.remove('open')
  }

  show (parcel: ParcelFacts): void {
    part(this.root, 'facts-title').textContent = parcel.title
    const badge = part<HTMLElement>(this.root, 'facts-state')
    badge.textContent = parcel.state_label
    badge.className = `badge ${parcel.state}`
    const rows = [
      { label: '', value: `${text('hectares', { ha: formatNumber(parcel.area_ha, 4) })} · ${text('mu', { mu: formatNumber(parcel.area_mu, 2) })}` },
      ...parcel.facts
    ]
    part(this.root, 'facts-list').replaceChildren(...rows.flatMap(({ label, value }) => {
      const term = document.createElement('dt')
      term.textContent = label
      const detail = document.createElement('dd')
      detail.textContent = value
      return label === '' ? [detail] : [term, detail]
    }))
    part<HTMLAnchorElement>(this.root, 'facts-link').href = parcel.url
    part<HTMLElement>(this.root, 'intro').hidden = true
    part<HTMLElement>(this.root, 'facts').hidden = false
    this.root.classList.add('open')
    part<HTMLElement>(this.root, 'facts-title').focus({ preventScroll: true })
  }
}
