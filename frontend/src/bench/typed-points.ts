// A number as people type it, and a typed point's place on the map while the table grows.
import { gaussKruger } from '../gauss-kruger'

/** Decimal degrees, or degrees, minutes and seconds with the usual signs; null when it is no number yet. */
export function typedNumber (written: string): number | null {
  const text = written.normalize('NFKC').trim().replace(/[，,](?=\d{3}\b)/g, '')
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  const found = /^([NSEW北南东西]?)\s*(\d{1,3})\s*[°度dD]\s*(\d{1,2}(?:\.\d+)?)\s*['′’分mM]\s*(?:(\d{1,2}(?:\.\d+)?)\s*(?:["″”秒sS]|'')?)?\s*([NSEW北南东西]?)$/.exec(text)
  if (found === null) return null
  const minutes = Number(found[3])
  const seconds = Number(found[4] ?? 0)
  if (minutes >= 60 || seconds >= 60) return null
  const value = Number(found[2]) + minutes / 60 + seconds / 3600
  return /[SW南西]/.test(`${found[1] ?? ''}${found[5] ?? ''}`) ? -value : value
}

/** Northing and easting of EPSG:4536 (a zone prefix 27 is taken off) → longitude, latitude. */
export function fromGaussKruger (northing: number, easting: number): [number, number] {
  const east = easting >= 27_000_000 && easting < 28_000_000 ? easting - 27_000_000 : easting
  // The forward series is exact; Newton with its near-diagonal slope lands below 0.1 mm in a few steps.
  let lat = northing / 111_132
  let lon = 81 + (east - 500_000) / (111_320 * Math.cos(lat * Math.PI / 180))
  for (let step = 0; step < 8; step++) {
    const at = gaussKruger(lon, lat)
    lat += (northing - at.northing) / 111_132
    lon += (east - at.easting) / (111_320 * Math.cos(lat * Math.PI / 180))
  }
  return [lon, lat]
}

export function placeOf (first: string, second: string, kind: string): [number, number] | null {
  const a = typedNumber(first)
  const b = typedNumber(second)
  if (a === null || b === null) return null
  const [lon, lat] = kind === 'metres' ? fromGaussKruger(a, b) : [a, b]
  return Math.abs(lon) <= 180 && Math.abs(lat) <= 90 ? [lon, lat] : null
}
