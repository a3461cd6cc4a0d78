// A small map of shapes, on the pages of parcels and titles and of files that are looked at.
import L from 'leaflet'
import type { GeoJsonObject } from 'geojson'
import { SELECTED } from '../colours'
import { CITY, readout, stage, type StageConfig } from '../stage'
import { part } from '../panel'

const config = JSON.parse(document.getElementById('shape-config')!.textContent!) as StageConfig & { shapes: GeoJsonObject }
const root = document.getElementById('main')!
const { map, bases } = stage(part(root, 'map'), config)
bases.sketch!.addTo(map)
const shape = L.geoJSON(config.shapes, { style: { color: SELECTED.line, weight: 2, fillColor: SELECTED.fill, fillOpacity: 0.45 } }).addTo(map)
if (shape.getBounds().isValid()) map.fitBounds(shape.getBounds().pad(0.3))
else map.setView([CITY.lat, CITY.lon], CITY.zoom)
readout(map, part(root, 'readout'))
