// SPDX-License-Identifier: GPL-2.0-or-later
/** Where Linux does what the model's routines model; a script of its own, loaded with the first ladder. */
import lines from '../data/kernel-lines.json';

globalThis.pfnmapPlaces = lines;
