import { Decoder, init } from './node_modules/purple-sector-codec/dist/index.js';
import { show } from './page.js';

show({ init, Decoder }, () => new Worker('/worker.js', { type: 'module' }));
