// What does the page say when there is nothing to draw? Why, and what to do about it.

import type { Session } from '../model/session';
import type { Shown } from '../model/state';
import { byId, setData, Text } from './dom';

interface Words {
  title: string;
  text: string;
  hint: string;
  icon: string;
}

const ICONS = {
  connecting: 'M8 30a18 18 0 0 1 32 0M15 35a10 10 0 0 1 18 0M24 40v.1',
  waiting: 'M24 8a16 16 0 1 1 0 32a16 16 0 0 1 0-32M24 15v9l6 5',
  refused: 'M24 8a16 16 0 1 1 0 32a16 16 0 0 1 0-32M13 13l22 22',
  ended: 'M12 40V9h24l-5 8 5 8H12',
};

/** The box over the pictures. */
export class Notice {
  readonly #box = byId('notice');
  readonly #title = Text.of('notice-title');
  readonly #text = Text.of('notice-text');
  readonly #hint = Text.of('notice-hint');
  readonly #icon = byId<SVGPathElement>('notice-icon');
  readonly #main = byId('main');

  refresh(now: Shown, session: Session | null, user: string): void {
    this.#show(wordsFor(now, session, user));
  }

  /** The viewer did not agree to `host`: nothing was sent there, and nothing will come. */
  showDeclined(host: string): void {
    setData(byId('app'), 'state', 'ended');
    Text.of('pill-text').set('CLOSED');
    Text.of('health-state').set('closed');
    this.#show({
      title: 'Not connected',
      text: `Nothing was sent to ${host}.`,
      hint: 'Open a link to a bridge that you know.',
      icon: ICONS.refused,
    });
  }

  #show(words: Words | null): void {
    this.#box.hidden = words === null;
    setData(this.#main, 'covered', words === null ? 'no' : 'yes');
    if (words === null) return;
    this.#title.set(words.title);
    this.#text.set(words.text);
    this.#hint.set(words.hint);
    if (this.#icon.getAttribute('d') !== words.icon) this.#icon.setAttribute('d', words.icon);
  }
}

/** What to say in a state; null when the pictures speak for themselves. */
export function wordsFor(now: Shown, session: Session | null, user: string): Words | null {
  const whose = user === '' ? 'the driver' : user;
  switch (now.state) {
    case 'refused':
      return {
        title: 'This link was refused',
        text: now.detail === '' ? 'The bridge did not say why.' : sentence(now.detail),
        hint: 'Open a new link for this driver. A link works for one driver only, and until its token expires.',
        icon: ICONS.refused,
      };
    case 'connecting':
      return session !== null ? null : {
        title: 'Connecting to the bridge',
        text: 'The page keeps trying until the bridge answers.',
        hint: '',
        icon: ICONS.connecting,
      };
    case 'waiting':
      return {
        title: `Waiting for ${whose}`,
        text: 'The bridge is connected, and there is no session yet. The picture appears with the first sample.',
        hint: 'The collector must be running on the driver’s PC, and the car must be on the track.',
        icon: ICONS.waiting,
      };
    case 'ended':
      return session !== null ? null : { title: 'The session has ended', text: sentence(now.detail), hint: '', icon: ICONS.ended };
    default:
      return null;
  }
}

function sentence(text: string): string {
  if (text === '') return '';
  const first = text[0] as string;
  return first.toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}
