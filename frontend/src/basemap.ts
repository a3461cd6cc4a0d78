// The schematic base map, drawn on one canvas below everything; works with no network.
import L from 'leaflet'
import type { Feature, FeatureCollection, LineString, MultiLineString } from 'geojson'
import { getJson } from './server'
import { inEnglish } from './text'

export interface BaseMapAddresses { counties: string, city: string, natural: string }

const WATER = '#9cc7de'
const LAKE = '#cfe5ef'
const LAND = '#f1f0e6'
const CITY_LAND = '#fbfaf4'

type LabelKind = 'county' | 'town' | 'water'
// From the first to the last zoom: more names than this would lie over each other.
const LABEL_ZOOMS: Record<LabelKind, [number, number]> = { county: [8, 12], town: [7, 14], water: [9, 16] }

export function baseMap (map: L.Map, addresses: BaseMapAddresses): L.LayerGroup {
  map.createPane('base').style.zIndex = '150'
  map.createPane('base-labels').style.zIndex = '350'
  const renderer = L.canvas({ pane: 'base', padding: 0.5 })
  const group = L.layerGroup()
  const labels = Object.fromEntries(Object.keys(LABEL_ZOOMS).map(kind => [kind, L.layerGroup()])) as Record<LabelKind, L.LayerGroup>
  const style = { pane: 'base', renderer, interactive: false }

  const load = async (): Promise<void> => {
    const [counties, natural, city] = await Promise.all([
      getJson<FeatureCollection>(addresses.counties),
      getJson<FeatureCollection>(addresses.natural),
      getJson<FeatureCollection>(addresses.city)
    ])
    const ofKind = (...kinds: string[]) => (feature: Feature): boolean => kinds.includes(String(feature.properties?.kind))
    L.geoJSON(counties, { ...style, style: { color: '#c3cbbe', weight: 1, fillColor: LAND, fillOpacity: 1 } } as L.GeoJSONOptions).addTo(group)
    L.geoJSON(city, { ...style, style: { color: '#dfe5da', weight: 7, fillColor: CITY_LAND, fillOpacity: 1 } } as L.GeoJSONOptions).addTo(group)
    L.geoJSON(natural, { ...style, filter: ofKind('lake'), style: { color: WATER, weight: 1, fillColor: LAKE, fillOpacity: 1 } } as L.GeoJSONOptions).addTo(group)
    L.geoJSON(natural, { ...style, filter: ofKind('river'), style: { color: '#fff', weight: 5, opacity: 0.8 } } as L.GeoJSONOptions).addTo(group)
    L.geoJSON(natural, { ...style, filter: ofKind('river'), style: { color: WATER, weight: 3 } } as L.GeoJSONOptions).addTo(group)
    L.geoJSON(city, { ...style, style: { color: '#7d8f83', weight: 1.6, dashArray: '6 4', fill: false } } as L.GeoJSONOptions).addTo(group)
    for (const feature of counties.features) {
      // The city's own name stands at its town; twice would be one over the other.
      if (feature.properties?.code === '654002') continue
      label(nameOf(feature), L.geoJSON(feature).getBounds().getCenter(), 'county')
    }
    for (const feature of natural.features) {
      const name = nameOf(feature)
      if (name === '') continue
      if (feature.geometry.type === 'Point') {
        const [lon, lat] = feature.geometry.coordinates as [number, number]
        label(name, L.latLng(lat, lon), 'town')
      } else if (ofKind('river')(feature)) {
        for (const at of alongRiver(feature as Feature<LineString | MultiLineString>)) label(name, at, 'water')
      } else label(name, L.geoJSON(feature).getBounds().getCenter(), 'water')
    }
    choose()
  }
  const label = (name: string, at: L.LatLng, kind: LabelKind): void => {
    const span = document.createElement('span')
    span.textContent = name
    const icon = L.divIcon({ className: `map-label ${kind}`, html: span, iconSize: [120, 18] })
    L.marker(at, { icon, interactive: false, keyboard: false, pane: 'base-labels' }).addTo(labels[kind])
  }
  const choose = (): void => {
    const zoom = map.getZoom()
    for (const [kind, [low, high]] of Object.entries(LABEL_ZOOMS) as Array<[LabelKind, [number, number]]>) {
      if (zoom >= low && zoom <= high) group.addLayer(labels[kind])
      else group.removeLayer(labels[kind])
    }
  }
  map.on('zoomend', choose)
  void load()
  return group
}

function nameOf ({ properties }: Feature): string {
  return String((inEnglish ? properties?.name_en : null) ?? properties?.name ?? '')
}

/** Where a river is named: about every forty kilometres of its course. */
function alongRiver (river: Feature<LineString | MultiLineString>): L.LatLng[] {
  const lines = river.geometry.type === 'LineString' ? [river.geometry.coordinates] : river.geometry.coordinates
  const spots: L.LatLng[] = []
  for (const line of lines) {
    let since = 20_000
    let before: L.LatLng | null = null
    for (const [lon, lat] of line as Array<[number, number]>) {
      const here: L.LatLng = L.latLng(lat, lon)
      if (before !== null) since += before.distanceTo(here)
      if (since > 40_000) { spots.push(here); since = 0 }
      before = here
    }
  }
  return spots
}

/** 天地图 in WMTS: imagery or map, each with its labels. CGCS2000; never GCJ-02. */
export function tianditu (key: string, kind: 'img' | 'vec'): L.LayerGroup {
  const layer = (name: string): L.TileLayer => L.tileLayer(
    `https://t{s}.tianditu.gov.cn/${name}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=${name}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk=${encodeURIComponent(key)}`,
    { subdomains: '01234567', maxZoom: 20, maxNativeZoom: 18, attribution: '天地图' })
  return L.layerGroup([layer(kind), layer(kind === 'img' ? 'cia' : 'cva')])
}
