// SPDX-License-Identifier: GPL-2.0-or-later
/** One program in two places: the page, and the workers that it starts. */
import { render } from 'preact';
import { serve } from './engine/serve.ts';
import { App } from './views/app.tsx';

if (typeof document === 'undefined') serve();
else {
  // A task of its own: the script has only just been compiled and run.
  setTimeout(() => {
    const root = document.getElementById('app');
    if (!root) return;
    root.replaceChildren();
    render(<App />, root);
  });
}
