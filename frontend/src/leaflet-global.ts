declare global { interface Window { L: typeof import('leaflet') } }
export default window.L
