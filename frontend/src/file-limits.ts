// A file above the limit is refused before it is sent, so that what else the form holds stays.
import { formatNumber, phrases } from './text'

const MIB = 1024 ** 2
const say = phrases({
  tooLarge: ['文件 {size} MiB，超过 {limit} MiB 的上限。请压缩或拆分后再上传。', 'The file has {size} MiB, more than {limit} MiB. Compress or split it.'],
  tooMany: ['最多 {limit} 个文件。', 'At most {limit} files.']
})

function refusal (field: HTMLInputElement): string {
  const files = [...field.files ?? []]
  const limit = Number(field.dataset.limitMib)
  const size = Math.max(0, ...files.map(file => file.size)) / MIB
  if (size > limit) return say('tooLarge', { size: formatNumber(size, 0), limit })
  const most = Number(field.dataset.filesMax ?? Infinity)
  return files.length > most ? say('tooMany', { limit: most }) : ''
}

/** Watch every file control that names its limit. */
export function limitFiles (): void {
  for (const field of document.querySelectorAll<HTMLInputElement>('input[type=file][data-limit-mib]')) {
    field.addEventListener('change', () => {
      field.setCustomValidity(refusal(field))
      field.reportValidity()
    })
  }
}
