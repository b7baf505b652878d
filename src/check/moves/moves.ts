// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * R4, R5, R10 and R11: whether an exporter takes memory back while it is mapped, whether it then zaps what its
 * VMAs really have, and whether its fault handler decides under the lock of the move.
 */
import { type Expr, eachIn, textOf } from '../c/ast.ts';
import { isCode } from '../c/lex.ts';
import type { FunctionDef, Program } from '../c/program.ts';
import { dirOf } from '../c/tree.ts';
import type { Entry, Exporter } from '../exporters.ts';
import { tableField } from '../flow/lookup.ts';
import type { Site } from '../flow/values.ts';
import { whole } from '../index/asked.ts';
import type { Fall } from '../verdicts.ts';
import { backingOf, type FieldOf, type Read, type Step, sameField, stepsOf } from './backing.ts';
import { lateCount } from './counts.ts';
import { earlyFree } from './lifetime.ts';
import { type LockClass, Locks, same } from './locks.ts';
import { missedBy } from './missed.ts';
import { belongs, inDirectories, Scope } from './scope.ts';
import { Pins, revokesOf, type Take, type TakeKind, takesOf, type Way, waysTo } from './takes.ts';
import { at, type Extent, meets, NODE, UNKNOWN, vmaOffset, type ZapCall, Zaps } from './zaps.ts';

/** What was found of an exporter's moves. */
export interface Moves {
  /** Takes memory back while it is mapped; null: not made out. */
  readonly moves: boolean | null;
  /** Removes the entries of its mappings where it does. */
  readonly zaps: boolean | null;
  readonly why: string;
  readonly falls: readonly Fall[];
  /** For the model: in which way, and by which lock. */
  readonly kind: 'move' | 'evict' | 'revoke' | null;
  readonly lock: 'dma_resv' | 'mutex' | 'rwsem' | null;
  /** The handler decides under the lock of the move, looks before it takes it, or has none in common. */
  readonly fault: 'locked' | 'early' | 'unlocked';
  /** The zap goes through the mapping, and by the offset, that the VMAs have. */
  readonly mapping: boolean;
  readonly offset: boolean;
  /** The zap comes after the switch to other memory. */
  readonly late: boolean;
}

const NOTHING: Moves = {
  moves: null,
  zaps: null,
  why: '',
  falls: [],
  kind: null,
  lock: null,
  fault: 'locked',
  mapping: true,
  offset: true,
  late: false,
};

/** Looks at all exporters of a program; what they share is looked at once. */
export class MoveAnalysis {
  private readonly scopes = new Map<string, Means>();
  /**
   * @param kernel whether the program is a kernel's, whose directories are its drivers
   * @param helpers functions without source here that zap, as recorded
   */
  constructor(
    private readonly program: Program,
    private readonly kernel: boolean,
    private readonly helpers: ReadonlySet<string>,
  ) {}

  /** What is found of one exporter; whatever goes wrong in doing so spoils no other finding. */
  of(exporter: Exporter): Moves {
    try {
      return this.look(exporter);
    } catch (error) {
      return { ...NOTHING, why: `given up: ${error instanceof Error ? error.message : error}` };
    }
  }

