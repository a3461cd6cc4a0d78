// Opens one visit's page where there is no network. Its scope is that page; it keeps nothing itself.
import { keptPage } from '../visit/page'

interface Fetching extends Event { request: Request, respondWith: (answer: Promise<Response>) => void }

declare const registration: ServiceWorkerRegistration

const DAYS_KEPT = 7
const page = new URL(registration.scope).pathname
const name = keptPage(page)

/** Signed, handed on, signed out: the server says by its answer whose page it is no more. */
async function forget (): Promise<void> {
  await caches.delete(name)
  await registration.unregister()
}

async function kept (request: Request): Promise<Response> {
  const cache = await caches.open(name)
  const first = await cache.match(page, { ignoreVary: true })
  const made = Date.parse(first?.headers.get('date') ?? '')
  if (!(Date.now() - made < DAYS_KEPT * 24 * 3600 * 1000)) {
    await forget()
    return Response.error()
  }
  return await cache.match(request, { ignoreVary: true }) ?? Response.error()
}

async function answer (request: Request): Promise<Response> {
  let response: Response
  try {
    response = await fetch(request)
  } catch {
    return await kept(request)
  }
  const opened = request.mode === 'navigate' && response.status < 500
  if (opened && response.headers.get('x-visit') !== 'open') await forget()
  return response
}

addEventListener('fetch', event => {
  const { request, respondWith } = event as Fetching
  if (request.method !== 'GET' || new URL(request.url).origin !== location.origin) return
  respondWith.call(event, answer(request))
})
