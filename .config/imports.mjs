// Checks the import rules. dependency-cruiser passes when it sees nothing (as under a TypeScript that it does not
// know), so seeing nothing is a failure here.
import { cruise, format } from 'dependency-cruiser'
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config'
import config from './dependency-cruiser.mjs'

const { output: found } = await cruise(
  ['src', 'adapters'],
  { ...config.options, ruleSet: { forbidden: config.forbidden }, validate: true },
  undefined,
  { tsConfig: extractTSConfig('tsconfig.json') },
)
const { output: report } = await format(found, { outputType: 'err' })
console.log(report)
if (found.summary.totalCruised === 0)
  console.error('dependency-cruiser saw no modules: the import rules were not checked')
process.exitCode = found.summary.error > 0 || found.summary.totalCruised === 0 ? 1 : 0
