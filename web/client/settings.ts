// SPDX-License-Identifier: GPL-2.0-or-later
/** What a reader has chosen for this browser: light or dark. */

export type Theme = 'light' | 'dark';

const KEY = 'pfnmap-theme';

/** Null: as the system has it. Storage may be forbidden, as it is for file:// pages in some browsers. */
export function chosenTheme(): Theme | null {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === 'light' || theme === 'dark' ? theme : null;
  } catch {
    return null;
  }
}

export function applyTheme(theme: Theme | null): void {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  try {
    if (theme) localStorage.setItem(KEY, theme);
  } catch {
    // It holds until the page is closed.
  }
}

export const isDark = (): boolean =>
  (document.documentElement.dataset.theme ??
    (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
