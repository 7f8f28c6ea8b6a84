// May the page send a token to another origin than its own? The viewer says so, by name.

import { byId, Text } from './dom';

/** Asks before anything is sent to `host`; true if the viewer agrees. Escape counts as no. */
export function agreesTo(host: string): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('ask');
  Text.of('ask-title').set(`Connect to ${host}?`);
  Text.of('ask-yes').set(`Connect to ${host}`);
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener('close', () => answer(dialog.returnValue === 'yes'), { once: true });
  });
}
