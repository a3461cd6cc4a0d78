// The wizard's pages: the step in hand is in view on a narrow screen, and files keep to their limit.
import { limitFiles } from '../file-limits'

limitFiles()
document.querySelector('.parts [aria-current=step]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
