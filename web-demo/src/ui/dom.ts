// How does text get onto the page? Only when it changed, and never as markup.

import { DASH } from '../model/format';

/** The element of the page with this id, which must be there. */
export function byId<E extends Element = HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`index.html has no element "${id}"`);
  return element as unknown as E;
}

/** A piece of text on the page that is written only when it changes. */
export class Text {
  readonly #element: Element;
  #shown: string;

  constructor(element: Element) {
    this.#element = element;
    this.#shown = element.textContent ?? '';
    element.classList.toggle('absent', this.#shown === DASH);
  }

  static of(id: string): Text {
    return new Text(byId(id));
  }

  set(text: string): void {
    if (text === this.#shown) return;
    this.#shown = text;
    this.#element.textContent = text;
    this.#element.classList.toggle('absent', text === DASH);
  }
}

/** A `data-` attribute that is written only when it changes. */
export function setData(element: HTMLElement, name: string, value: string): void {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

/** An element with a class and text, inside `parent`. */
export function add<Tag extends keyof HTMLElementTagNameMap>(parent: Element, tag: Tag, className: string, text = ''): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  element.textContent = text;
  parent.append(element);
  return element;
}
