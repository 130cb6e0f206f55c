import { beforeAll, describe, expect, test } from 'vitest'
import { type CompiledModel, compileModel } from '../../src/evaluator/compile-model.ts'
import { findOperations } from '../../src/evaluator/find-operations.ts'
import { readDocument } from '../../src/services/read-document.ts'
import { hostileDocument, hostileUrls } from './hostile-urls.ts'

let compiled: CompiledModel
beforeAll(async () => {
  compiled = compileModel((await readDocument(hostileDocument)).model)
})

describe('a target is decided as the one path that it can be read as, or not at all', () => {
  test.each(hostileUrls)('$what: $target', ({ target, answer }) => {
    const found = findOperations(compiled.paths, 'GET', target)
    expect(found.kind === 'found' ? found.canonicalPath : found.reason).toBe(answer)
  })
})
