// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Where in the page one is: all of it stands behind the `#` of the address, so that the same files
 * work from any server and from none.
 *
 *     #/                                   the matrix
 *     #/show/ttm/gup?linux=6.1&x.zap=never a cell with a trait changed
 *     #/rules/R8, #/systems/S4, #/tour     the book
 */
import { useLayoutEffect, useState } from 'preact/hooks';

export interface Route {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

export function parseHash(hash: string): Route {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const parts = path.split('/').filter(Boolean);
  return { path: parts.map(decoded), query: new URLSearchParams(query) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a view; parameters that are empty are left out. */
export function href(
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const kept = Object.entries(query).filter((e): e is [string, string] => !!e[1]);
  // Readable in a mail: what a query may contain as it is stays as it is.
  const text = kept.map(
    ([k, v]) => `${k}=${encodeURIComponent(v).replace(/%(2C|3A|2F|40)/g, unescaped)}`,
  );
  return `#/${path}${text.length ? `?${text.join('&')}` : ''}`;
}

const unescaped = (text: string) => decodeURIComponent(text);

export function go(to: string): void {
  location.hash = to;
}

/** The same view at another place: no step back to it is wanted. */
export function replaceWith(to: string): void {
  if (to === location.hash) return;
  history.replaceState(null, '', to);
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useLayoutEffect(() => {
    const changed = () => setHash(location.hash);
    // What is inside has been at work already.
    changed();
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return parseHash(hash);
}
