// SPDX-License-Identifier: GPL-2.0-or-later
/** What an exporter's paths amount to: rules that fall, how surely, and the verdict. */
import type { Entry, Exporter, Often, Path } from './exporters.ts';
import { diesOfPfnmap, type Event, primitiveOf, type Site, VM } from './flow/values.ts';
import type { Moves } from './moves/moves.ts';

export type ExporterVerdict = 'keeps' | 'violates' | 'depends' | 'no-mmap' | 'unknown';
export type Certainty = 'always' | 'some-paths' | 'depends';

/** A rule that falls in an exporter. */
export interface Fall {
  readonly rule: string;
  readonly certainty: Certainty;
  readonly dependsOn: string | null;
  /** On which of the paths, in words; empty when on all. */
  readonly when: readonly string[];
  /** From the table's function to the place where the rule falls. */
  readonly chain: readonly Site[];
  readonly why: string;
}

export interface Judged {
  readonly exporter: Exporter;
  readonly verdict: ExporterVerdict;
  readonly falls: readonly Fall[];
  readonly pfnmap: Often;
  readonly structPage: 'yes' | 'no' | 'some-paths' | 'depends';
  readonly refusesCow: boolean | null;
  readonly moves: Moves;
  readonly primitives: readonly Site[];
  readonly why: string;
}

/** A path on which a rule falls. */
interface Hit {
  readonly path: Path;
  readonly depends: string | null;
  readonly when: readonly string[];
  readonly chain: readonly Site[];
  readonly why: string;
  /** Other ways through the same handler insert something else. */
  readonly partly?: boolean;
  /** The primitive dies before it inserts. */
  readonly dies?: boolean;
}

/** Judged by the dma-buf that the mapping is handed to, unless the flag is taken away again. */
const isElsewhere = (p: Path) => p.forwards && hasPfnmap(p.set);

const hasPfnmap = (bits: number) => (bits & VM.VM_PFNMAP!) !== 0;