  private look(exporter: Exporter): Moves {
    if (exporter.paths.length === 0) return NOTHING;
    const home = dirOf(exporter.table.file.path);
    const entries = exporter.paths
      .filter((p) => !p.forwards)
      .flatMap((p) => p.entries.filter((e) => e.event.kind === 'entry'));
    if (entries.length === 0) return { ...NOTHING, why: 'nothing is inserted by itself' };
    const helping = new Set<string>();
    for (const e of entries)
      for (const s of e.event.chain)
        if (/^drivers\//.test(s.file.path) && s.file.text) helping.add(dirOf(s.file.path));
    for (const def of [exporter.mmap, exporter.through])
      if (def && /^drivers\//.test(def.file.path)) helping.add(dirOf(def.file.path));
    helping.delete(home);
    const { asked } = this.program.index;
    const [[scope, found], keys] = asked.during(() => {
      const means = this.meansOf(home, [...helping].sort());
      const { scope: its } = means;
      const judge = new Judge(means, exporter, entries, home, this.kernel);
      const moves = judge.verdict();
      const others = [judge.countedLate(), earlyFree(its, exporter)].filter((f) => f !== null);
      return [its, { ...moves, falls: [...moves.falls, ...others] }] as const;
    });
    scope.asked.others.add(keys);
    asked.noteAll(scope.asked);
    return found;
  }

  private meansOf(home: string, helping: readonly string[]): Means {
    const key = this.kernel ? `${home} ${helping.join()}` : '';
    let means = this.scopes.get(key);
    if (!means) {
      const files = this.kernel ? inDirectories(this.program, home, helping) : this.program.files;
      const name = whole.scope(home, helping);
      this.program.index.asked.note(name);
      const scope = new Scope(this.program, files, name);
      means = { scope, locks: new Locks(scope), zaps: new Zaps(scope, this.helpers) };
      this.scopes.set(key, means);
    }
    return means;
  }
}

/** A driver's code, and what was found of it, for all of its exporters. */
interface Means {
  readonly scope: Scope;
  readonly locks: Locks;
  readonly zaps: Zaps;
}

/** A way with the zaps that come before its place and those that come after. */
interface Judged {
  readonly way: Way;
  readonly before: readonly ZapCall[];
  readonly after: readonly ZapCall[];
  readonly zapped: boolean;
}

/** Tables by which the kernel calls a driver, which knows nothing of its locks. */
const OUTSIDE =
  /^(file_operations|shrinker|dev_pm_ops|(pci|platform|usb|auxiliary|virtio)_driver|pci_error_handlers|device_attribute|kernel_param_ops|notifier_block)$/;
const ASSUMES = /_locked$|^__|\b(lockdep_assert_held\w*|(mutex|rwsem|spin)_is_locked)\b/;

class Judge {
  private readonly scope: Scope;
  private readonly locks: Locks;
  private readonly zaps: Zaps;
  private readonly mapping: Set<FunctionDef>;
  private readonly reads = new Map<Entry, Read[]>();
  private structs: ReadonlySet<string> | null = null;

  constructor(
    { scope, locks, zaps }: Means,
    private readonly exporter: Exporter,
    private readonly entries: readonly Entry[],
    private readonly home: string,
    private readonly kernel: boolean,
  ) {
    this.scope = scope;
    this.locks = locks;
    this.zaps = zaps;
    const starts = new Set<FunctionDef>();
    const { mmap, through } = exporter;
    for (const def of [mmap, through]) if (def && scope.has(def)) starts.add(def);
    for (const e of entries) {
      const first = e.event.chain.find((s) => s.calleePath && e.by !== 'mmap');
      const handler = first && scope.find(first.callee, first.file);
      if (handler && scope.has(handler)) starts.add(handler);
      this.reads.set(e, backingOf(scope, e));
    }
    for (const p of exporter.paths) {
      const open = p.vmOps?.fields.get('open');
      const def = open?.k === 'id' ? scope.find(open.name, p.vmOps!.file) : null;
      if (def && scope.has(def)) starts.add(def);
    }
    this.mapping = scope.reach([...starts]);
  }

  private get handlers(): FunctionDef[] {
    const out = new Set<FunctionDef>();
    for (const e of this.entries)
      if (e.by !== 'mmap') for (const s of stepsOf(this.scope, e.event.chain)) out.add(s.def);
    return [...out];
  }

  /** What makes a dma-buf of its objects. */
  private get exporting(): FunctionDef[] {
    const { table, machine } = this.exporter;
    if (table.type !== 'dma_buf_ops') {
      const slot = tableField(machine, table, 'export');
      return slot.k === 'fn' && this.scope.has(slot.def) ? [slot.def] : [];
    }
    const named = new RegExp(`&\\s*${table.name}\\b`);
    return [...this.scope.mentioning(/\bdma_buf_export\s*\(/)].filter((d) => named.test(d.text));
  }

  /** What its entries lead to. */
  private get fields(): Map<string, FieldOf> {
    const fields = new Map<string, FieldOf>();
    for (const list of this.reads.values())
      for (const r of list) fields.set(`${r.struct}.${r.name}`, r);
    return fields;
  }

  /** R10 */
  countedLate(): Fall | null {
    const { scope, exporter, kernel, zaps } = this;
    const release = tableField(
      exporter.machine,
      exporter.table,
      exporter.table.type === 'dma_buf_ops' ? 'release' : 'free',
    );
    const ending = scope.reach(release.k === 'fn' && scope.has(release.def) ? [release.def] : []);
    const isOwn = (def: FunctionDef) => !kernel || belongs(this.home, dirOf(def.file.path));
    return lateCount(scope, [...this.fields.values()], ending, zaps, kernel, isOwn);
  }

  verdict(): Moves {
    const { fields } = this;
    const takes = [
      ...takesOf(this.scope, [...fields.values()], this.kernel),
      ...this.handlers.flatMap((h) => revokesOf(this.scope, h, this.zaps)),
    ].filter((t) => !this.leavesPages(t) && !this.isOfOthers(t));
    const exporting = this.scope.reach(this.exporting);
    const every = this.waysOf(takes, exporting);
    const ways = chosen(every, ENDING);
    if (ways.length === 0) {
      if (this.helped()) {
        const why = 'a helper moves its buffers, and zaps';
        return { ...NOTHING, moves: true, zaps: true, why, kind: 'move', lock: 'dma_resv' };
      }
      if (fields.size === 0)
        return { ...NOTHING, why: 'what is behind its mappings was not made out' };
      const spared = exporting.size ? this.waysOf(takes, [])[0]?.take : null;
      if (spared) {
        const why = `${spared.def.name}() ${WORD[spared.kind]} ${spared.field?.name ?? 'it'}, but not of a buffer that is exported`;
        return { ...NOTHING, moves: false, zaps: this.zapsAtAll(), why };
      }
      // Nobody zaps for nothing.
      if (this.zapsAtAll())
        return { ...NOTHING, zaps: true, why: 'it zaps, but what it takes back was not made out' };
      const names = [...new Set([...fields.values()].map((f) => f.name))].slice(0, 4).join(', ');
      const why = `nothing frees or replaces ${names} while the buffer is mapped`;
      return { ...NOTHING, moves: false, zaps: false, why };
    }
    const judged = ways.map((w) => this.zapsOn(w));
    const own = judged.filter((j) => this.isOwn(j.way));
    const missing = own.filter((j) => !j.zapped);
    const falls: Fall[] = [];
    const m = missing[0];
    if (m) falls.push(this.missingZap(m));
    const extents = this.wrongExtent(own.filter((j) => j.zapped));
    falls.push(...extents.falls);
    if (!extents.falls.length && !m) falls.push(...this.missed(own));
    const changing = chosen(every, CHANGING).map((w) => this.zapsOn(w));
    const r5 = this.races(changing.filter((j) => this.isOwn(j.way)));
    if (r5) falls.push(r5.fall);
    // What a zap lets go of itself tells less than what is moved after it.
    const moved = (j: Judged) =>
      j.zapped && !this.zaps.reaches(j.way.take.def.name, j.way.take.def);
    const good = judged.find(moved) ?? judged.find((j) => j.zapped);
    const zaps = missing.length ? false : good ? true : null;
    const first = (m ?? good ?? judged[0])!;
    const where = `${first.way.take.def.name}() ${WORD[first.way.take.kind]}`;
    const what = first.way.take.field ? ` ${first.way.take.field.name}` : '';
    return {
      moves: own.length || good ? true : null,
      zaps,
      why: `${where}${what}${zaps ? ', after a zap' : zaps === false ? ' without a zap before' : ''}`,
      falls,
      kind: kindOf(every),
      lock: this.lockOf(changing),
      fault: r5?.fault ?? 'locked',
      mapping: extents.mapping,
      offset: extents.offset,
      late: judged.every((j) => j.before.length === 0 && j.after.length > 0),
    };
  }

  /**
   * Whether no mapping loses its page there. Shared memory goes on holding what a driver puts
   * (6.12 drivers/gpu/drm/drm_gem.c:698), and does not give up a page that mappings hold (6.12 mm/vmscan.c:758).
   */
  private leavesPages({ by }: Take): boolean {
    return by === 'drm_gem_put_pages' && this.entries.every((e) => e.event.ref);
  }

  /**
   * Whether a notification is of other objects: of a kind that neither mmap nor a fault ever looks at, or
   * TTM's, which zaps before it calls the driver (6.12 drivers/gpu/drm/ttm/ttm_bo.c:127).
   */
  private isOfOthers({ through = [] }: Take): boolean {
    if (through.includes('ttm_buffer_object') && this.helped()) return true;
    const own = through.filter((s) => s !== '' && !/^(drm_gem|ttm_buffer)_object$/.test(s));
    return own.length > 0 && !own.some((s) => this.lookedAt.has(s));
  }

  /** The structs that mmap, faults and what they call look into. */
  private get lookedAt(): ReadonlySet<string> {
    if (this.structs) return this.structs;
    const structs = new Set<string>();
    for (const def of this.mapping) {
      for (const p of def.params) structs.add(p.type.base);
      eachIn(def.body, (e) => {
        if (e.k === 'member') structs.add(this.scope.structOf(def, e.of));
      });
    }
    return (this.structs = structs);
  }

  /** The ways to places where memory is taken, but for what mapping it, or these, prevent. */
  private waysOf(takes: readonly Take[], exporting: Iterable<FunctionDef>): Way[] {
    const pins = new Pins(this.scope, this.mapping, exporting);
    return takes
      .flatMap((t) => waysTo(this.scope, t, pins))
      .filter((w) => !this.isHelper(w.root.def) || isEntered(w));
  }

  /** TTM and its like: a table that a helper calls to move. */
  private helped(): boolean {
    if (this.kernel) return false;
    return (this.scope.program.tables.get('ttm_device_funcs') ?? []).some(
      (t) => this.scope.files.includes(t.file) && t.fields.has('move'),
    );
  }

  /** Whether the driver zaps anything that these VMAs may be. */
  private zapsAtAll(): boolean {
    // A subsystem's directory holds helpers that have nothing to do with each other.
    const shared = this.kernel && this.home.split('/').length <= 3;
    const its = new Set([this.exporter.table.file, ...this.handlers.map((h) => h.file)]);
    const vma = this.vmaExtent();
    for (const def of this.scope.mentioning(ZAPS)) {
      if (this.isHelper(def) || (shared && !its.has(def.file))) continue;
      for (const { call } of this.zaps.callsIn(def)) {
        const zap = this.extentOf({ def, call });
        if (reachesMapping(zap, vma) && meets(zap.offset, vma.offset)) return true;
      }
    }
    return false;
  }

  private isOwn(w: Way): boolean {
    if (!this.kernel) return true;
    // A function that nobody is seen to call may be called under locks, and after a zap.
    if (w.root.slot === null && w.root.passedTo === null) return false;
    return w.steps.every((s) => belongs(this.home, dirOf(s.def.file.path)));
  }

  private zapsOn(way: Way): Judged {
    const before: ZapCall[] = [];
    const after: ZapCall[] = [];
    for (const { def, at } of way.steps) {
      for (const z of this.zaps.callsIn(def)) {
        // The step itself may zap on its way: what counts then is told further down.
        if (z.at === at && def !== way.take.def) continue;
        (z.at <= at ? before : after).push(...this.zaps.primitivesOf(def, z.call));
      }
    }
    const late = way.take.kind === 'free';
    return { way, before, after, zapped: before.length > 0 || (!late && after.length > 0) };
  }

  private missingZap({ way, after }: Judged): Fall {
    const what = way.take.field ? ` ${way.take.field.name}` : '';
    const why = after.length
      ? `${way.take.def.name}() ${WORD[way.take.kind]}${what} before it zaps: until then the old memory stays mapped`
      : `${way.take.def.name}() ${WORD[way.take.kind]}${what}, and no mapping is zapped`;
    return { rule: 'R4', certainty: 'always', dependsOn: null, when: [], chain: chainOf(way), why };
  }

  /** Zaps that reach no VMA of the buffer: by another address_space, or at another offset. */
  private wrongExtent(list: readonly Judged[]): {
    falls: Fall[];
    mapping: boolean;
    offset: boolean;
  } {
    const vma = this.vmaExtent();
    const falls: Fall[] = [];
    let [mapping, offset] = [true, true];
    for (const { way, before, after } of list) {
      const calls = [...before, ...after];
      const extents = calls.map((z) => ({ z, x: this.extentOf(z) }));
      if (extents.some(({ x }) => reachesMapping(x, vma) && meets(x.offset, vma.offset))) continue;
      const { z, x } = extents[0]!;
      const badMapping = !reachesMapping(x, vma);
      if (badMapping) mapping = false;
      else offset = false;
      if (falls.length) continue;
      const why = badMapping
        ? `the zap goes through the mapping of ${x.mapping}, the VMAs hang on that of ${vma.mapping}`
        : `the zap is by ${placeOf(x)}, the VMAs lie at ${placeOf(vma)}`;
      const site: Site = {
        file: z.def.file,
        at: z.call.at,
        fn: z.def.name,
        callee: textOf(z.call.fn),
        calleePath: 'mm/',
      };
      const chain = [...chainOf(way).filter((s) => s.fn !== z.def.name || s.at < z.call.at), site];
      falls.push({ rule: 'R4', certainty: 'always', dependsOn: null, when: [], chain, why });
    }
    return { falls, mapping, offset };
  }

  private extentOf(z: ZapCall): Extent {
    return this.zaps.extentOf(z, (struct) => this.lookedAt.has(struct));
  }

  /** VMAs that no zap finds, of those that reach the mapping. */
  private missed(own: readonly Judged[]): Fall[] {
    const first = own[0];
    const calls = own.flatMap(({ before, after }) => [...before, ...after]);
    const zaps = calls.map((z) => ({ z, x: this.extentOf(z) }));
    return first ? missedBy(this.exporter, zaps, chainOf(first.way)) : [];
  }

  /** Where the VMAs of a dma-buf are to be found. */
  private vmaExtent(): Extent {
    const { table, through } = this.exporter;
    const text = (pattern: RegExp) => this.scope.files.some((f) => says(f.text, pattern));
    const prime =
      table.type === 'drm_gem_object_funcs' ||
      through !== null ||
      text(/\bdrm_gem_(dmabuf_export|prime_export|prime_handle_to_fd)\b/g);
    let mapping: string | null = prime ? 'the DRM device' : 'the dma-buf';
    const set = (to: string | null) => (mapping = to);
    for (const def of new Set([...this.scope.mentioning(/\bf_mapping\b/), ...this.mapping])) {
      eachIn(def.body, (e) => {
        if (e.k === 'assign' && e.l.k === 'member' && e.l.name === 'f_mapping') {
          if (this.zaps.file(def, e.l.of) !== "the device's file") set(this.zaps.mapping(def, e.r));
        } else if (this.mapping.has(def)) {
          const file = replaced(e);
          if (file) set(this.zaps.file(def, file));
        }
      });
    }
    const inherits =
      /^drm_gem_(prime|dmabuf)_mmap$/.test(this.exporter.slot ?? '') ||
      [...this.mapping].some((d) => /\bdrm_gem_(prime_|dmabuf_)?mmap(_obj)?\s*\(/.test(d.text));
    const own = vmaOffset([...this.mapping].filter((d) => !this.isHelper(d)));
    const offset =
      !prime || (table.type === 'dma_buf_ops' && !inherits)
        ? own
        : own.added.length || own.unknown
          ? UNKNOWN
          : at(NODE);
    return { mapping, offset };
  }

  private isHelper(d: FunctionDef): boolean {
    return this.kernel && !belongs(this.home, dirOf(d.file.path));
  }

  // --- R5 ----------------------------------------------------------------------------------------

  private races(list: readonly Judged[]): { fall: Fall; fault: 'early' | 'unlocked' } | null {
    for (const e of this.entries) {
      if (e.by === 'mmap') continue;
      const steps = stepsOf(this.scope, e.event.chain);
      const last = e.event.chain.find((s) => /^mm\//.test(s.calleePath)) ?? e.event.chain.at(-1)!;
      // Every function between the handler and mm has to be known.
      if (steps.length === 0 || steps.at(-1)!.at !== last.at) continue;
      for (const j of list) {
        const why = this.race(e, steps, j);
        if (!why) continue;
        const chain = 'zap' in why ? [...chainOf(j.way)] : [...e.event.chain];
        if ('zap' in why) chain.push(why.zap);
        const at = chain.findIndex((s) => /^mm\//.test(s.calleePath));
        const fall: Fall = {
          rule: 'R5',
          certainty: 'always',
          dependsOn: null,
          when: [],
          chain: at >= 0 ? chain.slice(0, at + 1) : chain,
          why: why.text,
        };
        return { fall, fault: 'early' in why ? 'early' : 'unlocked' };
      }
    }
    return null;
  }

  /** Whether who comes this way holds no lock of the driver's. */
  private comesUnlocked({ root, steps }: Way): boolean {
    const { def, slot, passedTo } = root;
    if (slot) return OUTSIDE.test(slot.struct);
    if (passedTo !== null) return true;
    // Nobody in the whole module calls it, and it does not say that its callers hold one.
    return (
      !this.kernel &&
      !/\bstatic\b/.test(def.head) &&
      !steps.some((s) => ASSUMES.test(s.def.name) || ASSUMES.test(s.def.text))
    );
  }

  private race(
    e: Entry,
    steps: readonly Step[],
    { way, before, after }: Judged,
  ): { text: string } | { text: string; early: true } | { text: string; zap: Site } | null {
    const handler = e.event.chain[0]?.callee ?? steps[0]!.def.name;
    const held = steps.map((s) => this.locks.at(s.def, s.at));
    const inserting = new Set(held.flatMap((h) => [...h.keys()]));
    const moving = new Map<LockClass, { def: FunctionDef; at: number; step: number }>();
    for (const s of way.steps)
      for (const [c, at] of this.locks.at(s.def, s.at))
        if (!moving.has(c)) moving.set(c, { def: s.def, at, step: s.at });
    if (inserting.size === 0)
      return {
        text: `${handler}() inserts without a lock, ${way.take.def.name}() may ${VERB[way.take.kind]} in between`,
      };
    const common = (classes: Iterable<LockClass>) =>
      [...moving.keys()].filter((m) => [...classes].some((c) => same(c, m)));
    const unsure = [...inserting, ...moving.keys()].some((c) => c.endsWith('()') || c === 'a lock');
    const both = common(inserting);
    if (both.length === 0) {
      if (unsure) return null;
      const dropped = this.droppedBefore(way, inserting);
      if (dropped !== null)
        return {
          text: `${way.take.def.name}() may ${VERB[way.take.kind]} after ${nameOf([dropped])}, held for the zap, is dropped: a fault in between inserts the old memory again`,
        };
      if (moving.size === 0) {
        if (!this.comesUnlocked(way)) return null;
        return {
          text: `${handler}() inserts under ${nameOf(inserting)}, ${way.take.def.name}() holds no lock when it may ${VERB[way.take.kind]}`,
        };
      }
      return {
        text: `${handler}() inserts under ${nameOf(inserting)}, ${way.take.def.name}() holds ${nameOf(moving.keys())}`,
      };
    }
    const field = way.take.field;
    const reads = field ? (this.reads.get(e) ?? []).filter((r) => sameField(r, field)) : [];
    const covers = (r: Read) => {
      const classes = new Set<LockClass>();
      for (let i = 0; i < r.level; i++) for (const c of held[i]!.keys()) classes.add(c);
      const there = this.locks.at(steps[r.level]!.def, r.at);
      for (const [c, at] of held[r.level]!) if (there.get(c) === at) classes.add(c);
      return common(classes).length > 0;
    };
    if (reads.length && !reads.some(covers))
      return {
        text: `${handler}() looks up ${field!.name} before it takes ${nameOf(both)}`,
        early: true,
      };
    // The zap belongs to the same critical section.
    const zaps = [...before, ...after];
    const lock = moving.get(both[0]!)!;
    // After a zap that comes last, faults find the new memory.
    if (before.length === 0 || lock.at < 0) return null;
    const level = way.steps.findIndex((s) => s.def === lock.def);
    const inside = way.steps
      .slice(level)
      .flatMap((s) => this.zaps.callsIn(s.def).map((z) => ({ def: s.def, z })));
    const good = inside.some(
      ({ def, z }) => def !== lock.def || this.locks.at(def, z.at).get(both[0]!) === lock.at,
    );
    if (good) return null;
    const z = zaps[0]!;
    // Zaps far down belong to something else that is done on the way.
    if (!way.steps.some((s) => s.def === z.def) && this.kernel) return null;
    return {
      text: `${way.take.def.name}() zaps outside ${nameOf(both)}: a fault in between inserts the old memory again`,
      zap: {
        file: z.def.file,
        at: z.call.at,
        fn: z.def.name,
        callee: textOf(z.call.fn),
        calleePath: 'mm/',
      },
    };
  }

  /** A lock of the fault handler that is held for a zap, and no longer where memory is taken. */
  private droppedBefore(way: Way, inserting: ReadonlySet<LockClass>): LockClass | null {
    for (const { def, at } of way.steps)
      for (const z of this.zaps.callsIn(def)) {
        if (z.at >= at) continue;
        const held = [...this.locks.at(def, z.at)].filter(([, taken]) => taken >= 0);
        const lock = held.find(([c]) => [...inserting].some((i) => same(i, c)));
        if (lock) return lock[0];
      }
    return null;
  }

  private lockOf(list: readonly Judged[]): Moves['lock'] {
    for (const { way } of list) {
      for (const s of way.steps) {
        for (const c of this.locks.at(s.def, s.at).keys()) {
          if (c === 'dma_resv') return 'dma_resv';
          if (/sem|rw/.test(c)) return 'rwsem';
          return 'mutex';
        }
      }
    }
    return null;
  }
}

const WORD: Readonly<Record<TakeKind, string>> = {
  free: 'frees',
  set: 'replaces',
  clear: 'empties',
  notify: 'moves the buffer',
  revoke: 'ends access through',
};
const VERB: Readonly<Record<TakeKind, string>> = {
  free: 'free the memory',
  set: 'replace the memory',
  clear: 'take the memory',
  notify: 'move the buffer',
  revoke: 'revoke it',
};

/** Whether a pattern is found in code, not in comments. */
const says = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].some((m) => isCode(text, m.index));

const nameOf = (classes: Iterable<LockClass>) =>
  [...classes].map((c) => c.replace(/^\./, '')).join(', ') || 'no lock';

/** Offsets in words. */
const placeOf = ({ offset }: Extent) =>
  offset.added.length ? `${offset.added.join(' + ')} and up` : 'offsets within the buffer';

const ZAPS = /\b(unmap_mapping_\w+|zap_vma_ptes|zap_page_range\w*|drm_vma_node_unmap)\s*\(/;

/** What decides whether the zap is in time: the end of the old memory. */
const ENDING: readonly TakeKind[] = ['free', 'set', 'notify', 'revoke', 'clear'];
/** What faults must not come in between: the change of what they look at. */
const CHANGING: readonly TakeKind[] = ['set', 'clear', 'revoke', 'free', 'notify'];

/** Of several places in one function and from one root the one that decides. */
function chosen(ways: readonly Way[], rank: readonly TakeKind[]): Way[] {
  const best = new Map<string, Way>();
  for (const w of [...ways].sort((a, b) => rank.indexOf(a.take.kind) - rank.indexOf(b.take.kind))) {
    const key = `${w.take.def.id} ${w.root.def.id} ${w.root.slot?.field}`;
    if (!best.has(key)) best.set(key, w);
  }
  return [...best.values()];
}

function kindOf(ways: readonly Way[]): Moves['kind'] {
  const kinds = new Set(ways.map((w) => w.take.kind));
  if (kinds.has('set') || kinds.has('notify')) return 'move';
  return kinds.has('revoke') && kinds.size === 1 ? 'revoke' : 'evict';
}

function chainOf(way: Way): Site[] {
  return way.steps.map((s, i) => {
    const next = way.steps[i + 1];
    return {
      file: s.def.file,
      at: s.at,
      fn: s.def.name,
      callee: next ? next.def.name : WORD[way.take.kind],
      calleePath: next ? next.def.file.path : '',
    };
  });
}

/** Whether anybody is seen to go that way. */
const isEntered = ({ root }: Way) => root.slot !== null || root.passedTo !== null;

/** The file that a VMA is given in place of the dma-buf's. */
function replaced(e: Expr): Expr | null {
  if (e.k === 'call' && e.fn.k === 'id' && e.fn.name === 'vma_set_file') return e.args[1] ?? null;
  if (e.k === 'assign' && e.l.k === 'member' && e.l.name === 'vm_file' && e.r.k !== 'num')
    return e.r;
  return null;
}

function reachesMapping(zap: Extent, vma: Extent): boolean {
  if (zap.mapping === null || vma.mapping === null || zap.mapping === 'vma') return true;
  if (zap.mapping === 'the dma-buf') return true;
  return (
    zap.mapping === vma.mapping ||
    (zap.mapping === "the dma-buf's inode" && vma.mapping === 'the dma-buf')
  );
}
