// The address of what is shown, to hand on.
import { part } from '../panel'
import { phrases } from '../text'

const say = phrases({
  frame: ['伊宁市林业碳票地图', 'Map of carbon tickets, Yining'],
  copied: ['已复制', 'Copied'],
  copyByHand: ['请按 Ctrl+C 复制', 'Press Ctrl+C to copy']
})

const FILLED_AFTER_MS = 300

/** Gives what is to be called when the address changes: an open box follows it, once it rests. */
export function shareBox (root: ParentNode): () => void {
  const box = part<HTMLDetailsElement>(root, 'share')
  const field = part<HTMLInputElement>(root, 'share-address')
  const done = part<HTMLElement>(root, 'share-done')
  const embed = part<HTMLInputElement>(root, 'share-embed')
  const panel = part<HTMLInputElement>(root, 'share-panel')
  const image = part<HTMLImageElement>(root, 'share-qr')
  const fill = (): void => {
    if (!box.open) return
    const view = location.hash.slice(1)
    field.value = `${location.origin}/${location.hash}`
    image.src = `${image.dataset.address!}?view=${encodeURIComponent(view)}`
    const address = `${location.origin}${embed.dataset.address!}${panel.checked ? '' : '?panel=0'}#${view}`
    embed.value = `<iframe src="${address}" width="100%" height="600" title="${say('frame')}"></iframe>`
  }
  box.addEventListener('toggle', () => { fill(); done.textContent = '' })
  panel.addEventListener('change', fill)
  part(root, 'share-copy').addEventListener('click', () => {
    fill()
    field.select()
    // Browsers offer a clipboard to secure pages only.
    const copied = navigator.clipboard?.writeText(field.value) ?? Promise.reject(new Error('none'))
    copied.then(() => { done.textContent = say('copied') }, () => { done.textContent = say('copyByHand') })
  })
  let timer = 0
  return () => {
    clearTimeout(timer)
    timer = setTimeout(fill, FILLED_AFTER_MS)
  }
}
