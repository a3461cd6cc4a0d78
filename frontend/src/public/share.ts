// The address of what is shown, to hand on.
import { part } from '../panel'
import { phrases } from '../text'

const say = phrases({
  copied: ['已复制', 'Copied'],
  copyByHand: ['请按 Ctrl+C 复制', 'Press Ctrl+C to copy']
})

export function shareBox (root: ParentNode): void {
  const box = part<HTMLDetailsElement>(root, 'share')
  const field = part<HTMLInputElement>(root, 'share-address')
  const done = part<HTMLElement>(root, 'share-done')
  box.addEventListener('toggle', () => { field.value = location.href; done.textContent = '' })
  part(root, 'share-copy').addEventListener('click', () => {
    field.value = location.href
    field.select()
    // Browsers offer a clipboard to secure pages only.
    const copied = navigator.clipboard?.writeText(field.value) ?? Promise.reject(new Error('none'))
    copied.then(() => { done.textContent = say('copied') }, () => { done.textContent = say('copyByHand') })
  })
}
