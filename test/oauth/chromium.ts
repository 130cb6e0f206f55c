import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const path = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (one) => one !== undefined && existsSync(one),
)

/** Why tests in a browser are left out, if so. */
export const noBrowser =
  path === undefined ? 'no Chromium: install one, or name it in the variable CHROMIUM' : undefined
if (noBrowser !== undefined) console.log(`tests in a browser are left out: ${noBrowser}`)

// The parts that are used: the packages' own types need those of the DOM, which nothing here may have.
interface Button {
  click(): Promise<void>
  waitFor(options: { timeout: number }): Promise<void>
}
export interface Tab {
  readonly keyboard: { press(key: string): Promise<void> }
  goto(url: string): Promise<unknown>
  url(): string
  content(): Promise<string>
  fill(selector: string, text: string): Promise<void>
  screenshot(options: { path: string; fullPage: boolean }): Promise<unknown>
  /** Runs an expression in the page. */
  evaluate(expression: string): Promise<unknown>
  setViewportSize(size: { width: number; height: number }): Promise<void>
  getByRole(role: 'button' | 'link', options: { name: string }): Button
  getByText(text: string): Button
  on(event: 'console', listen: (message: { text(): string }) => void): void
  close(): Promise<void>
}
interface ContextOptions {
  readonly colorScheme?: 'light' | 'dark'
  readonly javaScriptEnabled?: boolean
  readonly viewport?: { readonly width: number; readonly height: number }
}
export interface Browser {
  /** A tab of a context of its own, which ends with it. */
  newPage(options?: ContextOptions): Promise<Tab>
  close(): Promise<void>
}

export function openBrowser(): Promise<Browser> {
  const { chromium } = require('playwright-core') as {
    chromium: { launch(options: object): Promise<Browser> }
  }
  return chromium.launch({ executablePath: path, args: ['--no-sandbox'] })
}

const axe = () => readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string }[]
}

/** What axe finds fault with on the page that is open: each rule, and where it is broken. */
export async function faultsOf(tab: Tab, rules?: readonly string[]): Promise<readonly string[]> {
  await tab.evaluate(axe())
  const options = rules === undefined ? {} : { runOnly: { type: 'rule', values: rules } }
  const found = await tab.evaluate(`axe.run(${JSON.stringify(options)})`)
  const { violations, passes } = found as { violations: readonly Violation[]; passes: readonly unknown[] }
  if (passes.length === 0) throw new Error('axe has looked at nothing')
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}
