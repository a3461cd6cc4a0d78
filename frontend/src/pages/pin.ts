// A small map with pinned places and shapes; where the page has a field for one, a click pins a place.
import L from 'leaflet'
import type { FeatureCollection } from 'geojson'
import { SELECTED } from '../colours'
import { limitFiles } from '../file-limits'
import { part } from '../panel'
import { PIN, PlaceFields, placeFields } from '../pin-places'
import { CITY, readout, stage, type StageConfig } from '../stage'
import { phrases } from '../text'

interface Place { lon: number, lat: number, text: string, href?: string }
interface Config extends StageConfig { shapes: FeatureCollection, places: Place[] }

const say = phrases({
  noPlace: ['没有取得位置，请在图上点选。', 'No position found; click on the map.'],
  asking: ['正在定位…', 'Finding your position…']
})
const CLOSE = 15
const config = JSON.parse(document.getElementById('sketch-config')!.textContent!) as Config
const root = document.getElementById('main')!
const { map, bases } = stage(part(root, 'map'), config)
bases.sketch!.addTo(map)
const shapes = L.geoJSON(config.shapes, { style: { color: SELECTED.line, weight: 2, fillColor: SELECTED.fill, fillOpacity: 0.4 } }).addTo(map)
const bounds = L.latLngBounds([]).extend(shapes.getBounds())
for (const place of config.places) bounds.extend([place.lat, place.lon])
if (bounds.isValid()) map.fitBounds(bounds.pad(0.3), { maxZoom: CLOSE })
else map.setView([CITY.lat, CITY.lon], CITY.zoom)
// Markers measure themselves, so the map must know its view first.
for (const place of config.places) {
  const label = document.createElement('span')
  label.textContent = place.text
  const marker = L.circleMarker([place.lat, place.lon], PIN).bindTooltip(label).addTo(map)
  if (place.href !== undefined) marker.on('click', () => { location.href = place.href! })
}
readout(map, part(root, 'readout'))
const [field] = placeFields(root)
if (field !== undefined) pinOne(field)
limitFiles()
root.dataset.ready = 'true'

/** A click, the device or the typed numbers say where. */
function pinOne (field: HTMLInputElement): void {
  const places = new PlaceFields(map, [field])
  const said = root.querySelector('[data-ref=said]')
  root.querySelector('[data-ref=clear]')?.addEventListener('click', () => {
    field.value = ''
    field.dispatchEvent(new Event('input', { bubbles: true }))
  })
  root.querySelector('[data-ref=here]')?.addEventListener('click', () => {
    if (said !== null) said.textContent = say('asking')
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      if (said !== null) said.textContent = ''
      places.put(coords.longitude, coords.latitude)
      map.setView([coords.latitude, coords.longitude], CLOSE)
    }, () => { if (said !== null) said.textContent = say('noPlace') })
  })
}