export function judgeExporter(exporter: Exporter, moves: Moves): Judged {
  const mine = exporter.paths.filter((p) => !isElsewhere(p) || p.entries.length > 0);
  const falls: Fall[] = [];
  const check = (rule: string, hits: Hit[]) => {
    const fall = combine(rule, mine, hits);
    if (fall) falls.push(fall);
  };
  const judgedPaths = mine.filter((p) => !isElsewhere(p));
  check(
    'R1',
    judgedPaths
      // What an unknown call did to the flags is not known, unless a page shows it.
      .filter((p) => !hasPfnmap(p.set) && (p.unknown.length === 0 || pages(p).length > 0))
      .map((p) => missingFlag(exporter, p)),
  );
  check(
    'R2',
    judgedPaths.flatMap((p) => pages(p)),
  );
  // VM_IO counts where the driver chose it instead; like VM_PFNMAP it stops the slow path of GUP only.
  const text = exporter.mmap?.text ?? '';
  const choosesIo =
    !text.includes('VM_PFNMAP') && /vm_flags\w*\s*(\||=|\()[^;]*\bVM_IO\b/.test(text);
  const guarded = (p: Path) =>
    hasPfnmap(p.set)
      ? pages(p)
      : choosesIo && p.set & VM.VM_IO!
        ? pages(p).filter((h) => h.depends === null)
        : [];
  check(
    'R13',
    judgedPaths.flatMap((p) =>
      guarded(p).map((h) => ({
        ...h,
        why: `${hasPfnmap(p.set) ? 'VM_PFNMAP' : 'VM_IO'} is set, and ${h.why}${h.dies ? '' : ': GUP-fast looks at the entry alone'}`,
      })),
    ),
  );
  check(
    'R3',
    judgedPaths.flatMap((p) => plainBlocks(p)),
  );
  check(
    'R14',
    judgedPaths.flatMap((p) => reachableBugs(p)),
  );
  falls.push(...moves.falls);
  const unknown = judgedPaths.filter((p) => p.unknown.length > 0);
  const primitives = new Map<string, Site>();
  for (const p of judgedPaths) {
    for (const e of p.entries) {
      const site = e.event.kind === 'entry' ? primitiveOf(e.event) : undefined;
      if (site) primitives.set(`${site.callee} ${site.file.path} ${site.at}`, site);
    }
  }
  const pfnmap = often(judgedPaths, (p) => hasPfnmap(p.set));
  const structPage = oftenPages(judgedPaths);
  const refusesCow = judgedPaths.length === 0 ? null : judgedPaths.every((p) => !p.cow);
  const slot = exporter.slot ?? exporter.through?.name;
  let verdict: ExporterVerdict;
  let why: string;
  const sure = falls.filter((f) => f.certainty !== 'depends');
  if (!slot || (exporter.paths.length === 0 && exporter.refused)) {
    verdict = 'no-mmap';
    why = slot ? `${slot}() refuses every mapping` : 'the table has no mmap';
  } else if (exporter.unused) {
    verdict = 'keeps';
    why = 'no code leads to the table: no buffer has it';
  } else if (exporter.imports) {
    verdict = 'keeps';
    why =
      'its objects are imports: PRIME exports the dma-buf that they came from, judged by itself';
  } else if (exporter.paths.length === 0) {
    verdict = 'unknown';
    why = `${slot}() is not defined here, or no path through it could be followed to its end`;
  } else if (sure.length) {
    verdict = 'violates';
    why = sure.map((f) => `${f.rule}: ${f.why}`).join('; ');
  } else if (unknown.length) {
    verdict = 'unknown';
    why = `not followed: ${[...new Set(unknown.flatMap((p) => p.unknown.map((u) => u.what)))].slice(0, 4).join(', ')}`;
  } else if (falls.length) {
    verdict = 'depends';
    why = falls.map((f) => `${f.rule} falls if ${f.dependsOn}: ${f.why}`).join('; ');
  } else if (judgedPaths.length === 0) {
    verdict = 'keeps';
    why = 'every mapping is handed to another dma-buf, which is judged by itself';
  } else {
    verdict = 'keeps';
    const names = [...new Set([...primitives.values()].map((s) => `${s.callee}()`))];
    why = `VM_PFNMAP is set when mmap returns${names.length ? `, entries are made by ${names.join(', ')}` : ''}`;
  }
  return {
    exporter,
    verdict,
    falls,
    pfnmap,
    structPage,
    refusesCow,
    moves,
    primitives: [...primitives.values()],
    why,
  };
}

function combine(rule: string, all: readonly Path[], hits: Hit[]): Fall | null {
  if (hits.length === 0) return null;
  // What happens on every path depends on nothing.
  const covered = new Set(hits.map((h) => h.path));
  if (all.filter((p) => !isElsewhere(p)).every((p) => covered.has(p)))
    hits = hits.map((h) =>
      / special bit |whether mm asks/.test(h.depends ?? '') ? h : { ...h, depends: null },
    );
  const sure = hits.filter((h) => h.depends === null);
  const best = [...(sure.length ? sure : hits)].sort(
    (a, b) => a.when.length - b.when.length || a.chain.length - b.chain.length,
  )[0]!;
  if (sure.length === 0) {
    // The way on which something is inserted tells more than one on which nothing is.
    const told = hits.filter((h) =>
      h.path.entries.some((e) => e.event.kind === 'entry' && !e.event.special),
    );
    const one = [...(told.length ? told : hits)].sort(
      (a, b) => a.depends!.length - b.depends!.length,
    )[0]!;
    return {
      rule,
      certainty: 'depends',
      dependsOn: essential(one, hits),
      when: one.when,
      chain: one.chain,
      why: one.why,
    };
  }
  const hit = new Set(hits.filter((h) => !h.partly).map((h) => h.path));
  const certainty = all.filter((p) => !isElsewhere(p)).every((p) => hit.has(p))
    ? 'always'
    : 'some-paths';
  return {
    rule,
    certainty,
    dependsOn: null,
    when: certainty === 'always' ? [] : best.when,
    chain: best.chain,
    why: best.why,
  };
}

/** What a hit depends on, less the questions whose other answer leads to the same. */
function essential(one: Hit, hits: readonly Hit[]): string {
  const partsOf = (h: Hit) => new Set((h.depends ?? '').split(', '));
  const others = hits.map(partsOf);
  let parts = [...partsOf(one)];
  for (const part of [...parts]) {
    const rest = parts.filter((p) => p !== part);
    const opposite = part.startsWith('!') ? part.slice(1) : `!${part}`;
    const either = others.some(
      (o) => !o.has(part) && [...o].every((p) => p === opposite || rest.includes(p)),
    );
    if (either && rest.length) parts = rest;
  }
  // A function pointer with several targets that do the same.
  const told = parts.map((part) => {
    const m = /^([\w.]+)=(\w+)@/.exec(part);
    if (!m) return part;
    const rest = parts.filter((p) => p !== part);
    const targets = others
      .filter((o) => rest.every((p) => o.has(p)))
      .flatMap((o) =>
        [...o].flatMap((p) => /^([\w.]+)=(\w+)@/.exec(p)?.slice(1, 3).join('=') ?? []),
      )
      .filter((t) => t.startsWith(`${m[1]}=`))
      .map((t) => `${t.slice(m[1]!.length + 1)}()`);
    return `${m[1]} is ${[...new Set([`${m[2]}()`, ...targets])].sort().join(' or ')}`;
  });
  return told.join(', ');
}

function missingFlag(exporter: Exporter, p: Path): Hit {
  const cleared = p.flags.filter((e) => e.what === 'VM_PFNMAP cleared').at(-1);
  const entry = p.entries.find((e) => e.event.kind === 'entry');
  const at: Event | undefined = cleared ?? entry?.event;
  const { mmap: def, table } = exporter;
  const chain: readonly Site[] = at?.chain.length
    ? at.chain
    : !def
      ? [
          {
            file: table.file,
            at: table.fields.get('mmap')?.at ?? table.at,
            fn: exporter.slot ?? 'mmap',
            callee: exporter.slot ?? 'mmap',
            calleePath: '',
          },
        ]
      : [{ file: def.file, at: def.where.at, fn: def.name, callee: 'return 0', calleePath: '' }];
  const why = cleared
    ? 'VM_PFNMAP is cleared and not set again'
    : entry
      ? `${name(entry.event)} leaves no VM_PFNMAP`
      : 'mmap returns 0 without VM_PFNMAP';
  return { path: p, depends: p.depends, when: p.when, chain, why };
}

function name(e: Event): string {
  if (e.what === 'vmf->page') return 'a handler that sets vmf->page';
  const site = primitiveOf(e);
  return site ? `${site.callee}()` : 'the mapping';
}

/** Entries that are not special, and entries that are only where PTEs have a special bit. */
function pages(p: Path): Hit[] {
  const out: Hit[] = [];
  for (const e of p.entries) {
    const dies = diesOfPfnmap(e.event);
    if (e.event.kind !== 'entry' && !dies) continue;
    const mixed =
      e.event.special &&
      (e.set & VM.VM_MIXEDMAP!) !== 0 &&
      !hasPfnmap(e.set) &&
      // vmf_insert_pfn() has a BUG_ON() for PFNs with a page there (6.12 mm/memory.c:2415).
      e.event.chain.some((c) => /insert_mixed/.test(c.callee));
    if ((e.event.special && !mixed) || isBlock(e)) continue;
    const depends = mixed
      ? [e.depends, 'an architecture without a special bit in its PTEs'].filter(Boolean).join(', ')
      : e.depends;
    const why = dies
      ? `${name(e.event)} is for struct pages and hits a BUG_ON() in a VM_PFNMAP VMA`
      : mixed
        ? `${name(e.event)} in a VM_MIXEDMAP VMA inserts struct pages`
        : e.event.what === 'vmf->page'
          ? `${handler(e)} gives the fault a struct page in vmf->page`
          : `${name(e.event)} inserts struct pages`;
    out.push({
      path: p,
      depends,
      when: e.when,
      chain: e.event.chain,
      why,
      partly: others(p, e),
      dies,
    });
  }
  return out;
}

/** Whether the handler that makes an entry also makes special ones. */
const others = (p: Path, e: Entry) =>
  e.by !== 'mmap' &&
  p.entries.some(
    (o) => o.by === e.by && o.event.kind === 'entry' && o.event.special && !isBlock(o),
  );

/** A huge entry made of a PFN. */
const isBlock = (e: Entry) =>
  (e.event.level === 'pmd' || e.event.level === 'pud') &&
  !e.event.ref &&
  e.event.chain.some((c) => /pfn/.test(c.callee));

/** 6.1 has a fault of any other VMA with vm_ops served by small entries, whatever its flags. */
const ASKED =
  'whether mm asks for huge entries in such a VMA (6.1: for DAX only, mm/huge_memory.c:98)';

/** Huge entries that do not say that they are special: this kernel has no bit for it there. */
function plainBlocks(p: Path): Hit[] {
  return p.entries
    .filter((e) => e.event.kind === 'entry' && !e.event.special && isBlock(e))
    .map((e) => ({
      path: p,
      depends: [e.depends, ASKED].filter(Boolean).join(', '),
      when: e.when,
      chain: e.event.chain,
      why: `${name(e.event)} makes a huge entry that is not special at its own level`,
    }));
}

const handler = (e: Entry) => (e.event.chain[0] ? `${e.event.chain[0].callee}()` : e.by);

function reachableBugs(p: Path): Hit[] {
  if (!p.cow) return [];
  const out: Hit[] = [];
  for (const e of p.entries) {
    if (e.event.kind !== 'bug' || !/cow/.test(e.event.what)) continue;
    out.push({
      path: p,
      depends: e.depends,
      when: e.when,
      chain: e.event.chain,
      why: 'a private writable mapping is not refused and reaches BUG_ON()',
    });
  }
  return out;
}

function often(paths: readonly Path[], test: (p: Path) => boolean): Often {
  const yes = paths.filter(test);
  if (yes.length === paths.length) return paths.length ? 'always' : 'never';
  if (yes.length === 0) return 'never';
  const no = paths.filter((p) => !test(p));
  return no.every((p) => p.depends !== null) || yes.every((p) => p.depends !== null)
    ? 'depends'
    : 'some-paths';
}

function oftenPages(paths: readonly Path[]): 'yes' | 'no' | 'some-paths' | 'depends' {
  const hits = paths.map((p) => pages(p));
  if (hits.every((h) => h.length === 0)) return 'no';
  if (hits.flat().every((h) => h.depends !== null)) return 'depends';
  return hits.every((h) => h.some((x) => x.depends === null && !x.partly)) ? 'yes' : 'some-paths';
}
