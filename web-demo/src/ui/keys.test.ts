import { expect, it } from 'vitest';

import { actionOf, type KeyPress } from './keys';

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress =>
  ({ key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, repeat: false, ...more });

it.each([
  [' ', { type: 'pause' }],
  ['l', { type: 'live' }],
  ['L', { type: 'live' }],
  ['ArrowLeft', { type: 'move', by: -0.005 }],
  ['ArrowRight', { type: 'move', by: 0.005 }],
  ['Escape', { type: 'leave' }],
  ['x', null],
])('%j does that', (key, action) => {
  expect(actionOf(press(key), false, true)).toEqual(action);
});
it('moves in larger steps with Shift', () => {
  expect(actionOf(press('ArrowRight', { shiftKey: true }), false, true)).toEqual({ type: 'move', by: 0.05 });
});
it.each([' ', 'l', 'L'])('%j does nothing when single keys are off', (key) => {
  expect(actionOf(press(key), false, false)).toBeNull();
});
it.each(['ArrowLeft', 'Escape'])('%s writes no character and stays', (key) => {
  expect(actionOf(press(key), false, false)).not.toBeNull();
});
it.each([' ', 'ArrowLeft', 'ArrowRight'])('%j belongs to the control that has the focus', (key) => {
  expect(actionOf(press(key), true, true)).toBeNull();
});
it.each(['ctrlKey', 'metaKey', 'altKey'] as const)('the browser keeps its keys with %s', (modifier) => {
  for (const key of [' ', 'l', 'ArrowLeft', 'Escape']) expect(actionOf(press(key, { [modifier]: true }), false, true)).toBeNull();
});
it('a key that is held pauses once', () => {
  expect(actionOf(press(' ', { repeat: true }), false, true)).toBeNull();
});
