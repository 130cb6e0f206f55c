// `npm run demo`: Latchkey on an empty store, the clinic behind it, and three stories told step by step: of one
// key, of an app that acts for people, and of two wards whose patients are not everybody's.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from './demo/free-port.ts'
import { startLatchkey } from './demo/latchkey-process.ts'
import { showMails } from './demo/mails.ts'
import { startNameServer } from './demo/name-server.ts'
import { Story } from './demo/story.ts'
import { tellSecondStory } from './demo/tell-second-story.ts'
import { tellStory, whatToTry } from './demo/tell-story.ts'
import { tellThirdStory } from './demo/tell-third-story.ts'

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
  const nameServer = await startNameServer()
  cleanups.push(nameServer.close)
  const latchkey = startLatchkey(folder, await freePort(7700), {
    LATCHKEY_NAME_SERVERS: nameServer.address,
    // Harbour Street's identity provider is on this machine, too, and without TLS.
    LATCHKEY_ALLOW_PRIVATE_ADDRESSES_IN_DEVELOPMENT: 'true',
  })
  cleanups.push(latchkey.stop)
  const operatorKey = await latchkey.ready()
  const first = await tellStory(story, latchkey.origin, operatorKey, await freePort(7701))
  const { clinic, stage, organizations } = first
  cleanups.push(clinic.close)
  const second = await tellSecondStory(stage, clinic.origin, organizations, nameServer)
  cleanups.push(second.close)
  await tellThirdStory(first, second.willowLane)
  if (options.exit) await leave(story.wentAsTold ? 0 : 1)
  await whatToTry(stage, clinic.origin, organizations.willowLane)
  cleanups.push(await showMails(latchkey.origin, operatorKey))
  const { rounds, wren, staff } = second
  const keyFile = join(folder, 'operator-key.json')
  console.log(`# an app that acts for you: open ${rounds.origin} in a browser and sign in as one of
#   ${wren.email}   ${wren.password}   (the mail with the code appears here)
${staff.map(({ email, password }) => `#   ${email}   ${password}   (at the provider of its own)`).join('\n')}

# the command, as the operator
export LATCHKEY_CLI_SERVER=${latchkey.origin} LATCHKEY_CLI_KEY_FILE=${keyFile}
npm run --silent latchkey -- users list --organization willow-lane

Latchkey  ${latchkey.origin}   (its reference: ${latchkey.origin}/docs)
Clinic    ${clinic.origin}
Rounds    ${rounds.origin}   (what it may do is taken back at ${latchkey.origin}/clinic/login)
All stay up until Ctrl-C. Nothing of them is left then.`)
  const lastWords = await latchkey.ended
  if (leaving === undefined) {
    console.error(`Latchkey ended unasked:\n${lastWords}`)
    await leave(1)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  await leave(1)
}
