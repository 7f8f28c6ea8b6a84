import { readFileSync } from 'node:fs';

import { Decoder, init } from 'purple-sector-codec';

import { decode } from './decode.js';

const { buffer, byteOffset, byteLength } = readFileSync('recording.bin');
console.log(JSON.stringify(await decode({ init, Decoder }, buffer.slice(byteOffset, byteOffset + byteLength))));
