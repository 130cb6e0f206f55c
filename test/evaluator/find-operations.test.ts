import { describe, expect, test } from 'vitest'
import { canonicalPath } from '../../src/evaluator/canonical-path.ts'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { findOperations } from '../../src/evaluator/find-operations.ts'
import type { Operation, ServiceModel } from '../../src/evaluator/model.ts'
import { model, operation } from './clinic-model.ts'

/** The operations found, with their parameters; or why none. */
function find(operations: readonly Operation[], request: string, more: Partial<ServiceModel> = {}) {
  const [method = '', path = ''] = request.split(' ')
  const found = findOperations(compileModel(model(operations, more)).paths, method, path)
  if (found.kind === 'refused') return found.reason
  return found.matches.map(({ indexed, parameters }) => ({ id: indexed.operation.id, ...parameters }))
}

describe('a path that two parsers could read differently is ambiguous', () => {
  const files = [operation('file', 'GET /files/{name}'), operation('root', 'GET /')]
  test.each([
    ['an empty segment', '/files//a'],
    ['an empty segment in front', '//files/a'],
    ['an empty segment at the end', '/files/a//'],
    ['a dot segment', '/files/./a'],
    ['two dots', '/files/../files/a'],
    ['two dots at the end', '/files/..'],
    ['encoded dots', '/files/%2e%2e'],
    ['a half encoded dot segment', '/files/.%2E'],
    ['one encoded dot', '/files/%2e'],
    ['a backslash', '/files\\a'],
    ['an encoded backslash', '/files/a%5cb'],
    ['NUL', '/files/a\0'],
    ['encoded NUL', '/files/a%00'],
    ['an encoded control', '/files/a%0d%0aX'],
    ['an encoded C1 control', '/files/a%C2%85'],
    ['DEL', '/files/a%7F'],
    ['double encoding', '/files/%252e%252e'],
    ['double encoding, itself encoded', '/files/%25%32%65'],
    ['a path parameter', '/files;a=b/c'],
    ['a path parameter in the id', '/files/a;b'],
    ['a fragment', '/files/a#b'],
    ['a stray percent sign', '/files/100%'],
    ['invalid hex', '/files/%zz'],
    ['invalid UTF-8', '/files/%ff'],
    ['overlong UTF-8', '/files/%c0%af'],
    ['an encoded surrogate', '/files/%ed%a0%80'],
    ['a raw character that is not ASCII', '/files/ä'],
    ['a blank', '/files/a b'],
    ['an encoded slash', '/files/a%2fb'],
    ['an encoded slash where no operation is', '/nothing%2Fhere'],
    ['the absolute form', 'http://api.example/files/a'],
    ['the authority form', 'api.example:443'],
    ['nothing', ''],
    ['a letter of another case', '/Files/a'],
    ['a letter that folds to one of the literal', '/file%C5%BF/a'],
    ['an encoded letter of the literal', '/f%69les/a'],
    ['a trailing slash', '/files/a/'],
  ])('%s: %s', (_name, path) => {
    const compiled = compileModel(model(files))
    const found = findOperations(compiled.paths, 'GET', path)
    expect(found).toMatchObject({ kind: 'refused', reason: 'ambiguous_path' })
  })

  test.each([
    ['/files/a%20b', 'a b'],
    ['/files/%C3%A4', 'ä'],
    ['/files/...', '...'],
    ['/files/.a', '.a'],
    ['/files/100%25', '100%'],
    ['/files/a%3Bb', 'a;b'],
    ['/files/a?b=//../#', 'a'],
    ['/files/%E2%80%A6', '…'],
  ])('and %s is not: its id is decoded once', (path, name) => {
    expect(find(files, `GET ${path}`)).toEqual([{ id: 'file', name }])
  })

  test('has one spelling', () => {
    expect(canonicalPath('/a%62/%c3%a4|?x')).toMatchObject({ path: '/ab/%C3%A4%7C', decoded: ['ab', 'ä|'] })
    expect(canonicalPath('/a/b?x')).toMatchObject({ path: '/a/b' })
  })

  test('is refused soon, however it is built', () => {
    const many = [
      operation('deep', 'GET /{a}/x/{b}/x/{c}/x/{d}', {
        parameters: Object.fromEntries([...'abcd'].map((name) => [name, { multiSegment: true }])),
      }),
    ]
    expect(find(many, `GET ${'/x'.repeat(4_000)}`)).toBe('ambiguous_path')
  })
})

describe('a router that tells case and trailing slashes apart (x-latchkey-strict-paths)', () => {
  const users = [operation('me', 'GET /users/me'), operation('user', 'GET /users/{name}')]
  const strictPaths = true
  test('has a near miss as the value of a parameter', () => {
    expect(find(users, 'GET /users/Me')).toBe('ambiguous_path')
    expect(find(users, 'GET /users/Me', { strictPaths })).toEqual([{ id: 'user', name: 'Me' }])
  })

  test('has no operation where only a slash is added', () => {
    expect(find(users, 'GET /users/me/', { strictPaths })).toBe('unknown_operation')
  })

  test('still may decode before it compares', () => {
    expect(find(users, 'GET /users/%6De', { strictPaths })).toBe('ambiguous_path')
  })
})

