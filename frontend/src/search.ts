// The search box: suggestions while typing, by keyboard as a combobox, stale answers dropped.
import { getJson, Offline, Refused } from './server'
import { text } from './text'

export interface Found {
  kind: string
  label: string
  detail: string
  lon: number
  lat: number
  bbox: [number, number, number, number] | null
  uid: string | null
  url: string | null
}

const DEBOUNCE_MS = 180

export function searchBox (form: HTMLFormElement, url: string, choose: (found: Found) => void): void {
  const input = form.querySelector('input')!
  const list = form.querySelector('ul')!
  let results: Found[] = []
  let active = -1
  let pending: AbortController | null = null
  let timer = 0

  const close = (): void => {
    list.hidden = true
    input.setAttribute('aria-expanded', 'false')
    input.removeAttribute('aria-activedescendant')
    active = -1
  }
  const note = (message: string): void => {
    const item = document.createElement('li')
    item.className = 'note'
    item.setAttribute('role', 'option')
    item.setAttribute('aria-disabled', 'true')
    item.id = 'found-note'
    item.textContent = message
    list.replaceChildren(item)
    list.hidden = false
    input.setAttribute('aria-expanded', 'true')
    input.setAttribute('aria-activedescendant', item.id) // Read out, as a hit is.
  }
  const show = (): void => {
    if (results.length === 0) { note(text('nothingFound')); return }
    list.replaceChildren(...results.map((found, at) => {
      const item = document.createElement('li')
      item.id = `found-${at}`
      item.setAttribute('role', 'option')
      const label = document.createElement('strong')
      label.textContent = found.label
      const detail = document.createElement('small')
      detail.textContent = found.detail
      item.append(label, detail)
      item.addEventListener('mousedown', event => { event.preventDefault(); take(at) })
      return item
    }))
    list.hidden = false
    input.setAttribute('aria-expanded', 'true')
    mark(0)
  }
  const mark = (at: number): void => {
    active = at
    list.querySelectorAll('[role=option]').forEach((item, index) => {
      item.setAttribute('aria-selected', String(index === at))
      if (index === at) { input.setAttribute('aria-activedescendant', item.id); item.scrollIntoView({ block: 'nearest' }) }
    })
  }
  const take = (at: number): void => {
    const found = results[at]
    if (found === undefined) return
    close()
    choose(found)
  }
  const ask = async (): Promise<void> => {
    pending?.abort()
    const wanted = input.value.trim()
    if (wanted === '') { close(); return }
    pending = new AbortController()
    try {
      const answer = await getJson<{ results: Found[] }>(`${url}?q=${encodeURIComponent(wanted)}`, { signal: pending.signal })
      results = answer.results
      show()
    } catch (error) {
      results = []
      if (error instanceof Offline) note(text('offline'))
      else if (error instanceof Refused) note(error.message)
    }
  }
  input.addEventListener('input', () => {
    // What was found for the former text is not what Enter means.
    results = []
    active = -1
    clearTimeout(timer)
    timer = window.setTimeout(() => { void ask() }, DEBOUNCE_MS)
  })
  input.addEventListener('keydown', event => {
    if (event.key === 'ArrowDown' && results.length > 0) { event.preventDefault(); mark((active + 1) % results.length) }
    if (event.key === 'ArrowUp' && results.length > 0) { event.preventDefault(); mark((active - 1 + results.length) % results.length) }
    if (event.key === 'Escape') { close() }
  })
  input.addEventListener('blur', close)
  form.addEventListener('submit', event => {
    event.preventDefault()
    if (active >= 0 && !list.hidden) take(active)
    else void ask()
  })
  document.addEventListener('keydown', event => {
    const typing = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)
    if (event.key === '/' && !typing) { event.preventDefault(); input.focus() }
  })
}
