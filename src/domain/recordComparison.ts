import { agree, type CountedEvents, type Evidence, type StoredRecord } from './explanation.js';
import { type Catalogue, catalogues } from './plans.js';
import { type BillingInputs, type ComputedRecord, computeRecord } from './record.js';

/** A figure that a record holds, and that is another one where it is looked up or computed anew. */
export interface Disagreement {
  what: string;
  recorded: string;
  found: string;
}

type Figure = string | number | null | undefined;

const differ = (what: string, recorded: Figure, found: Figure): Disagreement[] =>
  recorded === found ? [] : [{ what, recorded: shown(recorded), found: shown(found) }];

const shown = (figure: Figure) => String(figure ?? 'none');

/**
 * Computes a record again, from its stored inputs and, where there is evidence, from the events themselves,
 * and names all in which it differs (R33). `digestOf` is what stands for a record and its inputs.
 */
export function compareRecord(
  record: StoredRecord,
  inputs: BillingInputs,
  evidence: Evidence | undefined,
  digestOf: (record: ComputedRecord) => string,
  versions: ReadonlyMap<string, Catalogue> = catalogues,
): Disagreement[] {
  const named = [record.planVersion, ...inputs.earlier.map(({ planVersion }) => planVersion)];
  const unknown = named.filter((version) => version !== null && !versions.has(version));
  const catalogue = versions.get(record.planVersion);
  if (catalogue === undefined || unknown.length > 0) {
    const known = [...versions.keys()].join(', ');
    return unknown.flatMap((version) => differ('plan version, of those known', version, known));
  }
  const computed = computeRecord(inputs, catalogue, versions);
  const withInputs = [
    ...compareFigures(record, computed),
    ...compareLines(record, computed),
    ...differ('digest, computed anew', record.digest, digestOf(computed)),
  ];
  if (evidence === undefined) return withInputs;
  const counted = computeRecord(withCounted(inputs, evidence), catalogue, versions);
  return [
    ...compareInputs(inputs, evidence),
    ...withInputs,
    ...differ('amount due, from the events', record.amountDue, counted.amountDue),
  ];
}

/** The same inputs, with the usage of each month as its events tell it where they are retained. */
function withCounted(inputs: BillingInputs, { months }: Evidence): BillingInputs {
  const used = new Map(months.map(({ period, counted }) => [period, counted && total(counted)]));
  const counted = <M extends { period: string; usedTokens: number }>(month: M): M => ({
    ...month,
    usedTokens: used.get(month.period) ?? month.usedTokens,
  });
  return { ...inputs, month: counted(inputs.month), earlier: inputs.earlier.map(counted) };
}

const total = ({ metered, corrections }: CountedEvents) => metered.tokens + corrections.tokens;

function compareInputs(
  { month, earlier, carried }: BillingInputs,
  evidence: Evidence,
): Disagreement[] {
  const of = new Map(evidence.months.map((known) => [known.period, known]));
  const usage = [month, ...earlier].flatMap(({ period, usedTokens, plansHeld }) => {
    const known = of.get(period);
    if (known === undefined) return [];
    const { counted, held, notedSince } = known;
    const plans = held.map(({ plan }) => plan);
    return [
      ...(counted === null
        ? []
        : differ(`used tokens of ${period}, in its events`, usedTokens, total(counted))),
      // What was heard since is for a later record to bill (R12).
      ...(notedSince || agree(plansHeld, held)
        ? []
        : differ(`plans held in ${period}, in their history`, listed(plansHeld), listed(plans))),
    ];
  });
  const billed = earlier.flatMap(({ period, billedTokens, billedAmount }) => [
    ...differ(
      `billed before of ${period}, in earlier records`,
      billedAmount,
      of.get(period)?.billedAmount,
    ),
    ...differ(
      `tokens billed before of ${period}, in earlier records`,
      billedTokens,
      of.get(period)?.billedTokens,
    ),
  ]);
  const amounts = new Map(evidence.carried.map(({ period, amount }) => [period, amount]));
  return [
    ...usage,
    ...billed,
    ...carried.flatMap(({ period, amount }) =>
      differ(`carried forward from ${period}, in its record`, amount, amounts.get(period)),
    ),
    ...evidence.left.flatMap(({ period, tokens }) =>
      differ(`late tokens of ${period}, in its events`, 0, tokens),
    ),
  ];
}

const listed = (plans: readonly string[]) => plans.join(' and ') || 'none';

const figures = [
  'plan',
  'usedTokens',
  'tokenLimit',
  'overageTokens',
  'ratePer1000',
  'overageCost',
  'amountDue',
] as const;

const compareFigures = (record: StoredRecord, computed: ComputedRecord): Disagreement[] =>
  figures.flatMap((name) => differ(`${name}, from its inputs`, record[name], computed[name]));

function compareLines(record: StoredRecord, computed: ComputedRecord): Disagreement[] {
  const byName = ({ lines }: Pick<ComputedRecord, 'lines'>) =>
    new Map(lines.map((line) => [`${line.kind} line of ${line.period}`, line]));
  const [recorded, found] = [byName(record), byName(computed)];
  return [...new Set([...recorded.keys(), ...found.keys()])].flatMap((name) => [
    ...differ(`${name}, from its inputs`, recorded.get(name)?.amount, found.get(name)?.amount),
    ...differ(
      `tokens of the ${name}, from its inputs`,
      recorded.get(name)?.tokens,
      found.get(name)?.tokens,
    ),
  ]);
}
