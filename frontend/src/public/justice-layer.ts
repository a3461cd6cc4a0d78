// The forests that served eco-justice, as a layer that is read when it is first chosen.
import L from 'leaflet'
import type { FeatureCollection } from 'geojson'
import { getJson } from '../server'
import { formatNumber, phrases } from '../text'

const say = phrases({
  name: ['生态司法林地', 'Eco-justice forests'],
  served: ['{n} 件生态司法案件，抵消 {t} 吨', '{n} eco-justice cases, {t} t offset']
})
const STYLE = { color: '#6b3fa0', weight: 2.5, dashArray: '2 5', fillColor: '#6b3fa0', fillOpacity: 0.18 }
const KG_PER_TONNE = 1000

interface Served { cases: number, quantity_kg: number }

/** Its name for the list of layers, and the layer itself. */
export function justiceLayer (address: string, failed: (error: unknown) => void): { name: string, layer: L.LayerGroup } {
  const layer = L.layerGroup()
  let read = false
  layer.on('add', () => {
    if (read) return
    read = true
    getJson<FeatureCollection>(address).then(forests => {
      L.geoJSON(forests, {
        style: STYLE,
        onEachFeature: (feature, shape) => {
          const { cases, quantity_kg: kilograms } = feature.properties as Served
          const label = document.createElement('span')
          label.textContent = say('served', { n: cases, t: formatNumber(kilograms / KG_PER_TONNE, 3) })
          shape.bindTooltip(label)
        }
      }).addTo(layer)
    }).catch((error: unknown) => { read = false; failed(error) })
  })
  return { name: say('name'), layer }
}
