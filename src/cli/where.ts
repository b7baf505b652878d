// SPDX-License-Identifier: GPL-2.0-or-later
/** Where a worker thread is that does not answer: its innermost line of the user's code. */
import { Session } from 'node:inspector';
import { SourceMap } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Where {
  /** `path:line` */
  readonly where: string;
  /** The function, if it has a name. */
  readonly name: string;
}

interface CallFrame {
  readonly functionName: string;
  readonly location: {
    readonly scriptId: string;
    readonly lineNumber: number;
    readonly columnNumber?: number;
  };
}
interface FromWorker {
  readonly method?: string;
  readonly params?: {
    readonly callFrames?: readonly CallFrame[];
    readonly scriptId?: string;
    readonly url?: string;
  };
}

/** A busy thread is stopped within this time. */
const TIMEOUT_MS = 2_000;

/**
 * Stops the worker that runs the code at `url`, reads its call stack, and lets it go on.
 * @param map the code's source map, as JSON
 * @returns null when it is not in that code
 */
export async function whereIs(url: string, map: string): Promise<Where | null> {
  const session = new Session();
  session.connect();
  let script: string | undefined;
  try {
    const frames = await new Promise<readonly CallFrame[]>((done) => {
      const timer = setTimeout(() => done([]), TIMEOUT_MS);
      let ids = 0;
      const send = (sessionId: string, method: string) =>
        session.post('NodeWorker.sendMessageToWorker', {
          sessionId,
          message: JSON.stringify({ id: ++ids, method }),
        });
      session.on('NodeWorker.attachedToWorker', ({ params: { sessionId } }) => {
        send(sessionId, 'Debugger.enable');
        send(sessionId, 'Debugger.pause');
      });
      session.on('NodeWorker.receivedMessageFromWorker', ({ params: { message, sessionId } }) => {
        const { method, params } = JSON.parse(message) as FromWorker;
        // Call frames say nothing of files in a worker, so the script is known by its number.
        if (method === 'Debugger.scriptParsed' && params?.url === url) script = params.scriptId;
        if (method !== 'Debugger.paused') return;
        send(sessionId, 'Debugger.resume');
        clearTimeout(timer);
        done(params?.callFrames ?? []);
      });
      session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
    });
    const frame = frames.find((f) => f.location.scriptId === script);
    if (!frame) return null;
    const { lineNumber, columnNumber = 0 } = frame.location;
    const entry = new SourceMap(JSON.parse(map)).findEntry(lineNumber, columnNumber);
    const name = frame.functionName;
    if (!('originalSource' in entry)) return { where: `line ${lineNumber + 1}`, name };
    const source = resolve(dirname(fileURLToPath(url)), entry.originalSource);
    return { where: `${source}:${entry.originalLine + 1}`, name };
  } finally {
    session.disconnect();
  }
}
