import { spawn } from 'node:child_process'

const openers: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  // No shell in between, which would take the address apart.
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}

/** Opens an address in the person's browser, if there is one: who has none opens it where they have. */
export function openBrowser(url: string, platform: NodeJS.Platform): void {
  const [command, ...first] = openers[platform] ?? ['xdg-open']
  const child = spawn(command, [...first, url], { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}
