// SPDX-License-Identifier: GPL-2.0-or-later
/** VMAs that a zap does not find although it goes through the right mapping: private ones, and copies. */
import type { Expr } from '../c/ast.ts';
import type { Exporter } from '../exporters.ts';
import { primitiveOf } from '../flow/values.ts';
import type { Fall } from '../verdicts.ts';
import { valuesOf } from './scope.ts';
import type { Extent, ZapCall } from './zaps.ts';

/** A zap and what it reaches. */
export interface Reach {
  readonly z: ZapCall;
  readonly x: Extent;
}

/** What a driver's zaps miss; `own` are those on its ways, with the chain that leads there. */
export function missedBy(exporter: Exporter, zaps: readonly Reach[], chain: Fall['chain']): Fall[] {
  return [missedPrivate(exporter, zaps), missedCopies(exporter, zaps, chain)].filter(
    (f) => f !== null,
  );
}

/**
 * R14: remap_pfn_range() puts the PFN into vm_pgoff of a private writable VMA (6.12 mm/memory.c:2670),
 * which then hangs elsewhere in the mapping's tree than a zap by file offset looks.
 */
function missedPrivate(exporter: Exporter, zaps: readonly Reach[]): Fall | null {
  const byOffset = (r: Reach) => r.x.mapping !== 'vma' && !r.x.offset.all;
  if (zaps.length === 0 || !zaps.every(byOffset)) return null;
  for (const path of exporter.paths) {
    if (!path.cow || path.forwards) continue;
    const entry = path.entries.find(
      (e) => e.by === 'mmap' && e.event.kind === 'entry' && e.event.special,
    );
    const site = entry && primitiveOf(entry.event);
    if (!site) continue;
    const why = `a private writable mapping is not refused: ${site.callee}() makes its vm_pgoff the PFN, and the zap by file offset misses it`;
    return {
      rule: 'R14',
      certainty: entry.depends ? 'depends' : 'always',
      dependsOn: entry.depends,
      when: [],
      chain: entry.event.chain,
      why,
    };
  }
  return null;
}

/** R4: a driver's own list of VMAs, and nothing that adds the copies which mm makes. */
function missedCopies(
  exporter: Exporter,
  zaps: readonly Reach[],
  chain: Fall['chain'],
): Fall | null {
  const kept = (r: Reach) => r.x.mapping === 'vma' && isField(r.z, r.z.call.args[0]);
  if (zaps.length === 0 || !zaps.every(kept)) return null;
  const path = exporter.paths.find((p) => !p.forwards && p.entries.length > 0);
  if (!path || path.unknown.length || path.vmOps?.fields.has('open')) return null;
  const where = path.vmOps ? `${path.vmOps.name} has no open()` : 'the VMA has no open()';
  const why = `${where}: VMAs that fork() or a split makes are not among those that are zapped`;
  return { rule: 'R4', certainty: 'always', dependsOn: null, when: [], chain, why };
}

/** Whether a VMA is one that the driver keeps, not one that it has just looked up. */
function isField({ def }: ZapCall, e: Expr | undefined, depth = 0): boolean {
  if (e?.k === 'member')
    return e.name !== 'vma' || !/^vmf\b/.test(e.of.k === 'id' ? e.of.name : '');
  if (e?.k !== 'id' || depth > 3) return false;
  const values = valuesOf(def, e.name);
  return values.length > 0 && values.every((v) => isField({ def } as ZapCall, v, depth + 1));
}
