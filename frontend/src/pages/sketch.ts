// A small map of shapes, pinned places and disputed patches; on an open notice a patch can be marked,
// and where the page has fields for places a click fills the one in hand.
import L from 'leaflet'
import type { FeatureCollection } from 'geojson'
import { SELECTED } from '../colours'
import { part } from '../panel'
import { PIN, PlaceFields, placeFields } from '../pin-places'
import { CITY, readout, stage, type StageConfig } from '../stage'

interface Place { lon: number, lat: number, text: string }

interface Config extends StageConfig {
  shapes: FeatureCollection
  disputed: FeatureCollection
  places: Place[]
  drawing: boolean
}

const DISPUTED = '#a3241c'
const config = JSON.parse(document.getElementById('sketch-config')!.textContent!) as Config
const root = document.getElementById('main')!
const { map, bases } = stage(part(root, 'map'), config)
bases.sketch!.addTo(map)
const shapes = L.geoJSON(config.shapes, { style: { color: SELECTED.line, weight: 2, fillColor: SELECTED.fill, fillOpacity: 0.4 } }).addTo(map)
const disputed = L.geoJSON(config.disputed, { style: { color: DISPUTED, weight: 2, dashArray: '6 4', fillColor: DISPUTED, fillOpacity: 0.25 } }).addTo(map)
const bounds = L.latLngBounds([]).extend(shapes.getBounds()).extend(disputed.getBounds())
if (bounds.isValid()) map.fitBounds(bounds.pad(0.3))
else map.setView([CITY.lat, CITY.lon], CITY.zoom)
// Markers measure themselves, so the map must know its view first.
for (const place of config.places) {
  const label = document.createElement('span')
  label.textContent = place.text
  L.circleMarker([place.lat, place.lon], PIN).bindTooltip(label).addTo(map)
}
readout(map, part(root, 'readout'))
if (config.drawing) markPatch(root.querySelector<HTMLTextAreaElement>('[data-ref=patch]')!)
const fields = placeFields(root)
if (fields.length > 0) new PlaceFields(map, fields)
root.dataset.ready = 'true'

/** Clicks become corners, written one a line into the form's field; the field can be typed as well. */
function markPatch (field: HTMLTextAreaElement): void {
  const patch = L.polygon([], { color: DISPUTED, weight: 2, dashArray: '6 4', fillColor: DISPUTED, fillOpacity: 0.25 }).addTo(map)
  const corners = L.layerGroup().addTo(map)

  const read = (): L.LatLngExpression[] => field.value.split('\n').flatMap(line => {
    const [lon, lat] = line.replace('，', ',').split(',').map(Number)
    return Number.isFinite(lon) && Number.isFinite(lat) ? [[lat!, lon!] as L.LatLngExpression] : []
  })
  const draw = (): void => {
    const ring = read()
    patch.setLatLngs(ring)
    corners.clearLayers()
    for (const at of ring) L.circleMarker(at, { radius: 4, color: DISPUTED, weight: 2, fillColor: '#fff', fillOpacity: 1 }).addTo(corners)
  }
  const write = (lines: string[]): void => {
    field.value = lines.join('\n')
    draw()
  }
  const lines = (): string[] => field.value.split('\n').filter(line => line.trim() !== '')
  map.on('click', event => write([...lines(), `${event.latlng.lng.toFixed(6)},${event.latlng.lat.toFixed(6)}`]))
  field.addEventListener('input', draw)
  part(root, 'undo').addEventListener('click', () => write(lines().slice(0, -1)))
  part(root, 'clear').addEventListener('click', () => write([]))
  draw()
}
