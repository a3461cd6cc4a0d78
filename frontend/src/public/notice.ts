// What the map says over itself: a message, with a way to try again; that the network is gone; that tiles are late.
import L from 'leaflet'
import { part } from '../panel'
import { TileCanvas } from '../tile-canvas'

export class Notice {
  private readonly box: HTMLElement
  private readonly words: HTMLElement
  private readonly button: HTMLButtonElement
  private readonly retry: string
  private again: (() => void) | null = null

  constructor (root: ParentNode) {
    this.box = part(root, 'note')
    this.words = part(root, 'note-text')
    this.button = part(root, 'note-retry')
    this.retry = this.button.textContent!
    this.button.addEventListener('click', () => {
      const again = this.again
      this.show(null)
      again?.()
    })
  }

  /** `again` is offered where trying once more may help, or what its own `word` says. */
  show (message: string | null, again: (() => void) | null = null, word = this.retry): void {
    this.again = again
    this.button.textContent = word
    this.box.hidden = message === null
    this.words.textContent = message
    this.button.hidden = again === null
  }
}

/** Says so while the browser has no network, and calls `back` when it has one again. */
export function watchNetwork (root: ParentNode, back: () => void): void {
  const sign = part<HTMLElement>(root, 'offline')
  const show = (): void => { sign.hidden = navigator.onLine }
  window.addEventListener('offline', show)
  window.addEventListener('online', () => { show(); back() })
  show()
}

/** Says so while a busy server keeps tiles back; they come by themselves as soon as it has time. */
export function watchTiles (map: L.Map, root: ParentNode): void {
  const sign = part<HTMLElement>(root, 'tiles-late')
  const late = new Map<L.Layer, number>()
  const tell = (event: L.LeafletEvent): void => {
    late.set(event.target as L.Layer, (event as L.LeafletEvent & { tiles: number }).tiles)
    sign.hidden = [...late.values()].every(tiles => tiles === 0)
  }
  map.on('layeradd', ({ layer }) => { if (layer instanceof TileCanvas) layer.on('waits', tell) })
}
