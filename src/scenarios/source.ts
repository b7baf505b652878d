// SPDX-License-Identifier: GPL-2.0-or-later
/** The text of a story, as its author wrote it. */
import { FILES } from './catalogue/all.gen.ts';

export interface StorySource {
  /** The file, as seen from the repository. */
  readonly path: string;
  /** What the file says before its stories, without its imports, and the story of that name. */
  readonly code: string;
}

/** The text of a story of the catalogue, or null if there is no such story. */
export async function sourceOf(id: string): Promise<StorySource | null> {
  const { TEXTS } = await import('./catalogue/texts.gen.ts');
  return sourceIn(TEXTS, id);
}

/** The same, by somebody who has the texts of the catalogue's files already. */
export function sourceIn(
  texts: readonly (readonly [path: string, text: string])[],
  id: string,
): StorySource | null {
  const at = fileAt(id);
  if (at < 0) return null;
  const [path, text] = texts[at];
  return { path, code: excerpt(text, id) };
}

/**
 * The file that a story is in as a file of one's own: what it imports, it imports from the library.
 * @returns null if there is no such story
 */
export function ownFileIn(
  texts: readonly (readonly [path: string, text: string])[],
  id: string,
): string | null {
  const at = fileAt(id);
  return at < 0
    ? null
    : texts[at][1].replace(/^((?:import|\}) .*from )'\.[^']*';$/gm, "$1'pfnmap';");
}

const fileAt = (id: string) => FILES.findIndex((file) => [file].flat().some((s) => s.id === id));

/** Leaves licence, imports and the file's other stories out. */
function excerpt(text: string, id: string): string {
  const lines = text.split('\n');
  const from = lines.findIndex((line) => line.startsWith('/**'));
  const list = lines.findIndex((line) => line.startsWith('export default'));
  const head = lines.slice(from, list).join('\n');
  const withoutImports = head.replace(/^import (?:.|\n)*?;\n/gm, '').replace(/\n{3,}/g, '\n\n');
  // The formatter puts each story of a list between two lines that are indented once.
  const name = lines.findIndex((line) => line.includes(`id: '${id}'`));
  const edge = /^ {2}\S/;
  let first = name;
  while (first > list + 1 && !edge.test(lines[first])) first--;
  let last = name;
  while (last < lines.length - 1 && !edge.test(lines[last])) last++;
  const story = lines.slice(first, last + 1).map((line) => line.slice(2));
  return `${withoutImports.trimEnd()}\n\n${story.join('\n').replace(/,$/, '')}`;
}
