// What Node's HTTP server can do here at most: it answers 200 to everything, and looks at nothing.
import { createServer } from 'node:http'

const server = createServer((_request, response) => {
  response.writeHead(200, ['cache-control', 'no-store', 'content-length', '0']).end()
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(JSON.stringify({ port: typeof address === 'object' ? address?.port : undefined }))
})
