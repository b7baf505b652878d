// SPDX-License-Identifier: GPL-2.0-or-later
// How mails of the thread are named in text, and where the book tells of each.
// Plain JavaScript: the build needs it as well as the page.

/** `Vetter 22/17:08`: author, day of November 2022, time in UTC. */
export const MAIL_NAME =
  /\b(Vetter|Gunthorpe|König|Zimmermann|Patchwork) (2[23])\/(\d\d):(\d\d)\b/g;

/**
 * The place of a mail on the book's page of the thread.
 *
 * @param {string} author
 * @param {string} day
 * @param {string} hours
 * @param {string} minutes
 */
export const mailPlace = (author, day, hours, minutes) =>
  `${author.toLowerCase().replace('ö', 'oe')}-${day}-${hours}${minutes}`;
