// How is a number written? Lap times, ages and plain values; an en dash for what is absent.

/** Stands for every absent value. */
export const DASH = '–';
const MINUS = '\u2212';

/** A value with `digits` decimals. */
export function number(value: number | undefined, digits = 0): string {
  if (value === undefined || !Number.isFinite(value)) return DASH;
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/** A difference with its sign: `+0.12`, `−0.05`. */
export function signed(value: number, digits = 2): string {
  if (!Number.isFinite(value)) return DASH;
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return `±${text}`;
  return (value < 0 ? MINUS : '+') + text;
}

/** `1:47.302`; below a minute `47.302`. */
export function lapTime(ms: number | null | undefined, digits = 3): string {
  if (ms === null || ms === undefined || !(ms > 0)) return DASH;
  const unit = 10 ** (3 - digits);
  const whole = Math.floor(ms / unit) * unit;
  const minutes = Math.floor(whole / 60_000);
  const seconds = ((whole % 60_000) / 1000).toFixed(digits);
  return minutes > 0 ? `${minutes}:${seconds.padStart(digits + 3, '0')}` : seconds;
}

/** `0.8 s`, `12 s`, `3 min`, `2 h`. */
export function age(ms: number): string {
  if (!Number.isFinite(ms)) return DASH;
  if (ms < 9_950) return `${(Math.max(ms, 0) / 1000).toFixed(1)} s`;
  if (ms < 119_500) return `${Math.round(ms / 1000)} s`;
  return ms < 7_170_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

/** A gear as the wheel shows it. */
export function gear(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return DASH;
  if (value < 0) return 'R';
  return value === 0 ? 'N' : String(Math.round(value));
}

/** `ferrari_296_gt3` and `spa-francorchamps` as a person would write them. */
export function readable(id: string | undefined): string {
  if (id === undefined || id.trim() === '') return DASH;
  if (/[\sA-Z]/.test(id)) return id;
  return id
    .split(/[_-]+/)
    .map((word) => (/\d/.test(word) || !/[aeiouy]/.test(word) ? word.toUpperCase() : word[0]?.toUpperCase() + word.slice(1)))
    .join(' ');
}
