import { describe, expect, test } from 'vitest';
import { inputError, isHint } from '../../workflows/messages.js';

/** No jsonb column takes these, or nobody means them. */
const malformed = ['', '\0', 'a\0', '\ud800', 'a\udc00b', 'x'.repeat(1_001), 1, {}];

const hint = {
  kind: 'hint' as const,
  id: 'evt_1',
  type: 'invoice.paid',
  object: 'in_1',
  at: '2026-11-01T00:00:00.000Z',
};

const isHintWith = (more: object) => isHint({ ...hint, ...more });

describe('R21: a fact that could not be written with its team is none', () => {
  test('ids of any script, an instant, and an object or none', () => {
    expect([isHint(hint), isHintWith({ object: null }), isHintWith({ id: 'é😀' })]).toEqual([
      true,
      true,
      true,
    ]);
  });

  test.each(['id', 'type', 'object'])('%s', (field) => {
    expect(malformed.filter((value) => isHintWith({ [field]: value }))).toEqual([]);
    expect(isHintWith({ [field]: undefined })).toBe(false);
  });

  test('its place in the order of receipt is a whole number, where it has one', () => {
    expect([isHintWith({ n: 1 }), isHintWith({ n: '1' }), isHintWith({ n: 0.5 })]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test.each([
    'yesterday',
    '1',
    '2026-11-01',
    '2026-11-01T00:00:00Z',
    '2026-13-01T00:00:00.000Z',
    '2026-11-01T00:00:00.000+07:00',
    '0000-01-01T00:00:00.000Z',
    '+275760-01-01T00:00:00.000Z',
    1_793_000_000,
    null,
    undefined,
  ])('at: %s', (at) => {
    expect(isHintWith({ at })).toBe(false);
  });
});

describe("R31: so is an operator's input", () => {
  const input = { actor: 'budi', reason: 'asked for' };

  test('who and why, with or without an invoice', () => {
    expect(inputError('waive', input, 'act_1')).toBeNull();
    expect(inputError('waive', { ...input, invoiceId: 'in_1' }, 'act_1')).toBeNull();
  });

  test.each(['actor', 'reason', 'invoiceId'])('%s', (field) => {
    for (const value of malformed) {
      expect(inputError('waive', { ...input, [field]: value }, 'act_1')).toContain(field);
    }
  });

  test.each(['invoiceID', 'invoice', 'idempotencyKey'])(
    'nothing else: an invoice under the name %s would be all of them',
    (field) => {
      expect(inputError('waive', { ...input, [field]: 'in_1' }, 'act_1')).toBe(
        `R31: ${field} is no part of an act.`,
      );
    },
  );

  test.each([undefined, null, 'budi', 1, ['budi', 'asked for']])('not %j', (value) => {
    expect(inputError('waive', value, 'act_1')).toMatch(/^R31: /);
  });

  test("the Update's id, by which a repetition is known", () => {
    expect(inputError('waive', input, 'a\0')).toContain('updateId');
  });
});
