// The officer's page of a title: findings, four sides, verdicts.
import { explain } from '../bench/acts'
import { Workbench, type WorkbenchConfig } from '../bench/workbench'
import { part } from '../panel'
import { postForm } from '../server'

const config = JSON.parse(document.getElementById('bench-config')!.textContent!) as WorkbenchConfig
const root = document.getElementById('main')!
const bench = new Workbench(root, config)

function sides (): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>('[data-side]')) {
    button.addEventListener('click', () => {
      const body = new FormData()
      body.set('side', button.dataset.side!)
      body.set('agrees', button.dataset.agrees!)
      postForm<{ agrees: boolean }>(config.urls.side!, body).then(() => {
        for (const other of root.querySelectorAll<HTMLButtonElement>(`[data-side="${button.dataset.side!}"]`)) {
          other.setAttribute('aria-pressed', String(other === button))
        }
      }).catch((error: unknown) => explain(error, part(root, 'refusal')))
    })
  }
}

/** A rejection names its article, a difference its reason: only then are the fields there. */
function outcomes (): void {
  const form = root.querySelector<HTMLFormElement>('form[data-act=verdict]')
  if (form === null) return
  const tell = (): void => {
    const chosen = form.querySelector<HTMLInputElement>('input[name=outcome]:checked')?.value ?? ''
    part<HTMLElement>(form, 'article-field').hidden = chosen !== 'rejected'
    part<HTMLElement>(form, 'reason-field').hidden = chosen === '' || chosen === 'verified'
  }
  form.addEventListener('change', tell)
  tell()
}

sides()
outcomes()
void bench.start().catch((error: unknown) => explain(error, part(root, 'refusal')))
