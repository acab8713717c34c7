import type { Instant } from '../src/domain/instant.js';

const MINUTE_MS = 60_000;

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `25 Nov 17:00 WIB` in the time zone `zone`, with its year where that is not the one of `now`. */
export function localTime(instant: Instant, zone: string, now: Instant): string {
  const indonesian = formatIn('id-ID', zone);
  const { day, month, year, hour, minute, timeZoneName } = partsOf(indonesian, instant);
  const date = [day, MONTHS[Number(month) - 1]];
  if (year !== partsOf(indonesian, now).year) date.push(year);
  // Each language names the zones of its own countries, and gives the offset of the rest.
  const name = isName(timeZoneName)
    ? timeZoneName
    : partsOf(formatIn('en-GB', zone), instant).timeZoneName;
  return `${date.join(' ')} ${hour}:${minute} ${isName(name) ? name : zone}`;
}

const isName = (name = '') => !/^GMT./.test(name);

/** Kept, for a format takes longer to make than all else that a turn shows. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatIn(locale: string, timeZone: string): Intl.DateTimeFormat {
  const name = `${locale} ${timeZone}`;
  const format = formats.get(name) ?? newFormat(locale, timeZone);
  formats.set(name, format);
  return format;
}

function newFormat(locale: string, timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locale, {
    timeZone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  });
}

type Parts = Partial<Record<Intl.DateTimeFormatPartTypes, string>>;

function partsOf(format: Intl.DateTimeFormat, instant: Instant): Parts {
  const parts = format.formatToParts(new Date(instant));
  return Object.fromEntries(parts.map(({ type, value }) => [type, value]));
}

/** `2 d 3 h`, `3 h 20 min`, `5 min`: what is left of a wait. */
export function span(milliseconds: number): string {
  const minutes = Math.ceil(milliseconds / MINUTE_MS);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  const parts: [number, string][] =
    days > 0
      ? [
          [days, 'd'],
          [hours % 24, 'h'],
        ]
      : [
          [hours, 'h'],
          [minutes % 60, 'min'],
        ];
  const shown = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`);
  return shown.join(' ') || '0 min';
}
