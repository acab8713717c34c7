/** Arrows go one way: app, outbox, workflows, activities → services → statement → db, stripe, email → domain. */
const root = (...folders) => folders.map((folder) => `^${folder}/`);
const only = (name, from, to, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from },
  to: { path: '^(src|workflows|activities|test|bench|setup|examples|year)/', pathNot: to },
});

module.exports = {
  forbidden: [
    only('domain-is-pure', '^src/domain/', ['^src/domain/']),
    {
      name: 'domain-knows-no-system',
      severity: 'error',
      comment: 'The calendar is all that the domain takes from outside.',
      from: { path: '^src/domain/' },
      to: { dependencyTypes: ['npm', 'core'], pathNot: 'node_modules/temporal-polyfill/' },
    },
    only('db', '^src/db/', root('src/db', 'src/domain')),
    only('stripe', '^src/stripe/', [...root('src/stripe', 'src/domain', 'src/db'), '^src/config']),
    only('email', '^src/email/', root('src/email', 'src/domain', 'src/db')),
    only('statement', '^src/statement/', [
      ...root('src/statement', 'src/domain', 'src/db'),
      '^src/email/format',
    ]),
    only('services', '^src/services/', [
      ...root('src/services', 'src/statement', 'src/db', 'src/stripe', 'src/email', 'src/domain'),
      '^workflows/(messages|starts)',
    ]),
    only('outbox', '^src/outbox/', [
      ...root('src/outbox', 'src/services', 'src/db', 'src/domain'),
      '^workflows/(messages|starts)',
    ]),
    only('app', '^src/app/', [
      ...root('src/app', 'src/services', 'src/db', 'src/stripe', 'src/domain'),
      '^src/metrics',
    ]),
    only('activities', '^activities/', [
      ...root('activities', 'src/services', 'src/db', 'src/stripe', 'src/email', 'src/domain'),
    ]),
    // Of activities the types alone: code of theirs would need modules that the workflow bundler refuses.
    only('workflows', '^workflows/', ['^workflows/', '^src/domain/', '^activities/index']),
    {
      name: 'workflows-are-deterministic',
      severity: 'error',
      comment: 'No Node, no client, no SQL: only the SDK of workflows.',
      from: { path: '^workflows/' },
      to: {
        dependencyTypes: ['npm', 'core'],
        pathNot: 'node_modules/@temporalio/(workflow|common)/',
      },
    },
    {
      name: 'client-imports-nothing',
      severity: 'error',
      comment: 'It runs where there is nothing but fetch.',
      from: { path: '^src/client/', pathNot: '^src/client/shapes' },
      to: { pathNot: '^src/client/' },
    },
    // Types alone: the build writes them out, and finds no value there (setup/client.mjs).
    only('client-shapes', '^src/client/shapes', ['^src/app/(schemas|api/v1/)']),
    only('examples', '^examples/', root('examples', 'src/client')),
    only('sandbox', '^src/sandbox/', ['^src/sandbox/'], 'It stands in for the outside world.'),
    {
      name: 'product',
      severity: 'error',
      comment: 'What ships stands without what tests and measures it.',
      from: { path: '^(src|workflows|activities)/' },
      to: { path: '^(test|bench|year)/' },
    },
    {
      name: 'model-imports-nothing',
      severity: 'error',
      comment:
        'What a year should leave behind, or a month cost, it knows from the rules, and of nothing that was built.',
      from: { path: '^(year|test)/model/' },
      to: { pathNot: '^$1/model/' },
    },
    only(
      'baseline',
      '^bench/(usage|close)/naive/',
      root('bench/(usage|close)/naive', 'src/domain'),
      'It borrows nothing of what is measured against it but the prices.',
    ),
    only('bench', '^bench/', [
      ...root('bench', 'src/db', 'src/dev', 'src/domain'),
      '^setup/temporalCli',
    ]),
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    // TypeScript 7 has no API that the cruiser could use: without swc it sees no module, and passes.
    parser: 'swc',
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    // Its parser does not know JSX either. Files with it are leaves: Biome lets them import nothing of ours.
    doNotFollow: { path: ['node_modules', '[.]tsx$'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
