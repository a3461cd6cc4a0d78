// Who holds the title together with the party that registers it: names, numbers, shares of one whole.
import { part } from '../panel'
import { phrases } from '../text'

const say = phrases({
  name: ['共有人 {n} 姓名或名称', 'Co-owner {n}, name'],
  number: ['共有人 {n} 身份号码', 'Co-owner {n}, identity number'],
  share: ['共有人 {n} 份额', 'Co-owner {n}, shares'],
  remove: ['删除', 'Remove'],
  removeOne: ['删除共有人 {n}', 'Remove co-owner {n}'],
  whole: ['合计 {sum} / {of}，正好。', 'Together {sum} / {of}: the whole.'],
  differs: ['合计 {sum} / {of}，应正好等于总份数。', 'Together {sum} / {of}: should be the whole exactly.']
})
const COLUMNS = ['name', 'number', 'share'] as const

/** A co-owner's row; ``key`` names one who holds the right already: only the share changes then. */
export interface CoOwner { key: string, name: string, number: string, share: string }

export class CoOwners {
  private readonly rows: HTMLTableSectionElement

  constructor (private readonly root: HTMLElement, present: CoOwner[] = []) {
    this.rows = part(root, 'co-owner-rows')
    for (const one of present) this.append(one)
    part(root, 'add-co-owner').addEventListener('click', () => {
      this.append({ key: '', name: '', number: '', share: '1' }).querySelector('input')!.focus()
    })
    part(root, 'co-owners').addEventListener('input', () => { this.sum() })
  }

  /** The rows as the server reads them; the shares of the whole stand in fields of their own. */
  json (): string {
    return JSON.stringify([...this.rows.rows].map(row => ({
      key: row.dataset.key ?? '',
      ...Object.fromEntries([...row.querySelectorAll('input')].map((input, at) => [COLUMNS[at]!, input.value.trim()]))
    })))
  }

  private append (owner: CoOwner): HTMLTableRowElement {
    const row = document.createElement('tr')
    row.dataset.key = owner.key
    row.append(...COLUMNS.map(column => {
      const cell = document.createElement('td')
      const input = document.createElement('input')
      input.type = 'text'
      input.autocomplete = 'off'
      input.value = owner[column]
      input.readOnly = owner.key !== '' && column !== 'share'
      if (column === 'share') input.inputMode = 'numeric'
      cell.append(input)
      return cell
    }))
    const last = document.createElement('td')
    const remove = document.createElement('button')
    remove.type = 'button'
    remove.className = 'second small'
    remove.textContent = say('remove')
    remove.addEventListener('click', () => {
      row.remove()
      this.relabel()
      part<HTMLElement>(this.root, 'add-co-owner').focus()
    })
    last.append(remove)
    row.append(last)
    this.rows.append(row)
    this.relabel()
    return row
  }

  private relabel (): void {
    part<HTMLElement>(this.root, 'co-owners').hidden = this.rows.rows.length === 0
    for (const [at, row] of [...this.rows.rows].entries()) {
      row.querySelectorAll('input').forEach((input, column) => { input.setAttribute('aria-label', say(COLUMNS[column]!, { n: at + 1 })) })
      row.querySelector('button')!.setAttribute('aria-label', say('removeOne', { n: at + 1 }))
    }
    this.sum()
  }

  private sum (): void {
    const shares = [this.field('share'), ...[...this.rows.querySelectorAll<HTMLInputElement>('td:nth-child(3) input')]]
    const sum = shares.reduce((total, input) => total + (Number(input.value) || 0), 0)
    const of = Number(this.field('share-of').value) || 0
    const line = part<HTMLElement>(this.root, 'share-sum')
    line.textContent = say(sum === of ? 'whole' : 'differs', { sum, of })
    line.classList.toggle('error', sum !== of)
  }

  private field (id: string): HTMLInputElement {
    return this.root.querySelector<HTMLInputElement>(`#${id}`)!
  }
}
