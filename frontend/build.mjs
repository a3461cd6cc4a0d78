// Bundles each entry of src/ into dist/, where Django's static files are found.
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, 'dist')
rmSync(dist, { recursive: true, force: true })
mkdirSync(dist, { recursive: true })

await build({
  absWorkingDir: here,
  // One entry for each page that has a script: src/pages/NAME.ts becomes dist/NAME.js.
  entryPoints: readdirSync(join(here, 'src/pages')).filter(name => name.endsWith('.ts')).map(name => `src/pages/${name}`),
  outdir: 'dist',
  bundle: true,
  format: 'iife',
  target: 'es2021',
  minify: true,
  sourcemap: true,
  legalComments: 'linked',
  // One Leaflet: django-leaflet's tag loads it as L, the alias hands that one to every module.
  alias: { leaflet: join(here, 'src/leaflet-global.ts') },
  logLevel: 'warning'
})
await build({
  absWorkingDir: here,
  entryPoints: [{ in: 'src/styles/portal.css', out: 'portal' }],
  outdir: 'dist',
  bundle: true,
  minify: true,
  external: ['*.svg'],
  logLevel: 'warning'
})
// Source maps come along: a production's collectstatic wants every file that another one names.
const geoman = join(here, 'node_modules/@geoman-io/leaflet-geoman-free/dist')
cpSync(join(geoman, 'leaflet-geoman.css'), join(dist, 'geoman.css'))
cpSync(join(geoman, 'leaflet-geoman.css.map'), join(dist, 'leaflet-geoman.css.map'))
cpSync(join(here, 'src/assets'), dist, { recursive: true })
// Leaflet 1.9.4 in the place of django-leaflet's own 1.9.3: earlier in the static folders.
for (const name of ['leaflet.js', 'leaflet.js.map', 'leaflet.css', 'images']) {
  cpSync(join(here, 'node_modules/leaflet/dist', name), join(dist, 'leaflet', name), { recursive: true })
}
