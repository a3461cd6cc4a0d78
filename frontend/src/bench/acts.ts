// Forms and buttons that act by script: what was typed stays when the server refuses.
import { part } from '../panel'
import { Offline, postForm, Refused } from '../server'
import { text } from '../text'

export function explain (error: unknown, place: HTMLElement): void {
  if (error instanceof DOMException && error.name === 'AbortError') return
  place.hidden = false
  place.textContent = error instanceof Refused ? error.message : error instanceof Offline ? text('offline') : String(error)
  place.scrollIntoView({ block: 'nearest' })
}

/** Post, then load the page anew; a refusal is told in the page's own place and nothing is lost. */
export async function act (url: string, body: FormData, root: HTMLElement): Promise<boolean> {
  const refusal = part<HTMLElement>(root, 'refusal')
  refusal.hidden = true
  try {
    await postForm(url, body)
  } catch (error) {
    explain(error, refusal)
    return false
  }
  location.reload()
  return true
}

/** Each ``form[data-act]`` posts to its address by script; ``extra`` adds what the map knows. */
export function actingForms (root: HTMLElement, urls: Record<string, string>, extra: (form: HTMLFormElement) => Record<string, string>): void {
  for (const form of root.querySelectorAll<HTMLFormElement>('form[data-act]')) {
    form.addEventListener('submit', event => {
      event.preventDefault()
      const body = new FormData(form)
      for (const [name, value] of Object.entries(extra(form))) body.set(name, value)
      const buttons = form.querySelectorAll<HTMLButtonElement>('button[type=submit]')
      for (const button of buttons) button.disabled = true
      void act(urls[form.dataset.act!]!, body, root).then(gone => {
        if (!gone) for (const button of buttons) button.disabled = false
      })
    })
  }
}
