import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { Live } from './Live.jsx';

const bridge = new URLSearchParams(location.search).get('bridge') ?? 'ws://127.0.0.1:8080/v1/stream?userId=alice';

createRoot(document.querySelector('#root')).render(
  <StrictMode>
    <Live bridge={bridge} />
  </StrictMode>,
);
