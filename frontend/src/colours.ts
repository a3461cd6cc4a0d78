// What the colours of the map mean; the legend shows the same values.
export const STATE_COLOURS: Record<string, { fill: string, line: string }> = {
  registered: { fill: '#8fc49a', line: '#3f7f56' },
  verified: { fill: '#2f9e83', line: '#0d5c4b' },
  other: { fill: '#b9bfb6', line: '#7c847b' }
}
export const SUM_FILL = '#5faa80'
export const SELECTED = { fill: '#f2b134', line: '#8a4b00' }
export const EXCLUSION_COLOURS = {
  project: { fill: '#d9736a', line: '#8c2f1d' },
  harvest: { fill: '#d6a24a', line: '#8a5a00' },
  ended: { fill: '#c9c9c2', line: '#6f756f' }
} as const
