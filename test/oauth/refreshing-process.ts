/** Another node: `refreshing-process.ts <store> use <JSON>` uses one refresh token many times at once, and says what came of it. */
import { once } from 'node:events'
import { z } from 'zod'
import { parseId } from '../../src/ids.ts'
import { openAt } from '../contract/open-at.ts'
import { refreshing } from './refreshing.ts'

const Arguments = z.object({
  service: z.string(),
  secrets: z.array(z.string()),
  token: z.string(),
  times: z.int(),
  delayMsMax: z.number(),
})

const [address = '', , text = ''] = process.argv.slice(2)
const { service, secrets, token, times, delayMsMax } = Arguments.parse(JSON.parse(text))
const serviceId = parseId('svc', service)
if (serviceId === undefined) throw new Error(`${service} is no id of a service`)
// Whoever started it is gone: nobody would end it.
process.stdin.once('end', () => process.exit(1))
const store = await openAt(address, Date.now)
const toldToGo = once(process.stdin, 'data')
process.stdout.write('"ready"\n')
await toldToGo
const node = refreshing({ artifacts: store.artifacts, clock: Date.now, secrets }, serviceId, delayMsMax)
const outcomes = await Promise.all(Array.from({ length: times }, () => node.use(token)))
process.stdout.write(`${JSON.stringify(outcomes)}\n`)
await store.close()
process.stdin.destroy()
