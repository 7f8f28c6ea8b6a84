// Which colours do the pictures use? Those of tokens.css, read once.

/** The colours of tokens.css by name. */
export type Token =
  | 'bg' | 'surface' | 'raised' | 'hairline' | 'line-strong' | 'text' | 'muted' | 'purple' | 'green' | 'yellow' | 'red' | 'blue'
  | 'trace-speed' | 'trace-throttle' | 'trace-brake' | 'trace-steer' | 'trace-gear' | 'trace-rpm' | 'reference';

const known = new Map<Token, string>();

/** The CSS value of a colour. */
export function color(token: Token): string {
  let value = known.get(token);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(`--${token}`).trim();
    known.set(token, value);
  }
  return value;
}

/** The font of canvas labels at `px` pixels. */
export const font = (px: number): string => `500 ${px}px 'Inter Variable', 'Segoe UI', system-ui, sans-serif`;
