/** Request targets that two parsers could read differently, as they are sent: each character is one byte. */
export interface HostileUrl {
  readonly what: string
  readonly target: string
  /** The one path that it is decided as; else why it is refused. */
  readonly answer: `/${string}` | 'ambiguous_path' | 'unknown_operation'
}

/** The API that they are aimed at: anybody's files, and what is for administrators alone. */
export const hostileDocument = JSON.stringify({
  openapi: '3.1.0',
  info: { title: 'Files', version: '1.0.0' },
  servers: [{ url: 'https://files.example' }],
  security: [{ files: ['files:read'] }],
  paths: {
    '/open': { get: { operationId: 'getOpen', security: [] } },
    '/admin': { get: { operationId: 'getAdmin', security: [{ files: ['files:admin'] }] } },
    '/admin/{name}': {
      get: {
        operationId: 'getAdminFile',
        security: [{ files: ['files:admin'] }],
        parameters: [named('name')],
      },
    },
    '/files': { get: { operationId: 'listFiles' } },
    '/files/{name}': { get: { operationId: 'getFile', parameters: [named('name')] } },
    '/files/{name}/log': {
      get: {
        ...{ operationId: 'getFileLog', security: [{ files: ['files:admin'] }], parameters: [named('name')] },
      },
    },
    '/keys/{key}': {
      get: { operationId: 'getKey', parameters: [{ ...named('key'), 'x-latchkey-encoded-slash': true }] },
    },
    '/trees/{rest}': {
      get: { operationId: 'getTree', parameters: [{ ...named('rest'), 'x-latchkey-multi-segment': true }] },
    },
  },
  components: {
    securitySchemes: {
      files: {
        type: 'oauth2',
        flows: {
          clientCredentials: {
            tokenUrl: 'https://auth.example/token',
            scopes: { 'files:read': 'Read files', 'files:admin': 'Read what administrators read' },
          },
        },
      },
    },
  },
})

function named(name: string) {
  return { name, in: 'path', required: true, schema: { type: 'string', minLength: 1 } }
}

const ambiguous = (what: string, ...targets: readonly string[]): readonly HostileUrl[] =>
  targets.map((target) => ({ what, target, answer: 'ambiguous_path' }))
const read = (what: string, target: string, answer: HostileUrl['answer']): HostileUrl => ({
  what,
  target,
  answer,
})

