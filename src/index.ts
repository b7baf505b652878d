// SPDX-License-Identifier: GPL-2.0-or-later
/** The library: what `import 'pfnmap'` gives. */

export const placeholder = 'nothing here yet';
