// What does a bridge say? A small one in this process: real sockets, messages as docs/bridge-protocol.md has them.

import { once } from 'node:events';
import { createServer } from 'node:http';

import { WebSocketServer } from 'ws';

const varint = (value) => {
  const bytes = [];
  let rest = BigInt(value);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
};
const text = (value) => [...varint(Buffer.byteLength(value)), ...Buffer.from(value)];

/** What a bridge can do, as bits in its hello. */
export const CURSOR = 1;
export const LAST_SECONDS = 2;
export const hello = (capabilities = CURSOR | LAST_SECONDS, topicId = new Array(16).fill(7)) =>
  Buffer.from([1, 1, ...text('alice'), ...varint(Date.now() * 1000), ...varint(20_000), ...varint(256), ...topicId, ...varint(capabilities)]);
export const data = (record, { partition = 3, offset, snapshot = false, brokerTimeMs = Date.now() }) =>
  Buffer.from([2, ...varint(partition), ...varint(offset), ...varint(brokerTimeMs), snapshot ? 1 : 0, ...record]);
export const gap = (partition, reason, n) => Buffer.from([3, ...varint(partition), 0, 0, reason, ...varint(n)]);
export const expiring = (inS) => Buffer.from([6, ...varint(inS)]);
export const bye = (code, reason) => Buffer.from([7, ...varint(code), ...text(reason)]);
const time = (body) => Buffer.from([5, ...body, ...varint(Date.now() * 1000), ...varint(Date.now() * 1000)]);

/** The kinds of the messages that viewers send. */
export const SUBSCRIBE = 65;
export const REFRESH = 66;
const TIME = 67;

/**
 * Starts a bridge. `onViewer(socket, request)` is called for each viewer; time messages are answered here, the others
 * are collected in `messages`. `refuse(request)` may give `{ status, code }` to refuse an upgrade.
 */
export async function startBridge({ onViewer = () => {}, refuse = () => null, capabilities } = {}) {
  const bridge = { requests: [], messages: [] };
  const refusal = (request) => refuse(request) ?? { status: 426, code: 'upgrade_required' };
  const body = ({ code }) => JSON.stringify({ error: { code, message: `refused: ${code}` } });
  const server = createServer((request, response) => {
    const { status, code } = refusal(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(body({ code }));
  });
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => offered.has('purple-sector.v1') && 'purple-sector.v1' });
  server.on('upgrade', (request, socket, head) => {
    bridge.requests.push(request);
    const refused = refuse(request);
    if (refused !== null) {
      const content = body(refused);
      socket.end(`HTTP/1.1 ${refused.status} No\r\ncontent-length: ${content.length}\r\nconnection: close\r\n\r\n${content}`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (viewer) => {
      viewer.on('message', (message) => {
        if (message[0] === TIME) viewer.send(time(message.subarray(1)));
        else bridge.messages.push(message);
      });
      viewer.send(hello(capabilities));
      onViewer(viewer, request);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  bridge.url = `ws://127.0.0.1:${server.address().port}/v1/stream`;
  bridge.stop = async () => {
    for (const viewer of sockets.clients) viewer.terminate();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return bridge;
}
