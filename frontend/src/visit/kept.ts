// What an inspector wrote and photographed, in this browser's IndexedDB until the record is signed.

export type Draft = Record<string, string>
export interface Photo { id?: number, visit: string, name: string, file: Blob, place: string }

const DRAFTS = 'drafts'
const PHOTOS = 'photos'

function answerOf<T> (request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('IndexedDB'))
  })
}

/** One visit's things; every promise is fulfilled when they are on the disk. */
export class Kept {
  private constructor (private readonly base: IDBDatabase, private readonly visit: string) {}

  static async open (visit: string): Promise<Kept> {
    const request = indexedDB.open('visits', 1)
    request.onupgradeneeded = () => {
      request.result.createObjectStore(DRAFTS)
      request.result.createObjectStore(PHOTOS, { keyPath: 'id', autoIncrement: true }).createIndex('visit', 'visit')
    }
    return new Kept(await answerOf(request), visit)
  }

  draft (): Promise<Draft | undefined> {
    return answerOf<Draft | undefined>(this.base.transaction(DRAFTS).objectStore(DRAFTS).get(this.visit))
  }

  keepDraft (draft: Draft): Promise<void> {
    return this.written(DRAFTS, store => store.put(draft, this.visit))
  }

  photos (): Promise<Photo[]> {
    return answerOf<Photo[]>(this.base.transaction(PHOTOS).objectStore(PHOTOS).index('visit').getAll(this.visit))
  }

  keepPhoto (name: string, file: Blob, place: string): Promise<void> {
    return this.written(PHOTOS, store => store.add({ visit: this.visit, name, file, place } satisfies Photo))
  }

  async placePhotos (place: string): Promise<void> {
    const unplaced = (await this.photos()).filter(photo => photo.place === '')
    await this.written(PHOTOS, store => { for (const photo of unplaced) store.put({ ...photo, place }) })
  }

  dropPhoto (id: number): Promise<void> {
    return this.written(PHOTOS, store => store.delete(id))
  }

  /** The record is signed: nothing of it stays on this device. */
  async forget (): Promise<void> {
    await this.written(DRAFTS, store => store.delete(this.visit))
    for (const photo of await this.photos()) await this.dropPhoto(photo.id!)
  }

  private written (name: string, write: (store: IDBObjectStore) => unknown): Promise<void> {
    const transaction = this.base.transaction(name, 'readwrite')
    write(transaction.objectStore(name))
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve()
      transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new Error('IndexedDB'))
    })
  }
}
