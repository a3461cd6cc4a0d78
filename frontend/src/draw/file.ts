// A file to draw from: read by the server, its shapes chosen on the map.
import type { MultiPolygon, Polygon } from 'geojson'
import { postForm, Refused } from '../server'
import { text } from '../text'
import type { Choice } from './choices'
import { fileToRead, offerAfterRefusal, tellReading, type Reading, type System } from './reading'
import { say } from './say'

interface Brought extends Reading {
  features: Array<{ row: number, label: string, geometry: MultiPolygon | Polygon }>
}
interface Page { root: HTMLElement, systems: System[], limitMib: number }

export async function readFeatures (address: string, file: File, { root, systems, limitMib }: Page): Promise<{ heading: string, choices: Choice[] }> {
  if (file.size > limitMib * 1024 ** 2) throw new Refused(413, 'upload_too_large', text('tooLarge', { size: Math.ceil(file.size / 1024 ** 2), limit: limitMib }))
  let found: Brought
  try {
    found = await postForm<Brought>(address, fileToRead(root, file))
  } catch (error) {
    offerAfterRefusal(root, error, systems)
    throw error
  }
  tellReading(root, found, systems)
  return {
    heading: say('fileFeatures', { n: found.features.length }),
    choices: found.features.map(feature => ({
      label: [say('fileRow', { row: feature.row }), feature.label].filter(word => word !== '').join(' · '),
      geometry: feature.geometry as MultiPolygon,
      ticked: found.features.length === 1
    }))
  }
}
