import { formatSeconds } from '../model/duration.ts';
import { type Markup, markup } from './markup.ts';

/** A sign, a word and a colour that say the same. */
export function formatState(kind: 'good' | 'bad' | 'warn', word: string): Markup {
  const sign = { good: '✔', bad: '✘', warn: '▲' }[kind];
  return markup`<span class="state ${kind}">${sign} ${word}</span>`;
}

export function formatCount(value: number): string {
  return value.toLocaleString('en');
}

export function formatAmount(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** An objective as people state it: `4 h`, `5 min`. */
export function formatSpan(seconds: number): string {
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600} h`;
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60} min`;
  return formatSeconds(seconds);
}

/** Lags are told more finely than the lengths of runs. */
export function formatLag(seconds: number): string {
  return seconds < 10 ? `${seconds.toFixed(2)} s` : formatSeconds(seconds);
}

export function formatMinute(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

/** `03:15:58.123457` of an instant. */
export function formatMoment(instant: string): string {
  return instant.slice(11, 26);
}
