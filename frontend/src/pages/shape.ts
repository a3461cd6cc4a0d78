// A small map of one shape, on the pages of parcels and titles.
import L from 'leaflet'
import type { GeoJsonObject } from 'geojson'
import { SELECTED } from '../colours'
import { readout, stage, type StageConfig } from '../stage'
import { part } from '../panel'

const config = JSON.parse(document.getElementById('shape-config')!.textContent!) as StageConfig & { shapes: GeoJsonObject }
const root = document.getElementById('main')!
const { map, bases } = stage(part(root, 'map'), config)
bases.sketch!.addTo(map)
const shape = L.geoJSON(config.shapes, { style: { color: SELECTED.line, weight: 2, fillColor: SELECTED.fill, fillOpacity: 0.45 } }).addTo(map)
map.fitBounds(shape.getBounds().pad(0.3))
readout(map, part(root, 'readout'))
