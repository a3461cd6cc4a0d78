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
        tellOutcome()
      }).catch((error: unknown) => explain(error, part(root, 'refusal')))
    })
  }
}

const outcome = root.querySelector<HTMLFormElement>('form[data-act=verdict]')

/** A rejection names its article, a difference of area or of a side its reason: only then are the
    fields there. */
function tellOutcome (): void {
  if (outcome === null) return
  const chosen = outcome.querySelector<HTMLInputElement>('input[name=outcome]:checked')?.value ?? ''
  const differs = root.querySelector('.tick.no[aria-pressed=true]') !== null
  part<HTMLElement>(outcome, 'article-field').hidden = chosen !== 'rejected' && chosen !== 'cancelled'
  part<HTMLElement>(outcome, 'reason-field').hidden = chosen === '' || (chosen === 'verified' && !differs)
}

sides()
outcome?.addEventListener('change', tellOutcome)
tellOutcome()
void bench.start().catch((error: unknown) => explain(error, part(root, 'refusal')))
