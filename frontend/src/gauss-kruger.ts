// CGCS2000 Gauss-Krüger, 3-degree zone of 81° E (EPSG:4536): Krüger's series in n, to n⁴ (below 0.1 mm here).

const A = 6378137
const F = 1 / 298.257222101
const CENTRAL_MERIDIAN_DEG = 81
const FALSE_EASTING_M = 500000

const n = F / (2 - F)
const n2 = n * n
const n3 = n2 * n
const n4 = n3 * n
const RECTIFYING = A / (1 + n) * (1 + n2 / 4 + n4 / 64)
const ALPHA = [
  n / 2 - 2 * n2 / 3 + 5 * n3 / 16 + 41 * n4 / 180,
  13 * n2 / 48 - 3 * n3 / 5 + 557 * n4 / 1440,
  61 * n3 / 240 - 103 * n4 / 140,
  49561 * n4 / 161280
]
const E = Math.sqrt(F * (2 - F))

/** Northing (the survey's X) and easting (its Y, without zone prefix) in metres. */
export function gaussKruger (lonDeg: number, latDeg: number): { northing: number, easting: number } {
  const lat = latDeg * Math.PI / 180
  const lon = (lonDeg - CENTRAL_MERIDIAN_DEG) * Math.PI / 180
  const s = Math.sin(lat)
  const t = Math.sinh(Math.atanh(s) - E * Math.atanh(E * s))
  const xi = Math.atan2(t, Math.cos(lon))
  const eta = Math.asinh(Math.sin(lon) / Math.hypot(t, Math.cos(lon)))
  let northing = xi
  let easting = eta
  ALPHA.forEach((alpha, at) => {
    const k = 2 * (at + 1)
    northing += alpha * Math.sin(k * xi) * Math.cosh(k * eta)
    easting += alpha * Math.cos(k * xi) * Math.sinh(k * eta)
  })
  return { northing: RECTIFYING * northing, easting: RECTIFYING * easting + FALSE_EASTING_M }
}
