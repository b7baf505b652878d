// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Runs code that is not ours: a frame without an origin (sandbox.html) makes one worker of the
 * program's text. Neither can reach the network, storage or this page. The frame is removed when
 * the worker says nothing for long, which ends whatever it does.
 */
import type { Reply } from '../engine/protocol.ts';
import { Channel, type Port, programText } from './engine.ts';

/** Silence after which it is ended: less than it takes to eat all the memory of the page's process. */
const PATIENCE_MS = 1_500;
const LOOK_MS = 250;

type Said = { readonly ready: true } | { readonly reply: Reply } | { readonly error: string };

function connect(hear: (reply: Reply) => void, fail: (why: string) => void): Port {
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', 'allow-scripts');
  frame.src = 'sandbox.html';
  frame.hidden = true;
  frame.title = 'sandbox';
  const waiting: unknown[] = [];
  let ready = false;
  const post = (message: unknown) => frame.contentWindow?.postMessage(message, '*');
  const listen = ({ source, data }: MessageEvent<Said>) => {
    if (source !== frame.contentWindow || !data) return;
    if ('ready' in data && !ready) {
      ready = true;
      post({ program: programText() });
      for (const message of waiting) post({ message });
    } else if ('reply' in data) hear(data.reply);
    else if ('error' in data) fail(data.error);
  };
  addEventListener('message', listen);
  document.body.append(frame);
  return {
    postMessage: (message) => {
      if (ready) post({ message });
      else waiting.push(message);
    },
    end: () => {
      removeEventListener('message', listen);
      frame.remove();
    },
  };
}

/** A sandbox that is watched; to be ended with `fail` when it is not needed any more. */
export function sandbox(): Channel {
  const channel = new Channel(connect);
  // Counted by looks, from the first answer on: how long a worker takes to start, and a machine that
  // stands still, are not the code's fault.
  let heard = 0;
  let looks = 0;
  const watch = setInterval(() => {
    if (!channel.busy || !channel.heard || channel.heard !== heard) looks = 0;
    heard = channel.heard;
    if (ended) clearInterval(watch);
    else if (++looks > PATIENCE_MS / LOOK_MS) {
      channel.fail(
        `the code has taken no step for ${PATIENCE_MS / 1000} seconds and was stopped. A loop that ` +
          'waits has to yield a step each time round; code outside of routines has to come to an end',
      );
    }
  }, LOOK_MS);
  let ended = false;
  const { fail } = channel;
  channel.fail = (why) => {
    fail.call(channel, why);
    ended = ended || why === ENDED;
  };
  return channel;
}

/** Said to whoever still waits when a sandbox is not needed any more. */
export const ENDED = 'the sandbox was closed';
