// How would one write the bridge with kafkajs and ws? A viewer's token names its user; every record of the user's topic
// goes to the user's viewers as one binary message: the broker's time stamp (Unix ms, a double, little-endian), then the
// record as it is. README.md says which settings are chosen and why.

import { createServer } from "node:http";
import jwt from "jsonwebtoken";
import { Kafka, logLevel } from "kafkajs";
import { WebSocketServer } from "ws";

import { ConsumerPerUser, SharedConsumer } from "./consumers.mjs";

const PING_EVERY_MS = 20_000;
/** A viewer that reads so slowly loses records; it must not cost memory. */
const MAX_UNSENT_BYTES = 1024 * 1024;
const SUBPROTOCOL = "purple-sector.v1";
const TOKEN_PREFIX = "bearer.";
const TOKEN = { algorithms: ["HS256"], issuer: "purple-sector", audience: "purple-sector-bridge" };
const BINARY = { binary: true, compress: false, fin: true };

const settings = {
  brokers: (process.env.KAFKA_BROKERS ?? "localhost:9092").split(","),
  port: Number(process.env.WS_PORT ?? 8080),
  secret: process.env.JWT_SECRET,
  layout: process.env.LAYOUT ?? "per-user",
  fetch: {
    minBytes: Number(process.env.FETCH_MIN_BYTES ?? 1),
    maxWaitTimeInMs: Number(process.env.FETCH_MAX_WAIT_MS ?? 5000),
  },
};
if (!settings.secret) throw new Error("JWT_SECRET is not set");

const kafka = new Kafka({
  clientId: "node-bridge",
  brokers: settings.brokers,
  logLevel: logLevel.ERROR,
  // Otherwise each connection looks at its requests ten times a second.
  enforceRequestTimeout: false,
});
const Consumers = { shared: SharedConsumer, "per-user": ConsumerPerUser }[settings.layout];
if (!Consumers) throw new Error(`LAYOUT is shared or per-user, not ${settings.layout}`);
const consumers = new Consumers(kafka, settings.fetch, forward);

/** Viewers by topic. */
const viewersOf = new Map();

function forward(topic, messages) {
  const viewers = viewersOf.get(topic);
  if (!viewers) return;
  for (const { timestamp, value } of messages) {
    if (value === null) continue;
    const bytes = Buffer.allocUnsafe(8 + value.length);
    bytes.writeDoubleLE(Number(timestamp), 0);
    value.copy(bytes, 8);
    for (const viewer of viewers) {
      if (viewer.bufferedAmount < MAX_UNSENT_BYTES) viewer.send(bytes, BINARY);
    }
  }
}

/** The user whom the token names, or null. */
function userOf(request) {
  const protocols = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  const token = protocols.find((name) => name.startsWith(TOKEN_PREFIX))?.slice(TOKEN_PREFIX.length);
  try {
    const user = jwt.verify(token ?? "", settings.secret, TOKEN).sub;
    return /^[A-Za-z0-9_-]{1,64}$/.test(user) ? user : null;
  } catch {
    return null;
  }
}

async function serve(viewer, user) {
  const topic = `telemetry-user-${user}`;
  viewer.isAlive = true;
  viewer.on("pong", () => (viewer.isAlive = true));
  viewer.on("error", () => viewer.terminate());
  viewer.on("close", () => {
    const viewers = viewersOf.get(topic);
    viewers.delete(viewer);
    if (viewers.size > 0) return;
    viewersOf.delete(topic);
    consumers.remove(topic).catch(failed);
  });
  const viewers = viewersOf.get(topic) ?? new Set();
  viewersOf.set(topic, viewers.add(viewer));
  await consumers.add(topic, user);
  // The only text message: from now on nothing is missed.
  viewer.send('{"state":"reading"}');
}

function failed(error) {
  console.error(error);
  process.exit(1);
}

const server = createServer((_, response) => response.writeHead(404).end());
// The documents' advice for performance: no compression, and nothing kept that is not needed.
const sockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  clientTracking: true,
  maxPayload: 16 * 1024,
  handleProtocols: () => SUBPROTOCOL,
});
server.on("upgrade", (request, socket, head) => {
  const user = userOf(request);
  if (user === null) {
    socket.end("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n");
    return;
  }
  sockets.handleUpgrade(request, socket, head, (viewer) => serve(viewer, user).catch(failed));
});
setInterval(() => {
  for (const viewer of sockets.clients) {
    if (!viewer.isAlive) {
      viewer.terminate();
      continue;
    }
    viewer.isAlive = false;
    viewer.ping();
  }
}, PING_EVERY_MS);

await consumers.start();
server.listen(settings.port, "127.0.0.1", () => console.log(`ready on ws://127.0.0.1:${server.address().port}`));
process.on("SIGTERM", () => consumers.stop().finally(() => process.exit(0)));
