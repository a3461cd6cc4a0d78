// The one door to the server: JSON in and out, tiles out, refusals as typed errors, every call can be aborted.
import { text } from './text'

export class Refused extends Error {
  /** `shape`: GeoJSON of where it went wrong, from the few answers that tell it. */
  constructor (readonly status: number, readonly code: string, message: string, readonly shape: unknown = null,
    readonly retryAfterMs = 1000) {
    super(message)
    this.name = 'Refused'
  }
}

export class Offline extends Error {
  constructor () {
    super('offline')
    this.name = 'Offline'
  }
}

function csrfToken (): string {
  const field = document.querySelector<HTMLInputElement>('input[name=csrfmiddlewaretoken]')
  return field?.value ?? ''
}

/** When the server would like to be asked again; a second where it does not say. */
function retryAfterMs (response: Response): number {
  return 1000 * Math.max(1, Number(response.headers.get('Retry-After')) || 1)
}

/** A key of one request: sent again under it, it acts once. */
export function newRequestKey (): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('')
}

function isJson (response: Response): boolean {
  return (response.headers.get('content-type') ?? '').includes('json')
}

/** Why nothing came, or not all of it: nobody waits any more, or there is no connection. */
function lost (error: unknown): unknown {
  return error instanceof DOMException && error.name === 'AbortError' ? error : new Offline()
}

/** What the server gives, or why it does not. */
async function given (request: Promise<Response>): Promise<Response> {
  let response: Response
  try {
    response = await request
  } catch (error) {
    throw lost(error)
  }
  if (response.ok) return response
  const body = isJson(response) ? await response.json() as { code?: string, message?: string, shape?: unknown } : {}
  throw new Refused(response.status, body.code ?? 'error', body.message ?? response.statusText, body.shape ?? null, retryAfterMs(response))
}

async function answer<T> (request: Promise<Response>): Promise<T> {
  const response = await given(request)
  // A redirect to the sign-in page: the session has ended while the page stayed open.
  if (!isJson(response)) throw new Refused(401, 'signed_out', text('signedOut'))
  return await response.json() as T
}

// Browsers let 64 KiB outlive a page; Chinese takes three bytes a character.
const KEPT_ALIVE_CHARACTERS = 20_000

interface Options { signal?: AbortSignal }

export function getJson<T> (url: string, { signal }: Options = {}): Promise<T> {
  return answer<T>(fetch(url, { signal, headers: { Accept: 'application/json', 'X-Requested-With': 'fetch' } }))
}

export async function getBytes (url: string, { signal }: Options = {}): Promise<ArrayBuffer> {
  const response = await given(fetch(url, { signal }))
  return await response.arrayBuffer().catch((error: unknown) => { throw lost(error) })
}

export function postForm<T> (url: string, body: FormData, { signal }: Options = {}): Promise<T> {
  return answer<T>(fetch(url, {
    method: 'POST',
    body,
    signal,
    headers: { Accept: 'application/json', 'X-Requested-With': 'fetch', 'X-CSRFToken': csrfToken() }
  }))
}

/** ``outlives``: sent although the page is being left, where the browser takes so much. */
export function postJson<T> (url: string, body: unknown, { signal, outlives = false }: Options & { outlives?: boolean } = {}): Promise<T> {
  const text = JSON.stringify(body)
  return answer<T>(fetch(url, {
    method: 'POST',
    body: text,
    signal,
    keepalive: outlives && text.length < KEPT_ALIVE_CHARACTERS,
    headers: { Accept: 'application/json', 'Content-Type': 'application/json', 'X-Requested-With': 'fetch', 'X-CSRFToken': csrfToken() }
  }))
}

/** A file with its progress (0 to 1), and what goes with it; fetch tells nothing of what was sent. */
export function upload<T> (url: string, file: File, more: Record<string, string>, onProgress: (share: number) => void, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', url)
    request.responseType = 'json'
    request.setRequestHeader('Accept', 'application/json')
    request.setRequestHeader('X-Requested-With', 'fetch')
    request.setRequestHeader('X-CSRFToken', csrfToken())
    request.upload.onprogress = event => { if (event.lengthComputable) onProgress(event.loaded / event.total) }
    request.onerror = () => reject(new Offline())
    request.onabort = () => reject(new DOMException('aborted', 'AbortError'))
    request.onload = () => {
      const body = request.response as { code?: string, message?: string } | null
      if (request.status < 300) resolve(body as T)
      else reject(new Refused(request.status, body?.code ?? 'error', body?.message ?? request.statusText))
    }
    signal.addEventListener('abort', () => request.abort())
    const form = new FormData()
    form.append('file', file)
    for (const [name, value] of Object.entries(more)) form.append(name, value)
    request.send(form)
  })
}
