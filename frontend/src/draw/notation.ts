// Coordinates as people type them: degrees, degrees-minutes-seconds, northing and easting.
import { gaussKruger } from '../gauss-kruger'
import type { Position } from './shape'

export type Notation = 'degrees' | 'dms' | 'plane'

const ZONE_PREFIX_M = 1_000_000

/** The two cells of a row: longitude and latitude, or northing and easting. */
export function formatted ([lon, lat]: Position, notation: Notation): [string, string] {
  if (notation === 'degrees') return [digits(lon, 9), digits(lat, 9)]
  if (notation === 'dms') return [dms(lon), dms(lat)]
  const { northing, easting } = gaussKruger(lon, lat)
  return [northing.toFixed(4), easting.toFixed(4)]
}

/** Null where either cell cannot be read or lies off this part of the earth. */
export function parsed (first: string, second: string, notation: Notation): Position | null {
  if (notation === 'plane') {
    const northing = plain(first)
    let easting = plain(second)
    if (northing === null || easting === null) return null
    if (easting >= 27 * ZONE_PREFIX_M && easting < 28 * ZONE_PREFIX_M) easting -= 27 * ZONE_PREFIX_M
    if (northing < 4e6 || northing > 5.5e6 || easting < 1e5 || easting > 9e5) return null
    return inverse(northing, easting)
  }
  const lon = angle(first)
  const lat = angle(second)
  if (lon === null || lat === null || Math.abs(lon) > 180 || Math.abs(lat) > 90) return null
  return [lon, lat]
}

function digits (value: number, places: number): string {
  return value.toFixed(places).replace(/0+$/, '').replace(/\.$/, '')
}

function dms (value: number): string {
  // Rounded once, to a hundred-thousandth of a second (0.3 mm), so that no 60″ is shown.
  const units = Math.round(Math.abs(value) * 3600 * 1e5)
  const degrees = Math.floor(units / (3600 * 1e5))
  const minutes = Math.floor(units / (60 * 1e5)) % 60
  const seconds = (units % (60 * 1e5)) / 1e5
  return `${value < 0 ? '-' : ''}${degrees}°${String(minutes).padStart(2, '0')}′${seconds.toFixed(5).padStart(8, '0')}″`
}

function plain (text: string): number | null {
  const clean = text.normalize('NFKC').replace(/[,\s米m]/g, '')
  if (!/^-?\d+(\.\d+)?$/.test(clean)) return null
  return Number(clean)
}

/** Degrees, or degrees, minutes and seconds with any of the usual signs between them. */
function angle (text: string): number | null {
  const clean = text.normalize('NFKC').replace(/[东北经纬ENen]/g, '').trim()
  const pieces = clean.split(/[°º度'′分"″″秒:：\s]+/).filter(piece => piece !== '')
  if (pieces.length === 0 || pieces.length > 3 || !pieces.every(piece => /^-?\d+(\.\d+)?$/.test(piece))) return null
  const [degrees, minutes = 0, seconds = 0] = pieces.map(Number)
  if (minutes < 0 || minutes >= 60 || seconds < 0 || seconds >= 60) return null
  const sign = pieces[0]!.startsWith('-') ? -1 : 1
  return sign * (Math.abs(degrees!) + minutes / 60 + seconds / 3600)
}

/** From northing and easting back to degrees: Newton's steps on the forward series. */
function inverse (northing: number, easting: number): Position {
  let lat = northing / 111_132
  let lon = 81 + (easting - 500_000) / (111_320 * Math.cos(lat * Math.PI / 180))
  for (let step = 0; step < 8; step++) {
    const at = gaussKruger(lon, lat)
    const east = gaussKruger(lon + 1e-6, lat)
    const north = gaussKruger(lon, lat + 1e-6)
    const a = (east.northing - at.northing) / 1e-6
    const b = (north.northing - at.northing) / 1e-6
    const c = (east.easting - at.easting) / 1e-6
    const d = (north.easting - at.easting) / 1e-6
    const down = northing - at.northing
    const right = easting - at.easting
    const scale = a * d - b * c
    lon += (down * d - b * right) / scale
    lat += (a * right - c * down) / scale
  }
  return [lon, lat]
}
