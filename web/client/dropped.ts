// SPDX-License-Identifier: GPL-2.0-or-later
/** Files that are dropped anywhere on the page: handed to the view that reads reports. */

let reader: ((file: File) => void) | null = null;
let waiting: File | null = null;

/** Takes files from now on, and one that was dropped before. Ends with the function that it returns. */
export function readDropped(read: (file: File) => void): () => void {
  reader = read;
  if (waiting) read(waiting);
  waiting = null;
  return () => {
    reader = null;
  };
}

/**
 * Lets files be dropped on the page, which a browser would otherwise open in its place.
 * @param show brings the view that reads them, if it is not there
 */
export function acceptDrops(show: () => void): () => void {
  // Text that is dragged, and what an editor takes for itself, is none of it.
  const mine = (event: DragEvent) =>
    !event.defaultPrevented && !!event.dataTransfer?.types.includes('Files');
  const over = (event: DragEvent) => {
    if (mine(event)) event.preventDefault();
  };
  const drop = (event: DragEvent) => {
    if (!mine(event)) return;
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    if (reader) return reader(file);
    waiting = file;
    show();
  };
  addEventListener('dragover', over);
  addEventListener('drop', drop);
  return () => {
    removeEventListener('dragover', over);
    removeEventListener('drop', drop);
  };
}
