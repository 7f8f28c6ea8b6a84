import { Decoder, init } from './node_modules/purple-sector-codec/dist/index.js';

import { decode } from './decode.js';

onmessage = async ({ data }) => {
  try {
    postMessage(await decode({ init, Decoder }, data));
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
