// Which session is shown? A menu of all there are, live ones first with a dot.

import { readable } from '../model/format';
import type { Session } from '../model/session';
import type { Telemetry } from '../model/telemetry';
import { add, byId, Text } from './dom';

/** The menu of sessions. */
export class Sessions {
  readonly #telemetry: Telemetry;
  readonly #chosen: () => void;
  readonly #button = byId<HTMLButtonElement>('sessions-button');
  readonly #menu = byId('sessions-menu');
  readonly #list = byId('sessions-list');
  readonly #count = Text.of('sessions-count');
  #shown = '';

  constructor(telemetry: Telemetry, chosen: () => void) {
    this.#telemetry = telemetry;
    this.#chosen = chosen;
  }

  refresh(current: Session | null): void {
    const sessions = this.#telemetry.list();
    const n = sessions.filter((session) => this.#telemetry.isLive(session)).length;
    this.#count.set(sessions.length === 0 ? 'No session' : n === 0 ? 'None live' : n === 1 ? '1 session live' : `${n} sessions live`);
    this.#button.disabled = sessions.length === 0;
    const now = sessions.map((s) => [s.name, this.#telemetry.isLive(s), s === current, s.facts.car, s.facts.track].join('\n')).sort().join('\n\n');
    if (now === this.#shown) return;
    this.#shown = now;
    const focused = document.activeElement instanceof HTMLInputElement ? document.activeElement.value : null;
    this.#list.replaceChildren(...sessions.map((session) => this.#makeEntry(session, session === current)));
    if (focused !== null) this.#list.querySelector<HTMLInputElement>(`input[value="${CSS.escape(focused)}"]`)?.focus();
  }

  #makeEntry(session: Session, checked: boolean): HTMLElement {
    const live = this.#telemetry.isLive(session);
    const label = document.createElement('label');
    label.className = 'menu-entry';
    const radio = add(label, 'input', '');
    radio.type = 'radio';
    radio.name = 'session';
    radio.value = session.name;
    radio.checked = checked;
    radio.addEventListener('change', () => {
      this.#telemetry.choose(session.name);
      this.#chosen();
    });
    // A click made by an arrow key has no detail: the menu stays open for the next one.
    radio.addEventListener('click', (event) => {
      if (event.detail > 0) this.#menu.hidePopover();
    });
    const words = add(label, 'span', 'menu-words');
    add(words, 'span', '', `${readable(session.facts.track)} · ${readable(session.facts.car)}`);
    add(words, 'span', 'muted', session.name);
    const state = add(label, 'span', live ? 'menu-state menu-live' : 'menu-state muted', live ? 'live' : session.ended ? 'ended' : 'silent');
    state.dataset['live'] = String(live);
    return label;
  }
}
