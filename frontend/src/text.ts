// Texts of the scripts, Chinese first; the page's language chooses.

const texts = {
  zoomIn: ['放大', 'Zoom in'],
  zoomOut: ['缩小', 'Zoom out'],
  fullScreen: ['全屏', 'Full screen'],
  baseSketch: ['示意底图', 'Schematic map'],
  baseImagery: ['天地图影像', 'Tianditu imagery'],
  baseVector: ['天地图电子地图', 'Tianditu map'],
  parcels: ['林地宗地', 'Forest parcels'],
  legend: ['图例', 'Legend'],
  registered: ['已登记', 'Registered'],
  verified: ['已审核', 'Verified'],
  selected: ['选中', 'Selected'],
  many: ['林地汇总（放大看宗地）', 'Forest land, summed (zoom in)'],
  cityLine: ['伊宁市（示意）', 'City of Yining (sketch)'],
  river: ['河流', 'River'],
  layers: ['图层', 'Layers'],
  loading: ['正在读取…', 'Loading…'],
  offline: ['网络不通，请检查连接后重试。', 'No connection. Check the network and try again.'],
  signedOut: ['登录已过期。请在新窗口登录后回到本页重试，本页内容仍在。', 'Your session has ended. Sign in in a new window and try again; this page keeps what you did.'],
  failed: ['没有读到：', 'Could not be read: '],
  nothingFound: ['没有找到。可试试村名、乡镇名或坐标。', 'Nothing found. Try a village, township or coordinate.'],
  zoomInForParcels: ['放大后可见单个宗地', 'Zoom in to see single parcels'],
  noParcelsHere: ['这里没有登记的宗地', 'No registered parcels here'],
  parcelCount: ['{n} 宗', '{n} parcels'],
  hectares: ['{ha} 公顷', '{ha} ha'],
  mu: ['{mu} 亩', '{mu} mu'],
  sum: ['此处共 {n} 宗，{ha} 公顷。放大可查看单个宗地。', '{n} parcels here, {ha} ha. Zoom in to see each.'],
  dropHere: ['把文件拖到这里，或点击选择', 'Drop a file here, or choose one'],
  uploading: ['正在上传 {percent}%', 'Uploading {percent}%'],
  checking: ['正在检查文件…', 'Checking the file…'],
  reading: ['正在按所选方式重新读取…', 'Reading again as chosen…'],
  features: ['{n} 个图形', '{n} features'],
  notMapped: ['（不导入）', '(not imported)'],
  guessed: ['推测，请核对', 'guessed, please check'],
  certain: ['文件注明', 'stated by the file'],
  chosen: ['人工选定', 'chosen'],
  importing: ['已读取 {read} / {total}', '{read} of {total} read'],
  waiting: ['排队等待…', 'Waiting…'],
  row: ['第 {row} 行', 'Row {row}'],
  showPlace: ['定位', 'Show place'],
  previewPart: ['图上显示前 {shown} 个图形，共 {n} 个', 'The first {shown} of {n} features are drawn'],
  rejectedBefore: ['有 {n} 个图形不能入库，其余照常导入：', '{n} features cannot be taken in; the others go on:'],
  rejectedPart: ['有 {n} 个图形不能入库，其余照常导入。先列出 {shown} 个；导入后可查看和下载全部：', '{n} features cannot be taken in; the others go on. The first {shown} are listed; after the import all are, to see and to download:'],
  fileReads: ['文件能够读取', 'The file can be read'],
  tooLarge: ['文件 {size} MB，超过 {limit} MB 的上限。请拆分后分批上传。', 'The file has {size} MB; the limit is {limit} MB. Split it and upload the parts.']
} as const

export type TextKey = keyof typeof texts
type Pair = readonly [chinese: string, english: string]
type Facts = Record<string, string | number>

export const inEnglish = document.documentElement.lang.startsWith('en')
const column = inEnglish ? 1 : 0

/** A page's own texts: `const say = phrases({ saved: ['已保存', 'Saved'] })`, then `say('saved')`. */
export function phrases<K extends string> (table: Record<K, Pair>): (key: K, facts?: Facts) => string {
  return (key, facts = {}) => table[key][column].replace(/\{(\w+)\}/g, (_, name: string) => String(facts[name] ?? ''))
}

/** The texts that several pages share. */
export const text = phrases<TextKey>(texts)

/** What stands between the words of a list. */
export const BETWEEN = inEnglish ? ', ' : '、'

export function formatNumber (value: number, digits = 0): string {
  return value.toLocaleString(inEnglish ? 'en' : 'zh-CN', { maximumFractionDigits: digits, minimumFractionDigits: digits })
}
