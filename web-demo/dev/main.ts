// How does the page look with laps that nobody drives? For work on the page only; no build contains it.
//
//   /dev/?speed=8&rate=60&sessions=2&without=position,lapFraction&state=refused

import { init } from 'purple-sector-codec';

import { syntheticFeed } from './source';

await init(); // the history is in the codec's memory; a real feed loads the module itself

const page = new DOMParser().parseFromString(await (await fetch('/index.html')).text(), 'text/html');
page.querySelectorAll('script').forEach((script) => script.remove());
document.body.replaceChildren(...page.body.children);
document.head.append(...page.head.querySelectorAll('meta[name], link'));
await import('../src/styles');
const { App } = await import('../src/app');
new App(syntheticFeed(new URLSearchParams(location.search))).run();
