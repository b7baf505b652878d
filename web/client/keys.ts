// SPDX-License-Identifier: GPL-2.0-or-later
/** Keys that the page listens to everywhere, unless somebody is writing. */

/** The key belongs to a field, or to the editor, whose inside the page does not see as its own. */
export function typing(event: KeyboardEvent): boolean {
  const [target] = event.composedPath();
  return (
    target instanceof Element &&
    target.closest('input, textarea, select, dialog, [contenteditable=true]') !== null
  );
}
