import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { DomainError } from '../../src/errors.ts'
import { readDocument } from '../../src/services/read-document.ts'

const folder = fileURLToPath(new URL('../../node_modules/@readme/oas-examples/', import.meta.url))
const documents = globSync('{2.0,3.0,3.1}/**/*.{json,yaml}', { cwd: folder }).sort()

/** Why a document is refused: its version, or the document's name without its ending. */
const reasons: readonly { readonly of: RegExp; readonly because: RegExp }[] = [
  { of: /^2\.0\//, because: /^\/swagger: Swagger 2\.0 is not read$/ },
  { of: /openapi-workshop\/post\.json/, because: /^\/paths\/~1hoot\/post\/responses: .*fewer than 1/ },
  { of: /parameters-common/, because: /the parameter \{id\} stands twice in the path$/ },
  { of: /parameters-style/, because: /a path has no query and no fragment/ },
  { of: /response-http-behavior/, because: /no security scheme api_key is declared$/ },
]

/** These name no absolute URL, so that the audience must be given. */
const withoutAudience = /callbacks|link-example|webhooks|openapi-workshop\/title/

describe('every document of @readme/oas-examples', () => {
  test('is here', () => expect(documents.length).toBeGreaterThan(100))

  test.each(documents)('%s is read, or refused for a reason that is named', async (name) => {
    const source = readFileSync(`${folder}${name}`)
    const given = withoutAudience.test(name)
    if (given) await expect(readDocument(source)).rejects.toMatchObject({ faults: [{ pointer: '/servers' }] })
    const outcome = await readDocument(source, given ? { audience: 'https://api.example.com' } : {}).catch(
      (e: unknown) => e,
    )
    const reason = reasons.find((one) => one.of.test(name))
    if (reason === undefined) {
      expect(outcome).toHaveProperty('model.operations')
    } else {
      if (!(outcome instanceof DomainError)) throw new Error('it was read', { cause: outcome })
      for (const { pointer, detail } of outcome.faults)
        expect(`${pointer}: ${detail}`).toMatch(reason.because)
    }
  })
})
