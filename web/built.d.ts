// SPDX-License-Identifier: GPL-2.0-or-later
/** What the build makes for the page: the book's Markdown (scripts/book.mjs), the model's text (web.mjs). */
declare module 'book:pages' {
  const pages: Readonly<Record<string, import('./client/lazy.ts').BookPage>>;
  export default pages;
}

declare module 'model:sources' {
  /** By path from the repository. */
  const sources: Readonly<Record<string, string>>;
  export default sources;
}