export const hostileUrls: readonly HostileUrl[] = [
  read('nothing odd', '/files/report', '/files/report'),
  read('nothing odd, public', '/open', '/open'),
  read('a query with a path in it', '/files/report?next=/admin/../x//y;z', '/files/report'),
  read('a query with encoded octets', '/files/report?a=%2e%2e%2f%00%25', '/files/report'),
  read('two question marks', '/files/report??a=b?c', '/files/report'),
  read('an empty query', '/files/report?', '/files/report'),
  read('needless encoding of letters', '/files/%72eport', '/files/report'),
  read('lower-case encoding', '/files/%c3%bc', '/files/%C3%BC'),
  read(
    'characters that some encode',
    "/files/a!b'c(d)e*f$g&h+i,j=k:l@m~n",
    "/files/a!b'c(d)e*f$g&h+i,j=k:l@m~n",
  ),
  read('the same, encoded', '/files/a%21b%27c%28d%29e%2Af', "/files/a!b'c(d)e*f"),
  read('an encoded blank', '/files/a%20b', '/files/a%20b'),
  read('a plus, which is no blank', '/files/a+b', '/files/a+b'),
  read('an encoded semicolon', '/files/a%3Bv', '/files/a%3Bv'),
  read('an encoded question mark', '/files/a%3Fadmin', '/files/a%3Fadmin'),
  read('an encoded number sign', '/files/a%23b', '/files/a%23b'),
  read(
    'quotes and brackets, encoded',
    '/files/%22%3C%3E%5B%5D%7B%7D%7C%5E%60',
    '/files/%22%3C%3E%5B%5D%7B%7D%7C%5E%60',
  ),
  read('dots that are no dot segment', '/files/..a', '/files/..a'),
  read('three dots', '/files/...', '/files/...'),
  read('dots at the end of a name', '/files/a..', '/files/a..'),
  read('characters beyond the Basic Multilingual Plane', '/files/%F0%9F%97%9D', '/files/%F0%9F%97%9D'),
  read('raw characters that some encode anew', '/files/a"<>^`{|}', '/files/a%22%3C%3E%5E%60%7B%7C%7D'),
  read('an encoded slash beside them', '/keys/"%2Flog', '/keys/%22%2Flog'),
  read('an encoded semicolon beside them', '/files/"%3Blog', '/files/%22%3Blog'),
  read('a slash that looks like one but is not (U+2215)', '/files/a%E2%88%95log', '/files/a%E2%88%95log'),
  read('a full stop that is none (U+FF0E)', '/files/%EF%BC%8E%EF%BC%8E', '/files/%EF%BC%8E%EF%BC%8E'),
  read('letters joined in another way (NFD)', '/files/u%CC%88', '/files/u%CC%88'),
  read('an encoded slash where the document takes it', '/keys/a%2Fb', '/keys/a%2Fb'),
  read('the rest of a path where the document takes it', '/trees/a/b/c', '/trees/a/b/c'),
  read('something absolute where the rest is taken', '/trees/http:', '/trees/http:'),
  read('something that is nowhere', '/nothing/here', 'unknown_operation'),
  ...ambiguous(
    'an encoded slash',
    '/files/a%2Flog',
    '/files/a%2flog',
    '/files%2Freport',
    '/admin%2Fa',
    '/%2Fadmin',
  ),
  ...ambiguous(
    'a backslash',
    '/files/a\\log',
    '/files\\..\\admin',
    '/\\admin',
    '/files/a%5Clog',
    '/files/a%5clog',
  ),
  ...ambiguous('a dot segment', '/files/../admin', '/files/./report', '/./admin', '/../admin', '/files/..'),
  ...ambiguous('a dot segment at the end', '/files/report/.', '/files/report/..', '/files/.'),
  ...ambiguous(
    'an encoded dot segment',
    '/files/%2e%2e/admin',
    '/files/%2E./admin',
    '/files/.%2e/admin',
    '/files/%2e',
  ),
  ...ambiguous('dots and an encoded slash', '/files/..%2fadmin', '/files/%2e%2e%2fadmin', '/keys/..%2Fadmin'),
  ...ambiguous('an empty segment', '//admin', '/files//report', '/files/report//', '//files/report', '///'),
  ...ambiguous('an encoded slash that leaves a part empty', '/keys/a%2F%2Fb', '/keys/%2Fa', '/keys/a%2F'),
  ...ambiguous('NUL', '/files/a%00', '/files/a%00/log', '/admin%00', '/files/%00admin'),
  ...ambiguous('a control character', '/files/a%0d%0ab', '/files/a%09b', '/files/a%7Fb', '/files/a%C2%85b'),
  ...ambiguous('a raw control character', '/files/a\x01b', '/files/a\tb', '/files/a\x7fb', '/files/a\x00b'),
  ...ambiguous(
    'double encoding',
    '/files/%252e%252e%252fadmin',
    '/files/a%252Flog',
    '/files/%2561',
    '/%2561dmin',
  ),
  ...ambiguous('a path parameter', '/files/a;v=1', '/admin;x', '/files;/../admin', '/files/..;/admin'),
  ...ambiguous('encoding that is none', '/files/%', '/files/%4', '/files/%zz', '/files/%u002e', '/files/a%2'),
  ...ambiguous(
    'overlong UTF-8',
    '/files/%C0%AE%C0%AE/admin',
    '/files/%c0%afadmin',
    '/files/%E0%80%AF',
    '/files/%F0%80%80%AF',
  ),
  ...ambiguous(
    'UTF-8 that is none',
    '/files/%FF',
    '/files/%C3',
    '/files/%ED%A0%80',
    '/files/%F5%80%80%80',
    '/files/%BC%C3',
  ),
  ...ambiguous('raw UTF-8', '/files/\xc3\xbc', '/\xc3\xa4dmin', '/files/\xc0\xae\xc0\xae'),
  ...ambiguous(
    'a fragment',
    '/files/report#',
    '/files/report#/../admin',
    '/admin#',
    '/files/a#b?c',
    '/#/admin',
  ),
  ...ambiguous(
    'a target that is no path',
    'http://files.example/files/report',
    'https://files.example/admin',
  ),
  ...ambiguous(
    'a target that is no path at all',
    '*',
    'files/report',
    'admin',
    '?/files/report',
    '@files.example/admin',
  ),
  ...ambiguous(
    'another spelling of a literal',
    '/ADMIN',
    '/Files/report',
    '/%61dmin',
    '/fil%65s/report',
    '/files/a/LOG',
  ),
  ...ambiguous('a slash at the end', '/files/', '/admin/', '/files/report/', '/open/'),
]
