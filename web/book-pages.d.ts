// SPDX-License-Identifier: GPL-2.0-or-later
/** Made by the build of the Markdown in web/book; see scripts/book.mjs. */
declare module 'book:pages' {
  const pages: Readonly<Record<string, import('./client/lazy.ts').BookPage>>;
  export default pages;
}
