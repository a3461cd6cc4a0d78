// The layers that several pages draw: forest parcels and exclusion areas.
import L from 'leaflet'
import { EXCLUSION_COLOURS, SELECTED, STATE_COLOURS, SUM_FILL } from './colours'
import { TileCanvas, type Look, type Props, type TileJson } from './tile-canvas'

export interface Picked { uid: string | null, state: string, n: number, areaM2: number }

export interface PickedExclusion { n: number, kind: string, method: string, status: string, number: string, from: string, to: string }

export interface ParcelLayer { layer: TileCanvas, pick: (at: L.LatLng) => Picked | null, select: (uid: string | null) => void }

function plain (fill: string, color: string, opacity: number, weight: number): Look {
  return { fills: [fill], fillOpacity: opacity, color, opacity, weight }
}

// A feature of a low zoom or a crowded tile is the land of many parcels.
const isSum = (props: Props): boolean => props.n !== undefined

const EXCLUSION_LOOKS = Object.fromEntries(Object.entries(EXCLUSION_COLOURS).map(([name, { fill, line }]) => [name, plain(fill, line, 0.3, 2)])) as Record<keyof typeof EXCLUSION_COLOURS, Look>

/** Exclusion areas of the kinds that are wanted; what has ended is paler than what stands. */
export function exclusionTiles (tiles: TileJson, pane: string, wanted: (kind: string) => boolean): { layer: TileCanvas, pick: (at: L.LatLng) => PickedExclusion | null } {
  const layer = new TileCanvas(tiles, { pane }, props => {
    // At low zooms everyone's tiles hold squares with the number of areas in them, whatever their kind.
    if (!isSum(props) && !wanted(String(props.kind))) return null
    return EXCLUSION_LOOKS[props.status === 'ended' ? 'ended' : props.kind === 'harvest' ? 'harvest' : 'project']
  })
  return {
    layer,
    pick: at => {
      const found = layer.under(at)[0]
      if (found === undefined) return null
      const told = (name: string): string => String(found[name] ?? '')
      return { n: Number(found.n ?? 1), kind: told('kind'), method: told('method'), status: told('status'), number: told('number'), from: told('period_start'), to: told('period_end') }
    }
  }
}

const SUM_LOOK = plain(SUM_FILL, '#3f7f56', 0.62, 0.6)
const PARCEL_OPACITY = 0.72
const SELECTED_LOOK = plain(SELECTED.fill, SELECTED.line, PARCEL_OPACITY, 2.5)
const [FAR_LOOKS, NEAR_LOOKS] = [0.5, 1].map(weight => Object.fromEntries(Object.entries(STATE_COLOURS).map(([state, { fill, line }]) => [state, plain(fill, line, PARCEL_OPACITY, weight)]))) as [Record<string, Look>, Record<string, Look>]
const NEAR_FROM_ZOOM = 14

export function parcelLayer (tiles: TileJson): ParcelLayer {
  let selected: string | null = null
  const layer = new TileCanvas(tiles, { pane: 'parcels' }, (props, zoom) => {
    if (isSum(props)) return SUM_LOOK
    if (selected !== null && props.uid === selected) return SELECTED_LOOK
    const looks = zoom < NEAR_FROM_ZOOM ? FAR_LOOKS : NEAR_LOOKS
    return looks[String(props.state)] ?? looks.other!
  })
  return {
    layer,
    pick: at => {
      const props = layer.under(at)[0]
      if (props === undefined) return null
      return {
        uid: isSum(props) ? null : String(props.uid),
        state: String(props.state ?? ''),
        n: Number(props.n ?? 1),
        areaM2: Number(props.area_m2 ?? 0)
      }
    },
    select: uid => {
      selected = uid
      layer.renewAll()
    }
  }
}
