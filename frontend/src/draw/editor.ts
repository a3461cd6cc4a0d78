// The drawing on the map: Geoman's tools on one polygon for each part. The one module that knows Geoman.
import L from 'leaflet'
import '@geoman-io/leaflet-geoman-free'
import { tellPoints } from './points'
import { copy, same, type Part, type Position, type Ring, type Shape } from './shape'

export type Tool = 'pick' | 'draw' | 'hole' | 'edit' | 'move' | 'split' | 'remove'
export interface VertexPath { part: number, ring: number, vertex: number }

interface Events {
  changed: (shape: Shape) => void
  drawn: (ring: Ring, tool: 'draw' | 'hole') => void
  line: (line: Position[]) => void
  removed: (part: number) => void
  vertex: (path: VertexPath | null) => void
  finished: () => void
}

const STYLE: L.PathOptions = { color: '#b45309', weight: 2.5, fillColor: '#f2b134', fillOpacity: 0.28 }
const SNAP_PIXELS = 14
const MARKERS_AT_ONCE = 300

export class Editor {
  private layers: L.Polygon[] = []
  private tool: Tool | null = null
  private zooming = 0
  private marked: L.CircleMarker | null = null

  constructor (private readonly map: L.Map, private readonly events: Events) {
    map.createPane('drawing').style.zIndex = '420'
    map.pm.setLang(document.documentElement.lang.startsWith('en') ? 'en' : 'zh')
    map.pm.setGlobalOptions({ snappable: true, snapDistance: SNAP_PIXELS, allowSelfIntersection: true, limitMarkersToCount: MARKERS_AT_ONCE, tooltips: true } as L.PM.GlobalOptions)
    map.pm.setPathOptions(STYLE)
    tellPoints(map)
    map.on('pm:create', event => { this.created(event.layer) })
    map.on('pm:drawend', () => { if (this.tool === 'draw' || this.tool === 'hole' || this.tool === 'split') this.events.finished() })
  }

  get shape (): Shape {
    return this.layers.map(layer => (layer.getLatLngs() as L.LatLng[][]).map(ring => ring.map(at => [at.lng, at.lat])))
  }

  /** Put a shape on the map; a tool that was in hand stays in hand. */
  set (shape: Shape): void {
    if (same(shape, this.shape)) return
    this.mark(null)
    for (const layer of this.layers) { layer.pm.disable(); layer.remove() }
    this.layers = copy(shape).map(part => this.addLayer(part))
    this.apply()
  }

  use (tool: Tool | null): void {
    this.tool = null
    this.map.pm.disableDraw()
    this.tool = tool
    this.mark(null)
    // Two quick taps are two points while a tool is in hand, not a zoom; nor is the double click
    // that ends a line.
    this.map.doubleClickZoom.disable()
    clearTimeout(this.zooming)
    if (tool === null) this.zooming = window.setTimeout(() => { this.map.doubleClickZoom.enable() }, 500)
    if (tool === 'draw' || tool === 'hole') {
      this.map.pm.enableDraw('Polygon', { continueDrawing: false, snappable: true, snapDistance: SNAP_PIXELS, allowSelfIntersection: true, templineStyle: STYLE, hintlineStyle: { ...STYLE, dashArray: '5 5' }, pathOptions: STYLE } as L.PM.DrawModeOptions)
    } else if (tool === 'split') {
      this.map.pm.enableDraw('Line', { continueDrawing: false, finishOn: 'dblclick', templineStyle: { color: '#174f7c' }, hintlineStyle: { color: '#174f7c', dashArray: '5 5' } } as L.PM.DrawModeOptions)
    }
    this.apply()
  }

  bounds (): L.LatLngBounds | null {
    return this.layers.length === 0 ? null : L.featureGroup(this.layers).getBounds()
  }

  /** Show which vertex the table speaks of. */
  mark (at: Position | null): void {
    this.marked?.remove()
    this.marked = at === null
      ? null
      : L.circleMarker([at[1], at[0]], { radius: 9, color: '#174f7c', weight: 3, fill: false, interactive: false, pmIgnore: true, snapIgnore: true }).addTo(this.map)
  }

  private apply (): void {
    this.map.getContainer().dataset.tool = this.tool ?? ''
    for (const layer of this.layers) {
      layer.pm.disable()
      layer.pm.disableLayerDrag()
      if (this.tool === 'edit') layer.pm.enable({ snappable: true, snapDistance: SNAP_PIXELS, allowSelfIntersection: true, limitMarkersToCount: MARKERS_AT_ONCE, removeVertexOn: 'contextmenu', preventMarkerRemoval: false } as L.PM.EditModeOptions)
      if (this.tool === 'move') layer.pm.enableLayerDrag()
    }
  }

  private addLayer (part: Part): L.Polygon {
    const layer = L.polygon(part.map(ring => ring.map(([lon, lat]) => L.latLng(lat, lon))), { ...STYLE, pane: 'drawing' })
    const changed = (): void => {
      // Geoman takes a ring away when its vertices are gone; a part without an outer ring is none.
      this.layers = this.layers.filter(one => ((one.getLatLngs() as L.LatLng[][])[0]?.length ?? 0) >= 3 || (one.remove(), false))
      this.events.changed(this.shape)
    }
    layer.on('pm:edit', changed)
    layer.on('pm:dragend', changed)
    layer.on('pm:vertexclick', event => {
      const path = (event as unknown as { indexPath: number[] }).indexPath
      this.events.vertex({ part: this.layers.indexOf(layer), ring: path.length > 1 ? path[0]! : 0, vertex: path.at(-1)! })
    })
    layer.on('click', () => { if (this.tool === 'remove') this.events.removed(this.layers.indexOf(layer)) })
    return layer.addTo(this.map)
  }

  private created (layer: L.Layer): void {
    layer.remove()
    if (layer instanceof L.Polygon) {
      const ring = (layer.getLatLngs() as L.LatLng[][])[0]!.map(at => [at.lng, at.lat] as Position)
      this.events.drawn(ring, this.tool === 'hole' ? 'hole' : 'draw')
    } else if (layer instanceof L.Polyline) {
      this.events.line((layer.getLatLngs() as L.LatLng[]).map(at => [at.lng, at.lat]))
    }
  }
}

