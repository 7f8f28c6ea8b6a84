import { decode } from './decode.js';
import { Decoder, init } from './node_modules/purple-sector-codec/dist/index.js';

onmessage = async ({ data }) => {
  try {
    postMessage(await decode({ init, Decoder }, data));
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
