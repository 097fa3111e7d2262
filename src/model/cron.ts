/** A five-field cron expression in UTC: minute, hour, day of month, month, day of week (0 or 7 is Sunday). */
export interface Cron {
  /** Whether it fires in the minute that holds `at`. */
  fires(at: Date): boolean;
  /** The newest minute not after `at` in which it fires; undefined when there is none in the four years before (30 February). */
  latest(at: Date): Date | undefined;
}

const fields = [
  { name: 'minute', from: 0, to: 59 },
  { name: 'hour', from: 0, to: 23 },
  { name: 'day of month', from: 1, to: 31 },
  { name: 'month', from: 1, to: 12 },
  { name: 'day of week', from: 0, to: 7 },
] as const;

const minute = 60_000;
const day = 86_400_000;

/** Numbers, `*`, lists, ranges and steps, as Kubernetes takes them; no names. Throws a TypeError naming the field that is wrong. */
export function parseCron(text: string): Cron {
  const words = text.trim().split(/\s+/);
  if (words.length !== fields.length)
    throw new TypeError(`"${text}" has ${words.length} fields; a schedule has five, such as 0 2 * * *`);
  const [minutes, hours, days, months, weekdays] = fields.map((field, index) =>
    valuesOf(words[index] ?? '', field),
  ) as [ReadonlySet<number>, ReadonlySet<number>, ReadonlySet<number>, ReadonlySet<number>, ReadonlySet<number>];
  const sunday = weekdays.has(0) || weekdays.has(7);
  // With both days given cron fires on either; with one of them `*`, on the other alone.
  const either = !words[2]?.startsWith('*') && !words[4]?.startsWith('*');
  const onDay = (at: Date) => {
    if (!months.has(at.getUTCMonth() + 1)) return false;
    const inMonth = days.has(at.getUTCDate());
    const inWeek = at.getUTCDay() === 0 ? sunday : weekdays.has(at.getUTCDay());
    return either ? inMonth || inWeek : inMonth && inWeek;
  };
  const fires = (at: Date) => onDay(at) && hours.has(at.getUTCHours()) && minutes.has(at.getUTCMinutes());
  return {
    fires,
    latest(at) {
      let time = Math.floor(at.getTime() / minute) * minute;
      const oldest = time - 4 * 366 * day;
      while (time >= oldest) {
        const candidate = new Date(time);
        if (!onDay(candidate)) time = Math.floor(time / day) * day - minute;
        else if (fires(candidate)) return candidate;
        else time -= minute;
      }
      return undefined;
    },
  };
}

function valuesOf(word: string, field: (typeof fields)[number]): ReadonlySet<number> {
  const values = new Set<number>();
  for (const part of word.split(',')) {
    const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part);
    if (match === null) throw wrong(word, field);
    const step = match[3] === undefined ? 1 : Number(match[3]);
    const first = match[1] === undefined ? field.from : Number(match[1]);
    const open = match[1] === undefined || (match[2] === undefined && match[3] !== undefined);
    const last = match[2] !== undefined ? Number(match[2]) : open ? field.to : first;
    if (step < 1 || first < field.from || last > field.to || first > last) throw wrong(word, field);
    for (let value = first; value <= last; value += step) values.add(value);
  }
  return values;
}

function wrong(word: string, field: (typeof fields)[number]): TypeError {
  return new TypeError(
    `"${word}" is not a valid ${field.name} of a schedule; use ${field.from} to ${field.to}, *, lists, ranges and steps`,
  );
}
