// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Patches: an mbox, a series of git format-patch, or a plain diff, read into hunks and laid over a
 * tree in memory. Untrusted: a path that leaves the tree is refused.
 */
export interface Hunk {
  readonly from: number;
  readonly lines: readonly string[];
}

export interface FilePatch {
  /** null: the file is new, or removed. */
  readonly before: string | null;
  readonly after: string | null;
  readonly hunks: readonly Hunk[];
  /** `before` stays as it is. */
  readonly copies?: boolean;
}

export class BadPatch extends Error {}

const pathOf = (text: string): string | null => {
  const path = text
    .replace(/\t.*$/, '')
    .replace(/^"(.*)"$/, '$1')
    .trim();
  if (path === '/dev/null') return null;
  const inner = path.replace(/^[abciwo]\//, '');
  if (inner.startsWith('/') || inner.split('/').includes('..'))
    throw new BadPatch(`path ${path} leaves the tree`);
  return inner;
};

/** Reads all file patches of a text, quoted-printable mails included. */
export function readPatch(text: string): FilePatch[] {
  if (/^Content-Transfer-Encoding:\s*quoted-printable/im.test(text)) {
    text = text
      .replace(/=\r?\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_, h: string) => String.fromCharCode(Number.parseInt(h, 16)));
  }
  const lines = text.split(/\r?\n/);
  const out: FilePatch[] = [];
  // git says on lines of its own what becomes of a file whose text may stay.
  let moved: FilePatch | null = null;
  const putMoved = () => {
    if (moved) out.push(moved);
    moved = null;
  };
  let i = 0;
  while (i < lines.length) {
    if (/^diff --git /.test(lines[i]!)) putMoved();
    const from = /^(rename|copy) from (.+)$/.exec(lines[i]!);
    const to = from && /^(?:rename|copy) to (.+)$/.exec(lines[i + 1] ?? '');
    if (from && to) {
      putMoved();
      const [before, after] = [pathOf(`a/${from[2]}`), pathOf(`b/${to[1]}`)];
      moved = { before, after, hunks: [], copies: from[1] === 'copy' };
      i += 2;
      continue;
    }
    const old = /^--- (.+)$/.exec(lines[i]!);
    const next = old && /^\+\+\+ (.+)$/.exec(lines[i + 1] ?? '');
    if (!old || !next) {
      i++;
      continue;
    }
    i += 2;
    const hunks: Hunk[] = [];
    for (;;) {
      const head = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(lines[i] ?? '');
      if (!head) break;
      i++;
      let [minus, plus] = [Number(head[2] ?? 1), Number(head[3] ?? 1)];
      const body: string[] = [];
      while ((minus > 0 || plus > 0) && i < lines.length) {
        const line = lines[i]!;
        const c = line[0] ?? ' ';
        if (c === '\\') {
          i++;
          continue;
        }
        if (c !== ' ' && c !== '-' && c !== '+')
          throw new BadPatch(`line ${i + 1}: a hunk of ${old[1]} ends too early`);
        if (c !== '+') minus--;
        if (c !== '-') plus--;
        body.push(line === '' ? ' ' : line);
        i++;
      }
      if (minus > 0 || plus > 0) throw new BadPatch(`the last hunk of ${old[1]} is cut off`);
      hunks.push({ from: Number(head[1]), lines: body });
    }
    const copies = (moved as FilePatch | null)?.copies ?? false;
    moved = null;
    out.push({ before: pathOf(old[1]!), after: pathOf(next[1]!), hunks, copies });
  }
  putMoved();
  return out;
}

/** How far a hunk may have moved. */
const FUZZ = 400;

const isThere = (lines: readonly string[], fresh: readonly string[]) =>
  lines.some((_, at) => fresh.every((l, k) => lines[at + k]?.replace(/\r$/, '') === l));

/** Whether a text says that it changes files, if only their modes, or ones that are no text. */
export const isDiff = (text: string): boolean => /^diff --git /m.test(text);

/** The text after a patch; throws when a hunk fits nowhere near. */
export function applyPatch(text: string, patch: FilePatch): string {
  const lines = text.split('\n');
  let shift = 0;
  for (const hunk of patch.hunks) {
    const old = hunk.lines.filter((l) => l[0] !== '+').map((l) => l.slice(1));
    const fresh = hunk.lines.filter((l) => l[0] !== '-').map((l) => l.slice(1));
    const want = Math.max(0, hunk.from - 1 + shift);
    const fits = (at: number) =>
      at >= 0 &&
      at + old.length <= lines.length &&
      old.every((l, k) => lines[at + k]!.replace(/\r$/, '') === l);
    let at = -1;
    for (let d = 0; d <= FUZZ && at < 0; d++) {
      if (fits(want + d)) at = want + d;
      else if (fits(want - d)) at = want - d;
    }
    if (at < 0)
      throw new BadPatch(
        `${patch.after ?? patch.before}: the hunk at line ${hunk.from} does not apply${isThere(lines, fresh) ? ': what it adds is there already' : ''}`,
      );
    lines.splice(at, old.length, ...fresh);
    shift += fresh.length - old.length;
  }
  return lines.join('\n');
}

/** Paths and texts after a series; null for a removed file. */
export function overlay(
  patches: readonly FilePatch[],
  read: (path: string) => string | null,
): Map<string, string | null> {
  const out = new Map<string, string | null>();
  const now = (path: string) => (out.has(path) ? out.get(path)! : read(path));
  for (const p of patches) {
    if (p.after === null) {
      if (p.before) out.set(p.before, null);
      continue;
    }
    const base = p.before === null ? '' : now(p.before);
    if (base === null) throw new BadPatch(`${p.before}: no such file in the tree`);
    out.set(p.after, applyPatch(base, p));
    if (p.before && p.before !== p.after && !p.copies) out.set(p.before, null);
  }
  return out;
}
