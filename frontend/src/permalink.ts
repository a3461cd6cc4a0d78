// The address holds the view, the layers, the selection and the filters: #11/43.98/81.30&parcel=…
import L from 'leaflet'

export interface ViewState { zoom: number, lat: number, lon: number, base: string | null, hidden: boolean, parcel: string | null, options: URLSearchParams }

export function readAddress (fallback: { zoom: number, lat: number, lon: number }): ViewState {
  const [view = '', ...rest] = location.hash.slice(1).split('&')
  const [zoom, lat, lon] = view.split('/').map(Number)
  const options = new URLSearchParams(rest.join('&'))
  const usable = [zoom, lat, lon].every(value => value !== undefined && Number.isFinite(value))
  const right = usable && Math.abs(lat!) <= 85 && Math.abs(lon!) <= 180
  return {
    ...(right ? { zoom: zoom!, lat: lat!, lon: lon! } : fallback),
    base: options.get('base'),
    hidden: options.get('parcels') === 'off',
    parcel: options.get('parcel'),
    options
  }
}

/** `more`: what the tickets of the map remember. */
export function writeAddress (map: L.Map, state: { base: string, hidden: boolean, parcel: string | null }, more = new URLSearchParams()): void {
  const centre = map.getCenter()
  const options = new URLSearchParams(more)
  if (state.base !== 'sketch') options.set('base', state.base)
  if (state.hidden) options.set('parcels', 'off')
  if (state.parcel !== null) options.set('parcel', state.parcel)
  const rest = options.toString()
  const view = `${map.getZoom()}/${centre.lat.toFixed(5)}/${centre.lng.toFixed(5)}`
  history.replaceState(null, '', `#${view}${rest ? `&${rest}` : ''}`)
}
