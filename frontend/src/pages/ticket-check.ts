// Checks the bureau's signature that a ticket's QR code carries behind #, without asking the server.
import { verifies } from '../ed25519'
import { part } from '../panel'
import { phrases } from '../text'

interface BureauKey { id: string, algorithm: string, public_key: string }

const FORM = 'yining-ticket/1'
const say = phrases({
  holds: ['票面签名有效：编号 {n}，{t} 吨，制发于 {d}，与市林业主管部门签署的一致。', 'The signature on the paper holds: {n}, {t} t, issued on {d}, as the forestry bureau signed it.'],
  broken: ['票面签名不符：二维码里的编号、数量或日期不是市林业主管部门签署的。这张纸可能是伪造的，请以登记簿为准。', 'The signature on the paper does not hold: number, amount or date are not what the bureau signed. The paper may be forged; trust the register.']
})

/** Line by line as tickets/registry/face/signature.py signs it. */
export function signedText (number: string, code: string, kilograms: string, day: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode([FORM, number, code, kilograms, day].join('\n')) as Uint8Array<ArrayBuffer>
}

function bytesOf (text: string): Uint8Array<ArrayBuffer> {
  const padded = text.replace(/-/g, '+').replace(/_/g, '/')
  return Uint8Array.from(atob(padded), letter => letter.charCodeAt(0)) as Uint8Array<ArrayBuffer>
}

async function check (): Promise<void> {
  const said = new URLSearchParams(location.hash.slice(1))
  const line = part<HTMLElement>(document, 'signature')
  line.hidden = true
  if (!said.has('s')) return
  const keys = JSON.parse(document.getElementById('bureau-keys')!.textContent!) as BureauKey[]
  const [number, kilograms, day] = ['n', 'kg', 'd'].map(name => said.get(name) ?? '') as [string, string, string]
  const code = decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() ?? '')
  const key = keys.find(one => one.id === said.get('k'))
  let good = false
  try {
    if (key !== undefined) good = await verifies(bytesOf(key.public_key), bytesOf(said.get('s')!), signedText(number, code, kilograms, day))
  } catch { /* Not even the form of a signature. */ }
  const tonnes = String(Number(kilograms) / 1000)
  line.textContent = good ? say('holds', { n: number, t: tonnes, d: day }) : say('broken')
  line.classList.toggle('success', good)
  line.classList.toggle('error', !good)
  line.dataset.holds = String(good)
  line.hidden = false
}

void check()
// Another paper of the same code: its signature needs no network, the state is asked anew where there is one.
addEventListener('hashchange', () => {
  if (navigator.onLine) location.reload()
  else void check()
})
