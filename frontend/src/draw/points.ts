// How many points the tool in hand has set, told on the map's element: for tests and for whoever watches.
import type L from 'leaflet'
import '@geoman-io/leaflet-geoman-free'

export function tellPoints (map: L.Map): void {
  const { dataset } = map.getContainer()
  map.on('pm:drawstart', event => {
    const line = event.workingLayer as L.Polyline
    const count = (): void => { dataset.points = String(line.getLatLngs().length) }
    line.on('pm:vertexadded', count)
    line.on('pm:vertexremoved', count)
    dataset.points = '0'
  })
  map.on('pm:drawend', () => { delete dataset.points })
}
