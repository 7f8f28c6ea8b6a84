import { Decoder, init } from 'purple-sector-codec';

import { show } from './page.js';

show({ init, Decoder }, () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }));
