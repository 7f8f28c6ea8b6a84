import { readFileSync } from 'node:fs';

import { Decoder, init } from 'purple-sector-codec';

import { decode } from './decode.js';

console.log(JSON.stringify(await decode({ init, Decoder }, readFileSync('recording.bin'))));
