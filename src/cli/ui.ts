// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap ui`: serves the page's files on loopback and opens a browser. Nothing else is served. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import type { Context } from './commands.ts';
import { EXIT, type ExitCode, Failure, note, out } from './io.ts';

export interface UiOptions {
  /** 0: the system chooses. */
  readonly port: number;
  readonly open: boolean;
}

const HOST = '127.0.0.1';
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
};

interface Served {
  readonly type: string;
  readonly plain: Buffer;
  /** Compressed; made when it is first asked for. */
  small?: Buffer;
}

// Quality 9 takes a tenth of the time of the best, for a twelfth more bytes.
const compressed = (plain: Buffer): Buffer =>
  brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });

/** All files of the page by their path; anything else does not exist. */
function filesOf(self: string): Map<string, Served> {
  const dir = fileURLToPath(new URL('./web/', self));
  const files = new Map<string, Served>();
  for (const name of readdirSync(dir)) {
    const plain = readFileSync(`${dir}/${name}`);
    const type = TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
    files.set(`/${name}`, { type, plain });
  }
  const index = files.get('/index.html');
  if (index) files.set('/', index);
  return files;
}

function answer(files: Map<string, Served>, request: IncomingMessage, response: ServerResponse) {
  const end = (code: number, text: string) => {
    response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
  };
  // A foreign page may name this server by another name that leads here; it gets nothing.
  const host = request.headers.host?.replace(/:\d+$/, '');
  if (host !== HOST && host !== 'localhost')
    return end(403, 'this server is asked by its own name');
  if (request.method !== 'GET' && request.method !== 'HEAD') return end(405, 'only GET and HEAD');
  const path = (request.url ?? '/').split(/[?#]/, 1)[0];
  const file = files.get(path);
  if (!file) return end(404, 'no such file');
  const brotli = /\bbr\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const body = brotli ? (file.small ??= compressed(file.plain)) : file.plain;
  response.writeHead(200, {
    'content-type': file.type,
    'content-length': body.length,
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    vary: 'accept-encoding',
    ...(brotli ? { 'content-encoding': 'br' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** The program that opens an address in the user's browser; the address is an argument, no shell. */
function openBrowser(url: string): void {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open', url]
      : process.platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler', url]
        : ['xdg-open', url];
  const child = spawn(command, args, { stdio: 'ignore', detached: true });
  child.on('error', () => note(`pfnmap: no browser could be started; open ${url} yourself`));
  child.unref();
}

export async function ui(options: UiOptions, { self, signal }: Context): Promise<ExitCode> {
  const files = filesOf(self);
  const server = createServer((request, response) => answer(files, request, response));
  await new Promise<void>((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      fail(
        error.code === 'EADDRINUSE'
          ? new Failure(`port ${options.port} is in use; without --port a free one is chosen`)
          : error.code === 'EACCES'
            ? new Failure(`port ${options.port} may not be opened: choose one above 1023`)
            : error,
      ),
    );
    server.listen(options.port, HOST, done);
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://${HOST}:${port}/`;
  out(url);
  note('pfnmap: serving the page on this machine only; Ctrl-C ends it');
  if (options.open) openBrowser(url);
  await new Promise<void>((done) => {
    if (signal.aborted) done();
    signal.addEventListener('abort', () => done(), { once: true });
  });
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  return EXIT.ok;
}
