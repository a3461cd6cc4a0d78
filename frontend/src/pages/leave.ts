// Whoever signs out leaves no page of a visit in this browser.
import { dropPages, keepsPages } from '../visit/page'

const form = document.querySelector<HTMLFormElement>('form[data-ref=sign-out]')!
form.addEventListener('submit', event => {
  if (!keepsPages()) return
  event.preventDefault()
  void dropPages().finally(() => form.submit())
})
