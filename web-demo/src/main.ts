// What starts the page? Its address, a connection, and the loop.

import './styles';
import { App } from './app';
import { openFeed } from './connection';
import { readLink } from './link';

new App(openFeed(readLink(location, history, sessionStorage))).run();
