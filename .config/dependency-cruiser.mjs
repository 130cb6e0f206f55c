// The import rules of the architecture page. Domains from the bottom up: a domain may import those on earlier rows,
// never its own row's neighbours or a later row. Run on `src adapters`; fail the check when it reports 0 modules.
const rows = [
  ['organizations'],
  ['services'],
  ['roles', 'tags'],
  ['users', 'client-keys', 'registered-apps'],
  ['connections', 'consents'],
  ['decisions'],
  ['oauth'],
]
// `json-text` is one: what arrives over HTTP and what a domain reads as a document are looked through alike.
const leaves = '^src/(errors|clock|ids|json-text)\\.ts$'
const pages = '^src/[^/]+/(api|console)(\\.ts$|/)'
const wiring = '^src/compose(/|\\.ts$)'
const edge = `^src/(http|cli)/|${pages}|${wiring}|^src/main\\.ts$`
const places = `^src/(${rows.flat().join('|')}|storage|audit|mail|revocations|secrets|evaluator|http|sdk|cli)/|${leaves}|${wiring}|^src/(config|first-start|main)\\.ts$`

const forbid = (name, from, to) => ({ name, severity: 'error', from, to })
const only = (pkg, allowed) =>
  forbid(`${pkg}-only-where-it-belongs`, { pathNot: allowed }, { path: `node_modules/(@types/)?${pkg}/` })

const upward = rows.flatMap((row, i) =>
  row.map((domain) => {
    const sameOrLater = rows
      .slice(i)
      .flat()
      .filter((other) => other !== domain)
    const barred = [...sameOrLater, 'cli', ...(i < 5 ? ['sdk'] : [])]
    return forbid(
      `${domain}-imports-only-earlier-rows`,
      { path: `^src/${domain}/` },
      { path: `^src/(${barred.join('|')})/` },
    )
  }),
)

export default {
  forbidden: [
    forbid('no-cycles', {}, { circular: true }),
    forbid('every-file-has-a-place', {}, { path: '^src/', pathNot: places }),
    forbid('leaves-import-nothing', { path: leaves }, { pathNot: leaves }),
    forbid(
      'evaluator-is-pure',
      { path: '^src/evaluator/' },
      { pathNot: '^src/(evaluator/|(errors|ids|json-text)\\.ts$)' },
    ),
    forbid(
      'storage-knows-nobody',
      { path: '^src/storage/' },
      { path: '^src/', pathNot: `^src/storage/|${leaves}` },
    ),
    forbid(
      'foundations-know-storage',
      { path: '^src/(audit|mail|revocations|secrets)/', pathNot: pages },
      { path: '^src/', pathNot: `^src/(audit|mail|revocations|secrets|storage)/|${leaves}` },
    ),
    forbid(
      'http-knows-no-domain',
      { path: '^src/http/' },
      { path: '^src/', pathNot: `^src/(http|storage|sdk|evaluator)/|${leaves}` },
    ),
    forbid('rules-never-import-the-edge', { path: '^src/', pathNot: `${edge}|^src/oauth/` }, { path: edge }),
    forbid(
      'oauth-uses-http-alone-of-the-edge',
      { path: '^src/oauth/' },
      { path: edge, pathNot: '^src/(http|oauth)/' },
    ),
    forbid(
      'only-compose-mounts-pages',
      { path: '^src/([^/]+)/', pathNot: wiring },
      { path: pages, pathNot: '^src/$1/' },
    ),
    forbid(
      'only-main-and-compose-see-config',
      { path: '^src/', pathNot: `${wiring}|^src/(main|config)\\.ts$` },
      { path: '^src/config\\.ts$' },
    ),
    forbid('only-compose-picks-adapters', { path: '^src/', pathNot: wiring }, { path: '^adapters/' }),
    forbid(
      'adapters-see-ports-only',
      { path: '^adapters/' },
      { path: '^src/', pathNot: `^src/storage/|${leaves}` },
    ),
    forbid(
      'adapters-are-strangers',
      { path: '^adapters/([^/]+)/' },
      { path: '^adapters/', pathNot: '^adapters/$1/' },
    ),
    forbid(
      'sdk-stands-alone',
      { path: '^src/sdk/' },
      { path: '^src/', pathNot: `^src/(sdk|evaluator)/|${leaves}` },
    ),
    forbid(
      'sdk-needs-only-jose',
      { path: '^src/sdk/' },
      { path: 'node_modules/', pathNot: 'node_modules/jose/' },
    ),
    forbid(
      'cli-is-a-client',
      { path: '^src/cli/' },
      { path: '^src/', pathNot: `^src/(cli|sdk|evaluator)/|${leaves}` },
    ),
    ...upward,
    only('oidc-provider', '^src/oauth/'),
    only('mongodb', '^adapters/mongodb/'),
    only('nodemailer', '^src/mail/'),
    only('@zxcvbn-ts', '^src/users/'),
    forbid('sqlite-only-in-its-adapter', { pathNot: '^adapters/sqlite/' }, { path: '^(node:)?sqlite$' }),
    only('(koa|@koa/router)', `${edge}|^src/oauth/`),
    only('(ejs|koa-helmet|zod-openapi)', '^src/http/'),
    only('(openid-client|@node-saml/node-saml)', '^src/connections/'),
    forbid('no-orphans', { orphan: true, pathNot: '\\.d\\.ts$|^src/(main|cli/|sdk/)' }, {}),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
}
