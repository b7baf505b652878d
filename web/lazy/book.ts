// SPDX-License-Identifier: GPL-2.0-or-later
/** The book's text; a script of its own, loaded with the first page of it. */
import pages from 'book:pages';

globalThis.pfnmapBook = pages;
