// What does a key do? Pause and back to live by a single character, which can be turned off (WCAG 2.1.4), and the crosshair.

/** How far an arrow key moves the crosshair, as a share of the plot; with Shift in larger steps. */
const STEP = 0.005;
const LARGE_STEP = 0.05;

/** What a key does. */
export type KeyAction = { type: 'pause' } | { type: 'live' } | { type: 'move'; by: number } | { type: 'leave' };

/** What of a key press matters. */
export type KeyPress = Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey' | 'repeat'>;

/**
 * What a key press asks for; null for nothing. `inControl`: a button or field has the focus and uses some keys itself.
 * Without `characters`, keys that write a character do nothing: speech input and tremor press them by accident.
 */
export function actionOf(press: KeyPress, inControl: boolean, characters: boolean): KeyAction | null {
  if (press.ctrlKey || press.metaKey || press.altKey) return null;
  switch (press.key) {
    case ' ':
      return characters && !inControl && !press.repeat ? { type: 'pause' } : null;
    case 'l':
    case 'L':
      return characters ? { type: 'live' } : null;
    case 'ArrowLeft':
    case 'ArrowRight': {
      const step = press.shiftKey ? LARGE_STEP : STEP;
      return inControl ? null : { type: 'move', by: press.key === 'ArrowLeft' ? -step : step };
    }
    case 'Escape':
      return { type: 'leave' };
    default:
      return null;
  }
}
