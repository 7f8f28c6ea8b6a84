import { Decoder, init } from 'purple-sector-codec';

import { decode } from './decode.js';

onmessage = async ({ data }) => {
  try {
    postMessage(await decode({ init, Decoder }, data));
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