describe('an operation is found', () => {
  test('by a literal before a template', () => {
    const users = [operation('user', 'GET /users/{name}'), operation('me', 'GET /users/me')]
    expect(find(users, 'GET /users/me')).toEqual([{ id: 'me' }])
  })

  test('with each other one that matches, where templates overlap', () => {
    const overlapping = [operation('one', 'GET /{a}/x'), operation('two', 'GET /y/{b}')]
    expect(find(overlapping, 'GET /y/x')).toEqual([
      { id: 'two', b: 'x' },
      { id: 'one', a: 'y' },
    ])
    expect(find(overlapping, 'GET /y/z')).toEqual([{ id: 'two', b: 'z' }])
  })

  test('with another template that differs only in the names of its parameters', () => {
    const twins = [operation('one', 'GET /x/{a}'), operation('two', 'GET /x/{b}')]
    expect(find(twins, 'GET /x/1')).toEqual([
      { id: 'one', a: '1' },
      { id: 'two', b: '1' },
    ])
  })

  test('by a template whose segment mixes literals and parameters', () => {
    const compare = [operation('compare', 'GET /compare/{base}...{head}'), operation('v', 'GET /v{n}/x')]
    expect(find(compare, 'GET /compare/main...a%20b')).toEqual([{ id: 'compare', base: 'main', head: 'a b' }])
    expect(find(compare, 'GET /compare/main..x')).toBe('unknown_operation')
    expect(find(compare, 'GET /compare/...x')).toBe('unknown_operation')
    expect(find(compare, 'GET /compare/a...b...c')).toBe('ambiguous_path')
    expect(find(compare, 'GET /V1/x')).toBe('ambiguous_path')
  })

  test('by a parameter that takes several segments, the last one or one in between', () => {
    const parameters = { ref: { multiSegment: true } } as const
    const commits = [
      operation('contents', 'GET /contents/{ref}', { parameters }),
      operation('status', 'GET /commits/{ref}/status', { parameters }),
    ]
    expect(find(commits, 'GET /contents/a/b/c')).toEqual([{ id: 'contents', ref: 'a/b/c' }])
    expect(find(commits, 'GET /commits/heads/main/status')).toEqual([{ id: 'status', ref: 'heads/main' }])
    expect(find(commits, 'GET /contents/a/%2e%2e/c')).toBe('ambiguous_path')
    expect(find(commits, 'GET /contents/a%2Fb')).toBe('ambiguous_path')
    expect(find(commits, 'GET /commits/status')).toBe('unknown_operation')
  })

  test('with an encoded slash only in a parameter that may hold one', () => {
    const parameters = { key: { encodedSlash: true } } as const
    const objects = [operation('object', 'GET /o/{key}/{part}', { parameters })]
    expect(find(objects, 'GET /o/a%2Fb/c')).toEqual([{ id: 'object', key: 'a/b', part: 'c' }])
    for (const path of ['/o/a/b%2Fc', '/o/a%2F..%2Fb/c', '/o/%2Fa/c', '/o/a%2F%2Fb/c'])
      expect(find(objects, `GET ${path}`)).toBe('ambiguous_path')
  })

  test('below each base path of servers, and nowhere else', () => {
    const operations = [operation('list', 'GET /things')]
    const more = { basePaths: ['/v1', '/api/v1'] }
    expect(find(operations, 'GET /v1/things', more)).toEqual([{ id: 'list' }])
    expect(find(operations, 'GET /api/v1/things', more)).toEqual([{ id: 'list' }])
    expect(find(operations, 'GET /things', more)).toBe('unknown_operation')
    expect(find(operations, 'GET /V1/things', more)).toBe('ambiguous_path')
  })

  test('by its own HEAD, else by GET; never by GET for another method', () => {
    const operations = [operation('get', 'GET /a'), operation('head', 'HEAD /b'), operation('getB', 'GET /b')]
    expect(find(operations, 'HEAD /a')).toEqual([{ id: 'get' }])
    expect(find(operations, 'HEAD /b')).toEqual([{ id: 'head' }])
    expect(find(operations, 'get /a')).toBe('method_not_allowed')
    expect(find(operations, 'OPTIONS /a')).toBe('method_not_allowed')
  })

  test.each([
    [{ type: 'integer' }, '7', '007'],
    [{ type: 'integer' }, '-7', '+7'],
    [{ type: 'integer' }, '0', '7.0'],
    [{ type: 'number' }, '1.5', '1,5'],
    [{ type: 'boolean' }, 'true', 'TRUE'],
    [{ enum: ['a', 'b'] }, 'b', 'c'],
    [{ minLength: 2, maxLength: 3 }, 'abc', 'a'],
    [{ maxLength: 2 }, '%F0%9F%98%80%F0%9F%98%80', 'abc'],
    [{ type: 'integer', minimum: 1, maximum: 9 }, '9', '10'],
    [{ format: 'uuid' }, '01234567-89ab-cdef-0123-456789ABCDEF', '01234567'],
  ] as const)('by an id that fits %o', (rule, good, bad) => {
    const operations = [operation('one', 'GET /x/{id}', { parameters: { id: rule } })]
    expect(find(operations, `GET /x/${good}`)).toHaveLength(1)
    expect(find(operations, `GET /x/${bad}`)).toBe('unknown_operation')
  })
})

describe('a document that cannot be told apart is refused', () => {
  test.each([
    ['x'],
    ['/a//b'],
    ['/a/{x}/{x}'],
    ['/a/{x}{y}'],
    ['/a/{}'],
    ['/a/{x'],
    ['/a/{__proto__}'],
    ['/a/%zz'],
  ])('%s', (path) => {
    const operations = [{ ...operation('a', 'GET /'), path }]
    expect(() => compileModel(model(operations))).toThrow(
      expect.objectContaining({ code: 'document_refused' }),
    )
  })
})
