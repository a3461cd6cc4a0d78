// The wizard's pages: the step in hand is in view on a narrow screen, and a file above the limit is
// refused before it is sent, so that what else the form holds stays.
import { formatNumber, phrases } from '../text'

const MIB = 1024 ** 2
const say = phrases({
  tooLarge: ['文件 {size} MiB，超过 {limit} MiB 的上限。请压缩或拆分后再上传。', 'The file has {size} MiB, more than {limit} MiB. Compress or split it.']
})

for (const field of document.querySelectorAll<HTMLInputElement>('input[type=file][data-limit-mib]')) {
  field.addEventListener('change', () => {
    const limit = Number(field.dataset.limitMib)
    const size = Math.max(0, ...[...field.files ?? []].map(file => file.size)) / MIB
    field.setCustomValidity(size > limit ? say('tooLarge', { size: formatNumber(size, 0), limit }) : '')
    field.reportValidity()
  })
}
document.querySelector('.parts [aria-current=step]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
