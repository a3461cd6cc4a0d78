// Vector tiles on canvas. The one module that knows protomaps-leaflet, so that it can be replaced.
import L from 'leaflet'
import { leafletLayer, PolygonSymbolizer, type Feature } from 'protomaps-leaflet'
import { EXCLUSION_COLOURS, SELECTED, STATE_COLOURS, SUM_FILL } from './colours'

export interface TileJson { tiles: string[], minzoom: number, maxzoom: number, vector_layers: Array<{ id: string }> }

export interface Picked { uid: string | null, state: string, n: number, areaM2: number }

export interface PickedExclusion { n: number, kind: string, method: string, status: string, number: string, from: string, to: string }

export interface ParcelLayer { layer: L.GridLayer, pick: (at: L.LatLng) => Picked | null, select: (uid: string | null) => void }

// A feature of a low zoom or a crowded tile is the land of many parcels.
const isSum = (_z: number, feature: Feature): boolean => feature.props.n !== undefined
const isParcel = (z: number, feature: Feature): boolean => !isSum(z, feature)

type Drawn = L.GridLayer & {
  queryTileFeaturesDebug: (lng: number, lat: number, brush: number) => Map<string, Array<{ feature: Feature }>>
}

/** Exclusion areas of the kinds that are wanted; what has ended is paler than what stands. */
export function exclusionTiles (tiles: TileJson, pane: string, wanted: (kind: string) => boolean): { layer: L.GridLayer, pick: (at: L.LatLng) => PickedExclusion | null } {
  // At low zooms everyone's tiles hold squares with the number of areas in them, whatever their kind.
  const isWanted = (z: number, feature: Feature): boolean => isSum(z, feature) || wanted(String(feature.props.kind))
  const colours = (feature?: Feature): { fill: string, line: string } => EXCLUSION_COLOURS[feature?.props.status === 'ended' ? 'ended' : feature?.props.kind === 'harvest' ? 'harvest' : 'project']
  const layer = leafletLayer({
    url: tiles.tiles[0]!,
    sources: { exclusions: { url: tiles.tiles[0]!, levelDiff: 0, maxDataZoom: tiles.maxzoom } },
    minZoom: tiles.minzoom,
    attribution: '',
    pane,
    paintRules: [{
      dataSource: 'exclusions',
      dataLayer: tiles.vector_layers[0]!.id,
      filter: isWanted,
      symbolizer: new PolygonSymbolizer({
        fill: (_z: number, feature?: Feature) => colours(feature).fill,
        opacity: 0.3,
        stroke: (_z: number, feature?: Feature) => colours(feature).line,
        width: 2,
        perFeature: true
      })
    }],
    labelRules: []
  } as Parameters<typeof leafletLayer>[0]) as unknown as Drawn
  return {
    layer,
    pick: at => {
      const found = [...layer.queryTileFeaturesDebug(at.lng, at.lat, 1).values()].flat().find(one => isWanted(0, one.feature))
      if (found === undefined) return null
      const told = (name: string): string => String(found.feature.props[name] ?? '')
      return { n: Number(found.feature.props.n ?? 1), kind: told('kind'), method: told('method'), status: told('status'), number: told('number'), from: told('period_start'), to: told('period_end') }
    }
  }
}

export function parcelLayer (tiles: TileJson): ParcelLayer {
  let selected: string | null = null
  const colours = (feature?: Feature): { fill: string, line: string } => {
    if (feature !== undefined && selected !== null && feature.props.uid === selected) return SELECTED
    return STATE_COLOURS[String(feature?.props.state)] ?? STATE_COLOURS.other!
  }
  const id = tiles.vector_layers[0]!.id
  const layer = leafletLayer({
    url: tiles.tiles[0]!,
    sources: { parcels: { url: tiles.tiles[0]!, levelDiff: 0, maxDataZoom: tiles.maxzoom } },
    minZoom: tiles.minzoom,
    attribution: '',
    pane: 'parcels',
    paintRules: [
      {
        dataSource: 'parcels',
        dataLayer: id,
        filter: isSum,
        symbolizer: new PolygonSymbolizer({ fill: SUM_FILL, opacity: 0.62, stroke: '#3f7f56', width: 0.6 })
      },
      {
        dataSource: 'parcels',
        dataLayer: id,
        filter: isParcel,
        symbolizer: new PolygonSymbolizer({
          fill: (_z: number, feature?: Feature) => colours(feature).fill,
          opacity: 0.72,
          stroke: (_z: number, feature?: Feature) => colours(feature).line,
          width: (z: number, feature?: Feature) => feature !== undefined && feature.props.uid === selected ? 2.5 : z < 14 ? 0.5 : 1,
          perFeature: true
        })
      }
    ],
    labelRules: []
  } as Parameters<typeof leafletLayer>[0]) as unknown as Drawn & { rerenderTiles: () => void }
  return {
    layer,
    pick: at => {
      const found = [...layer.queryTileFeaturesDebug(at.lng, at.lat, 1).values()].flat()[0]
      if (found === undefined) return null
      const props = found.feature.props
      return {
        uid: props.n === undefined ? String(props.uid) : null,
        state: String(props.state ?? ''),
        n: Number(props.n ?? 1),
        areaM2: Number(props.area_m2 ?? 0)
      }
    },
    select: uid => {
      selected = uid
      layer.rerenderTiles()
    }
  }
}
