// What Node's HTTP server can do here at most: it answers 200 to everything, and looks at nothing.
// Listens at the Unix socket that is given, and at any port, which is written as JSON.
import { createServer, type RequestListener } from 'node:http'

const answer: RequestListener = (_request, response) => {
  response.writeHead(200, ['cache-control', 'no-store', 'content-length', '0']).end()
}
createServer(answer).listen({ path: process.argv[2] })
const server = createServer(answer)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(JSON.stringify({ port: typeof address === 'object' ? address?.port : undefined }))
})
