// Ed25519 by the browser where it has it, by @noble/ed25519 where not: before Safari 17, Firefox 129 and
// Chromium 137, and on every page that came without https (crypto.subtle is missing there).
import { hashes, verify } from '@noble/ed25519'
import { sha512 } from '@noble/hashes/sha2.js'

type Bytes = Uint8Array<ArrayBuffer>

hashes.sha512 = sha512

/** Whether `signature` over `content` is by `key` (RFC 8032); no server is asked. */
export async function verifies (key: Bytes, signature: Bytes, content: Bytes): Promise<boolean> {
  const known = await native(key)
  if (known !== null) return await crypto.subtle.verify({ name: 'Ed25519' }, known, signature, content)
  try {
    return verify(signature, content, key, { zip215: false })
  } catch {
    return false // Bytes that are no signature or no key at all.
  }
}

async function native (key: Bytes): Promise<CryptoKey | null> {
  try {
    return await crypto.subtle.importKey('raw', key, { name: 'Ed25519' }, false, ['verify'])
  } catch {
    return null
  }
}
