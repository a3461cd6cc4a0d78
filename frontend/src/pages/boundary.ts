// A message about a border: the patch in question on the neighbour's own land.
import L from 'leaflet'
import type { FeatureCollection } from 'geojson'
import { FINDING_COLOURS } from '../bench/review-map'
import { part } from '../panel'
import { readout, stage, type StageConfig } from '../stage'

const config = JSON.parse(document.getElementById('bench-config')!.textContent!) as StageConfig & { patch: FeatureCollection, own: FeatureCollection }
const root = document.getElementById('main')!
const { map, bases } = stage(part(root, 'map'), config)
bases.sketch!.addTo(map)
L.geoJSON(config.own, { style: { color: '#0d5c4b', weight: 2.5, fillColor: '#2f9e83', fillOpacity: 0.16 } } as L.GeoJSONOptions).addTo(map)
const patch = L.geoJSON(config.patch, { style: { color: FINDING_COLOURS.conflict, weight: 3, fillColor: FINDING_COLOURS.conflict, fillOpacity: 0.5 } } as L.GeoJSONOptions).addTo(map)
map.fitBounds(patch.getBounds().pad(0.8), { maxZoom: 19 })
readout(map, part(root, 'readout'))
