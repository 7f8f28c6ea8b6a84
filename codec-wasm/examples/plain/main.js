// The last 30 s of speed and pedals. Without a bundler: the package and uPlot are ES modules.

import { connect } from './node_modules/purple-sector-codec/dist/index.js';
import uPlot from './node_modules/uplot/dist/uPlot.esm.js';

const bridge = new URLSearchParams(location.search).get('bridge') ?? 'ws://127.0.0.1:8080/v1/stream?userId=alice';
// A bridge that wants tokens: connect(bridge, { token: () => fetchMyToken() }).
const feed = connect(bridge);
const history = feed.history({ channels: ['speedMps', 'throttle', 'brake'], rows: 60 * 60 });

const plot = new uPlot(
  {
    width: 800,
    height: 300,
    scales: { share: { range: [-0.05, 1.05] } },
    axes: [{}, { label: 'm/s' }, { scale: 'share', side: 1, grid: { show: false } }],
    series: [
      {},
      { label: 'speed', stroke: 'black' },
      { label: 'throttle', stroke: 'green', scale: 'share' },
      { label: 'brake', stroke: 'red', scale: 'share' },
    ],
  },
  history.data(),
  document.querySelector('#plot'),
);

const status = document.querySelector('#status');
const speed = document.querySelector('#speed');
feed.on('state', ({ state, reason }) => (status.textContent = reason ?? state));

let drawn = 0;
function draw() {
  if (history.end !== drawn) {
    drawn = history.end;
    plot.setData(history.data(30));
    speed.textContent = feed.latest()?.speedMps?.toFixed(1) ?? '–';
  }
  requestAnimationFrame(draw);
}
draw();
