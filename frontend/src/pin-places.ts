// Fields that keep a place as "longitude,latitude": a click on the map fills the one in hand.
import L from 'leaflet'

export const PIN = { radius: 8, color: '#8a5a00', weight: 3, fillColor: '#fff', fillOpacity: 1 }

/** Each field has its pin; the field in hand is the last one focused, at first the first empty one. */
export class PlaceFields {
  private held: HTMLInputElement | null = null

  constructor (private readonly map: L.Map, private readonly fields: HTMLInputElement[]) {
    for (const field of fields) this.follow(field)
    map.on('click', event => { this.put(event.latlng.lng, event.latlng.lat) })
  }

  put (lon: number, lat: number): void {
    const field = this.held ?? this.fields.find(one => one.value.trim() === '') ?? this.fields[0]!
    field.value = `${lon.toFixed(6)},${lat.toFixed(6)}`
    field.dispatchEvent(new Event('input', { bubbles: true }))
  }

  private follow (field: HTMLInputElement): void {
    const pin = L.circleMarker([0, 0], PIN)
    const show = (): void => {
      const [lon, lat] = field.value.replace('，', ',').split(',').map(Number)
      if (field.value.trim() === '' || !Number.isFinite(lon) || !Number.isFinite(lat)) pin.remove()
      else pin.setLatLng([lat!, lon!]).addTo(this.map)
    }
    field.addEventListener('input', show)
    field.addEventListener('focus', () => { this.held = field })
    show()
  }
}

export function placeFields (root: HTMLElement): HTMLInputElement[] {
  return [...root.querySelectorAll<HTMLInputElement>('[data-ref=place]')]
}
