// What starts the page? Its address, the viewer's consent where a link leads elsewhere, a connection, and the loop.

import './styles';
import { App } from './app';
import { openFeed } from './connection';
import { agree, forget, readLink } from './link';
import { agreesTo } from './ui/ask';
import { Notice } from './ui/notice';

// A link that is opened in this tab once more changes the fragment only; its token must not stay there.
addEventListener('hashchange', () => location.reload());

const link = readLink(location, history, sessionStorage);
if (link.ask === null) new App(openFeed(link)).run();
else if (await agreesTo(link.ask)) {
  agree(sessionStorage);
  new App(openFeed(link)).run();
} else {
  forget(sessionStorage);
  new Notice().showDeclined(link.ask);
}
