/** Loaded into a server before its own code: at each SIGUSR2 its clock goes on by a minute, as its next line says. */
const { now } = Date
let aheadMs = 0
Date.now = () => now() + aheadMs

process.on('SIGUSR2', () => {
  aheadMs += 60_000
  process.stdout.write(`{"msg":"it is ${aheadMs} ms later"}\n`)
})
