// What do all tests need first? The codec's module, in whose memory the history is.

import { init } from 'purple-sector-codec';

await init();
