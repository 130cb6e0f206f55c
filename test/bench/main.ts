// npm run bench [-- --seconds 5] [-- --document <an OpenAPI document, gzipped or not>] [-- --only tokens,decisions,…] [-- --resources 1000000]
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { measureCachedTokens } from './cached-tokens.ts'
import { measureDecideOverHttp } from './decide-over-http.ts'
import { measureDecisions } from './decisions.ts'
import { mongoPlace, type Place, sqlitePlace } from './deployment.ts'
import { measureExplanations } from './explanations.ts'
import { measureForwardAuth } from './forward-auth.ts'
import { measurePeople } from './people.ts'
import { measureResources } from './resources.ts'
import { measureRevocation } from './revocation.ts'
import { canPin } from './side-by-side.ts'
import { measureSignIns } from './sign-ins.ts'
import { measureStart } from './start.ts'
import { printTable, type Row } from './table.ts'
import { measureTagged } from './tagged-decisions.ts'
import { measureMemory } from './tagged-memory.ts'
import { measureTokens } from './tokens.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    document: { type: 'string' },
    resources: { type: 'string', default: '20000' },
    only: {
      type: 'string',
      default:
        'start,decisions,tagged-decisions,cached-tokens,explanations,memory,decide-over-http,forward-auth,revocation,resources,tokens,people,sign-ins',
    },
  },
})
const mongoUri = process.env['MONGODB_URI']
if (mongoUri === undefined) console.error('MONGODB_URI is not set: MongoDB is not measured')
const used: Place[] = []

const parts: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  start: measureStart,
  decisions: () => measureDecisions(values.document),
  'tagged-decisions': measureTagged,
  'cached-tokens': measureCachedTokens,
  explanations: measureExplanations,
  memory: measureMemory,
  'decide-over-http': () => measureDecideOverHttp(ownSqlite(), Number(values.seconds)),
  'forward-auth': () => measureForwardAuth(ownSqlite(), Number(values.seconds)),
  revocation: () => eachPlace(measureRevocation),
  resources: () => eachPlace((place) => measureResources(place, Number(values.resources))),
  tokens: () => measureTokens(places(), Number(values.seconds)),
  people: () => measurePeople(places(), Number(values.seconds)),
  'sign-ins': () => eachPlace((place) => measureSignIns(place, Number(values.seconds))),
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
// Before anything is measured for minutes.
const measures = values.only.split(',').map((name) => {
  const measure = parts[name]
  if (measure === undefined) throw new Error(`no part ${name}: there are ${Object.keys(parts).join(', ')}`)
  return [name, measure] as const
})
const rows: Row[] = []
for (const [name, measure] of measures) {
  console.error(`measuring ${name} …`)
  rows.push(...(await measure()))
}
for (const place of used) await place.remove()

const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`
console.log(
  `\n${machine}; Node.js ${process.version}; ${canPin ? 'server and load pinned to a core each' : 'not pinned: no taskset'}\n`,
)
printTable(rows)
process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0

function ownSqlite(): Place {
  const place = sqlitePlace()
  used.push(place)
  return place
}

/** Empty stores, one of each kind that is at hand. */
function places(): readonly Place[] {
  const fresh = [sqlitePlace(), mongoPlace(mongoUri)].filter((place) => place !== undefined)
  used.push(...fresh)
  return fresh
}

async function eachPlace(measure: (place: Place) => Promise<readonly Row[]>): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const place of places()) rows.push(...(await measure(place)))
  return rows
}
