import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Failure } from '../../../src/cli/failure.ts'
import { decisionLogSetting } from '../../../src/cli/guard/decision-log-setting.ts'

let folder: string
let key: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-ids-'))
  key = join(folder, 'ids.key')
  await writeFile(key, '0123456789abcdef\n')
})
afterAll(() => rm(folder, { recursive: true }))

const said = (flags: Partial<Parameters<typeof decisionLogSetting>[0]>) =>
  decisionLogSetting({ decisionLog: 'all', decisionLogIds: 'keep', decisionLogWhenFull: 'drop', ...flags })

describe('the decision log on the command line', () => {
  test('is off, or tells of refusals, or of a share of what is allowed', async () => {
    expect(await said({ decisionLog: 'off' })).toBe('off')
    expect(await said({ decisionLog: 'denials' })).toMatchObject({ allowedShare: 0 })
    expect(await said({})).toEqual({ allowedShare: 1, resourceIds: 'keep', whenFull: 'drop' })
    expect(await said({ decisionLogShare: '.01', decisionLogWhenFull: 'wait' })).toMatchObject({
      ...{ allowedShare: 0.01, whenFull: 'wait' },
    })
  })

  test('leaves ids out, or hashes them with the key of a file', async () => {
    expect(await said({ decisionLogIds: 'omit' })).toMatchObject({ resourceIds: 'omit' })
    const resourceIds = { hashedWith: '0123456789abcdef' }
    expect(await said({ decisionLogIdKeyFile: key })).toMatchObject({ resourceIds })
  })

  test('is refused where its flags do not fit each other', async () => {
    const short = join(folder, 'short.key')
    await writeFile(short, 'open sesame')
    for (const flags of [
      { decisionLog: 'off', decisionLogShare: '0.1' },
      { decisionLog: 'off', decisionLogIds: 'omit' },
      { decisionLog: 'off', decisionLogWhenFull: 'wait' },
      { decisionLog: 'denials', decisionLogShare: '0.1' },
      { decisionLogShare: '2' },
      { decisionLogShare: '1e-3' },
      { decisionLogIds: 'omit', decisionLogIdKeyFile: key },
      { decisionLogIdKeyFile: short },
      { decisionLogIdKeyFile: join(folder, 'none') },
    ] as const) {
      const failure: unknown = await said(flags).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(Failure)
      expect(failure).toMatchObject({ exitCode: 2 })
      expect(String(failure)).not.toContain('sesame')
    }
  })
})
