import type { SearchAttributeType } from '@temporalio/common';

/** By these operators find teams in Temporal UI: name to type, as `defineSearchAttributeKey` takes them. */
export const searchAttributes = {
  TagihTier: 'KEYWORD',
  TagihStatus: 'KEYWORD',
  TagihAttention: 'KEYWORD',
  TagihCustomer: 'KEYWORD',
  TagihStrike: 'INT',
  TagihNextActionAt: 'DATETIME',
} as const satisfies Record<string, SearchAttributeType>;
