// The page of a visit for a place without a network: kept in this browser for its inspector alone.

/** Where the page of a visit keeps itself; the worker, which knows its own scope, calls it so too. */
export function keptPage (path: string): string { return `visit:${path}` }

const MARK = 'visit-pages'

/** Whether this browser may keep a page; known at once, so that other people sign out as ever. */
export function keepsPages (): boolean {
  try {
    return localStorage.getItem(MARK) !== null
  } catch {
    return true
  }
}

/** Everything that the page is made of, anew at each opening: a later version brings other files. */
export async function keepPage (): Promise<void> {
  if (!('serviceWorker' in navigator) || !('caches' in window)) return
  localStorage.setItem(MARK, '1')
  await navigator.serviceWorker.register('/inspections/worker.js', { scope: location.pathname })
  const parts = document.querySelectorAll<HTMLElement>('link[rel=stylesheet][href], script[src], img.brand-mark')
  const addresses = [...parts].map(part => part.getAttribute('href') ?? part.getAttribute('src')!)
  const cache = await caches.open(keptPage(location.pathname))
  await cache.addAll([location.pathname, ...new Set(addresses)])
}

/** No page of a visit stays when somebody signs out; what is not sent yet stays with its draft. */
export async function dropPages (): Promise<void> {
  if (!('serviceWorker' in navigator) || !('caches' in window)) return
  const workers = await navigator.serviceWorker.getRegistrations()
  await Promise.all(workers.map(worker => worker.unregister()))
  const names = await caches.keys()
  await Promise.all(names.filter(name => name.startsWith(keptPage(''))).map(name => caches.delete(name)))
  localStorage.removeItem(MARK)
}
