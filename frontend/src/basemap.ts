// The schematic base map, drawn on one canvas below everything; works with no network.
import L from 'leaflet'
import type { FeatureCollection } from 'geojson'
import { getJson } from './server'

export interface BaseMapAddresses { counties: string, city: string, natural: string }

const WATER = '#a9cfe3'

export function baseMap (map: L.Map, addresses: BaseMapAddresses): L.LayerGroup {
  map.createPane('base').style.zIndex = '150'
  map.createPane('base-labels').style.zIndex = '160'
  const renderer = L.canvas({ pane: 'base', padding: 0.5 })
  const group = L.layerGroup()
  const style = { pane: 'base', renderer, interactive: false }

  const load = async (): Promise<void> => {
    const [counties, natural, city] = await Promise.all([
      getJson<FeatureCollection>(addresses.counties),
      getJson<FeatureCollection>(addresses.natural),
      getJson<FeatureCollection>(addresses.city)
    ])
    L.geoJSON(counties, { ...style, style: { color: '#cbd3c7', weight: 1, fillColor: '#f4f3ea', fillOpacity: 1 } } as L.GeoJSONOptions).addTo(group)
    L.geoJSON(city, { ...style, style: { color: '#7d8f83', weight: 1.6, dashArray: '6 4', fillColor: '#fbfaf4', fillOpacity: 1 } } as L.GeoJSONOptions).addTo(group)
    L.geoJSON(natural, {
      ...style,
      filter: feature => feature.geometry.type !== 'Point',
      style: feature => feature?.properties?.kind === 'lake'
        ? { color: WATER, weight: 1, fillColor: '#cfe5ef', fillOpacity: 1 }
        : { color: WATER, weight: 2, fill: false }
    } as L.GeoJSONOptions).addTo(group)
    for (const feature of counties.features) label(feature.properties?.name as string, L.geoJSON(feature).getBounds().getCenter(), 'county')
    for (const feature of natural.features) {
      if (feature.geometry.type !== 'Point') continue
      const [lon, lat] = feature.geometry.coordinates as [number, number]
      const name = (feature.properties?.name_zh ?? feature.properties?.name ?? '') as string
      if (name) label(name, L.latLng(lat, lon), 'place')
    }
  }
  const label = (name: string, at: L.LatLng, kind: string): void => {
    const span = document.createElement('span')
    span.textContent = name
    const icon = L.divIcon({ className: `map-label ${kind}`, html: span, iconSize: [120, 18] })
    L.marker(at, { icon, interactive: false, keyboard: false, pane: 'base-labels' }).addTo(group)
  }
  void load()
  return group
}

/** 天地图 in WMTS: imagery or map, each with its labels. CGCS2000; never GCJ-02. */
export function tianditu (key: string, kind: 'img' | 'vec'): L.LayerGroup {
  const layer = (name: string): L.TileLayer => L.tileLayer(
    `https://t{s}.tianditu.gov.cn/${name}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=${name}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk=${encodeURIComponent(key)}`,
    { subdomains: '01234567', maxZoom: 20, maxNativeZoom: 18, attribution: '天地图' })
  return L.layerGroup([layer(kind), layer(kind === 'img' ? 'cia' : 'cva')])
}
