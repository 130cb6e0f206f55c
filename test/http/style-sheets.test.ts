import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { koaHandler, siteMap } from '../../src/http/site-map.ts'
import { answersStyleSheets, styleSheet } from '../../src/http/style-sheets.ts'
import { textOn } from '../../src/http/text-on.ts'
import { problem, serve } from './serving.ts'

function served() {
  return serve((log) =>
    siteMap({ static: koaHandler(log, answersStyleSheets) }, koaHandler(log, answersStyleSheets)),
  )
}

describe('/static', () => {
  test.each(['reference.css', 'sign-in.css'] as const)(
    '%s is kept for ever under a hash of what it says',
    async (name) => {
      const { origin } = await served()
      const answer = await fetch(origin + styleSheet(name))
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toContain('text/css')
      expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      const stale = styleSheet(name).replace(/\.[\w-]+\.css$/, '.AAAAAAAAAAAAAAAA.css')
      expect(await problem(await fetch(origin + stale))).toMatchObject({ status: 404 })
    },
  )

  test('nothing of it is from another host', async () => {
    const { origin } = await served()
    for (const name of ['reference.css', 'sign-in.css'] as const) {
      const css = await (await fetch(origin + styleSheet(name))).text()
      expect(css.replaceAll(/url\("data:[^"]*"\)/g, '')).not.toMatch(/@import|url\(/)
    }
  })

  test('a colour has its own sheet, with the text that can be read on it', async () => {
    const { origin } = await served()
    const sheet = await (await fetch(`${origin}/static/colour/ffee00.css`)).text()
    expect(sheet).toBe(':root{--brand:#ffee00;--brand-text:#000}')
    for (const path of ['fff', 'FFEE00', 'ffee00;}', 'ffee0g', '../pico'])
      expect((await fetch(`${origin}/static/colour/${path}.css`)).status).toBe(404)
  })
})

describe('black or white text', () => {
  // WCAG 2.2, 1.4.3, computed anew from its definitions.
  const channel = (share: number) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4)
  const luminance = ([r, g, b]: readonly [number, number, number]) =>
    0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255)
  const contrast = (a: number, b: number) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
  const hex = (n: number) => n.toString(16).padStart(2, '0')
  const byte = fc.integer({ min: 0, max: 255 })

  test('has a contrast of at least 4.5:1 with any colour', () => {
    fc.assert(
      fc.property(fc.tuple(byte, byte, byte), (rgb) => {
        const text = textOn(`#${rgb.map(hex).join('')}`) === '#000' ? 0 : 1
        expect(contrast(luminance(rgb), text)).toBeGreaterThanOrEqual(4.5)
      }),
      { numRuns: 2000 },
    )
  })

  test('is white on blue and black on yellow', () => {
    expect(textOn('#0b3d91')).toBe('#fff')
    expect(textOn('#ffdd00')).toBe('#000')
  })
})
