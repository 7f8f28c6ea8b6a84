// What does a page do? Decodes in the page and in a worker, and shows both results for the test to read.

import { decode } from './decode.js';

/** Shows the results in `document.title`, or the error. */
export async function show(api, makeWorker) {
  try {
    const bytes = await (await fetch('/recording.bin')).arrayBuffer();
    const page = await decode(api, bytes);
    const worker = await new Promise((resolve, reject) => {
      const thread = makeWorker();
      thread.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
      thread.onerror = (event) => reject(new Error(event.message ?? 'the worker did not start'));
      thread.postMessage(bytes);
    });
    document.title = JSON.stringify({ page, worker });
  } catch (error) {
    document.title = JSON.stringify({ error: String(error) });
  }
}
