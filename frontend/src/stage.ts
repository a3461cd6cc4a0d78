// A map with our base map, scale and controls: what every page with a map starts from.
import L from 'leaflet'
import { baseMap, tianditu, type BaseMapAddresses } from './basemap'
import { gaussKruger } from './gauss-kruger'
import { text } from './text'

export interface StageConfig { basemap: BaseMapAddresses, tiandituKey: string }

export interface Stage { map: L.Map, bases: Record<string, L.Layer>, names: Record<string, string> }

export const CITY = { zoom: 11, lat: 44.055, lon: 81.27 }

export function stage (element: HTMLElement, config: StageConfig): Stage {
  const moves = !matchMedia('(prefers-reduced-motion: reduce)').matches
  const map = L.map(element, {
    zoomControl: false,
    attributionControl: false,
    minZoom: 7,
    maxZoom: 20,
    maxBounds: [[38, 74], [50, 92]],
    zoomAnimation: moves,
    fadeAnimation: moves,
    inertia: moves
  })
  // A ring shows where the keyboard is; a click on the map needs none.
  element.addEventListener('pointerdown', () => element.classList.add('by-pointer'))
  element.addEventListener('keydown', () => element.classList.remove('by-pointer'))
  element.addEventListener('blur', () => element.classList.remove('by-pointer'))
  L.control.zoom({ position: 'topright', zoomInTitle: text('zoomIn'), zoomOutTitle: text('zoomOut') }).addTo(map)
  L.control.scale({ imperial: false, position: 'bottomleft' }).addTo(map)
  const bases: Record<string, L.Layer> = { sketch: baseMap(map, config.basemap) }
  const names: Record<string, string> = { sketch: text('baseSketch') }
  if (config.tiandituKey !== '') {
    bases.imagery = tianditu(config.tiandituKey, 'img')
    bases.vector = tianditu(config.tiandituKey, 'vec')
    names.imagery = text('baseImagery')
    names.vector = text('baseVector')
  }
  return { map, bases, names }
}

/** Degrees and Gauss-Krüger of the place under the pointer, or of the centre without one. */
export function readout (map: L.Map, element: HTMLElement): void {
  const show = (at: L.LatLng): void => {
    const { northing, easting } = gaussKruger(at.lng, at.lat)
    element.textContent = `${at.lng.toFixed(6)}°E ${at.lat.toFixed(6)}°N · X ${northing.toFixed(1)} Y ${easting.toFixed(1)}`
  }
  map.on('mousemove', event => show(event.latlng))
  map.on('moveend', () => show(map.getCenter()))
}

/** A shape's name beside the pointer, as text: names come from people and are no markup. */
export function nameShape (layer: L.Layer, name: string, options?: L.TooltipOptions): void {
  // Leaflet shows any node; its types know elements alone.
  layer.bindTooltip(document.createTextNode(name) as never, options)
}

/** With the keyboard the place is the middle of the map, marked while it has the focus: Enter clicks there. */
export function clickByKeyboard (map: L.Map): void {
  const element = map.getContainer()
  element.classList.add('clickable')
  element.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || event.target !== element) return
    element.scrollIntoView({ block: 'nearest' })
    const box = element.getBoundingClientRect()
    const [clientX, clientY] = [box.left + box.width / 2, box.top + box.height / 2]
    const there = document.elementFromPoint(clientX, clientY)
    if (there !== null && element.contains(there)) there.dispatchEvent(new MouseEvent('click', { bubbles: true, clientX, clientY }))
  })
}

export function fullScreenControl (map: L.Map, whole: HTMLElement): void {
  if (!document.fullscreenEnabled) return
  const Control = L.Control.extend({
    onAdd () {
      const box = L.DomUtil.create('div', 'leaflet-bar')
      const button = L.DomUtil.create('button', 'map-button', box)
      button.type = 'button'
      // Drawn, because not every office font has the sign.
      button.append(fullScreenSign())
      button.title = text('fullScreen')
      button.setAttribute('aria-label', text('fullScreen'))
      L.DomEvent.disableClickPropagation(box)
      button.addEventListener('click', () => {
        void (document.fullscreenElement === null ? whole.requestFullscreen() : document.exitFullscreen())
      })
      return box
    }
  })
  new Control({ position: 'topright' }).addTo(map)
}

function fullScreenSign (): SVGSVGElement {
  const space = 'http://www.w3.org/2000/svg'
  const sign = document.createElementNS(space, 'svg')
  sign.setAttribute('viewBox', '0 0 16 16')
  sign.setAttribute('width', '16')
  sign.setAttribute('height', '16')
  sign.setAttribute('aria-hidden', 'true')
  const line = document.createElementNS(space, 'path')
  line.setAttribute('d', 'M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4')
  line.setAttribute('fill', 'none')
  line.setAttribute('stroke', 'currentColor')
  line.setAttribute('stroke-width', '1.8')
  sign.append(line)
  return sign
}
