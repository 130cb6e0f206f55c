import { describe, expect, test } from 'vitest'
import { printable, tableLines } from '../../src/cli/table.ts'

const columns = [{ title: 'id', whole: true }, { title: 'name' }]

describe('a table', () => {
  test('has its titles first and its columns straight', () => {
    expect(
      tableLines(
        columns,
        [
          ['a', 'Acme'],
          ['bbb', 'Beta'],
        ],
        undefined,
      ),
    ).toEqual(['ID   NAME', 'a    Acme', 'bbb  Beta'])
  })

  test('cuts the widest column to fit, and never one that must stay whole', () => {
    const lines = tableLines(columns, [['org_01jz8x6v0kq3m5n7p9r1s3t5v7', 'x'.repeat(80)]], 50)
    expect(lines[1]).toBe(`org_01jz8x6v0kq3m5n7p9r1s3t5v7  ${'x'.repeat(17)}…`)
    expect(lines[1]?.length).toBe(50)
  })

  test('prints whole what no cutting makes fit', () => {
    const lines = tableLines(columns, [['org_01jz8x6v0kq3m5n7p9r1s3t5v7', 'Acme']], 10)
    expect(lines[1]).toBe('org_01jz8x6v0kq3m5n7p9r1s3t5v7  Acme')
  })

  test('counts a wide character as two cells', () => {
    const [, first, second] = tableLines(
      [{ title: 'a' }, { title: 'b' }],
      [
        ['診療所', '1'],
        ['abcdef', '2'],
      ],
      undefined,
    )
    expect(first).toBe('診療所  1')
    expect(second).toBe('abcdef  2')
  })
})

describe('text of others', () => {
  test.each([
    ['an escape sequence', 'A\u001b[2Jcme', 'Acme'],
    ['a line break', 'A\ncme', 'A cme'],
    ['a character that turns the line around', 'A\u202ecme', 'A cme'],
  ])('cannot rewrite the terminal with %s', (_, given, shown) => {
    expect(printable(given)).toBe(shown)
  })
})
