import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');
const tokens = new Map([...css.matchAll(/--([\w-]+): (#[0-9A-F]{6});/g)].map(([, name, value]) => [name as string, value as string]));

function luminance(token: string): number {
  const hex = tokens.get(token);
  if (hex === undefined) throw new Error(`tokens.css has no color "${token}"`);
  const [r, g, b] = [1, 3, 5].map((at) => {
    const share = parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const grounds = ['bg', 'surface', 'raised'];
const texts = ['text', 'muted', 'purple-text', 'green', 'yellow', 'red', 'blue-text', 'temp-cold', 'temp-cool', 'temp-good', 'temp-warm', 'temp-hot'];
const lines = ['control', 'reference', 'purple', 'blue', 'trace-speed', 'trace-throttle', 'trace-brake', 'trace-steer', 'trace-gear', 'trace-rpm'];

it.each(texts.flatMap((text) => grounds.map((ground) => [text, ground] as const)))('text %s reads on %s', (text, ground) => {
  expect(contrast(text, ground)).toBeGreaterThanOrEqual(4.5);
});
it.each(lines.map((line) => [line, 'surface'] as const))('line %s shows on %s', (line, ground) => {
  expect(contrast(line, ground)).toBeGreaterThanOrEqual(3);
});
it.each(['yellow', 'blue-text', 'text', 'green', 'red'])('dark text reads on a lit lamp in %s', (lamp) => {
  expect(contrast('bg', lamp)).toBeGreaterThanOrEqual(4.5);
});
