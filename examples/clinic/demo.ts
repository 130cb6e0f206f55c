// `npm run demo`: Latchkey on an empty store, the clinic behind it, and the story of one key, told step by step.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from './demo/free-port.ts'
import { startLatchkey } from './demo/latchkey-process.ts'
import { Story } from './demo/story.ts'
import { tellStory, whatToTry } from './demo/tell-story.ts'

const { values: options } = parseArgs({ options: { exit: { type: 'boolean', default: false } } })
const folder = await mkdtemp(join(tmpdir(), 'latchkey-demo-'))
const cleanups: (() => void | Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })]

let leaving: Promise<never> | undefined

/** Ends what was started, the last first; once, however often it is asked for. */
function leave(exitCode: number): Promise<never> {
  leaving ??= (async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup()
    process.exit(exitCode)
  })()
  return leaving
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    console.log('\nStopping.')
    void leave(story.wentAsTold ? 0 : 1)
  })
// Whoever read along has gone (`| head`).
process.stdout.on('error', () => void leave(1))

const story = new Story()
try {
  const latchkey = startLatchkey(folder, await freePort(7700))
  cleanups.push(latchkey.stop)
  const operatorKey = await latchkey.ready()
  const { clinic, stage, willowLane } = await tellStory(
    story,
    latchkey.origin,
    operatorKey,
    await freePort(7701),
  )
  cleanups.push(clinic.close)
  if (options.exit) await leave(story.wentAsTold ? 0 : 1)
  await whatToTry(stage, clinic.origin, willowLane)
  console.log(`# the command, as the operator
LATCHKEY_CLI_KEY_FILE=${join(folder, 'operator-key.json')} npm run --silent latchkey -- keys list --organization willow-lane

Latchkey  ${latchkey.origin}   (its reference: ${latchkey.origin}/docs)
Clinic    ${clinic.origin}
Both stay up until Ctrl-C. Nothing of them is left then.`)
  const lastWords = await latchkey.ended
  if (leaving === undefined) {
    console.error(`Latchkey ended unasked:\n${lastWords}`)
    await leave(1)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  await leave(1)
}
