import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'

const page = new URL('../../src/oauth/README.md', import.meta.url)
const lines = (await readFile(page, 'utf8')).split('\n').filter((line) => /^\| (?!section|-)/.test(line))
const links = lines.flatMap((line) =>
  [...line.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].map(([, name = '', path = '']) => ({ name, path })),
)

/** A call with a name: of a test, a group of them, or either after the cases of `each`. */
const called = /(?:\btest|\bdescribe|\))\(\s*(['"])((?:(?!\1)[^\\\n]|\\.)+)\1/g

describe('the table of RFC 9700', () => {
  test('has a test in every line', () => {
    expect(lines.length).toBeGreaterThan(20)
    for (const line of lines) expect(line).toMatch(/\]\(\.\.\/\.\.\/test\/[\w./-]+\.test\.ts\) +\|$/)
  })

  test.each(links)('$path has “$name”', async ({ name, path }) => {
    const text = await readFile(new URL(path, page), 'utf8')
    const names = [...text.matchAll(called)].map(([, , one = '']) => one)
    expect(names.filter((one) => one === name || one.endsWith(`: ${name}`))).not.toEqual([])
  })
})
