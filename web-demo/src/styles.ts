// Which style sheets does the page have? All of them, in order.

import './fonts.css';
import './tokens.css';
import './page.css';
import './panels.css';
