// SPDX-License-Identifier: GPL-2.0-or-later
/** Counterexamples of the model as programs for real kernels: what they become, and what comes of them. */
import { beforeAll, describe, expect, test } from 'vitest';
import { need } from '../../scripts/tools.mjs';
import { stageNamed, stageSchedule } from '../../src/cli/reproduce-model.ts';
import { parseAddress } from '../../src/report/address.ts';
import { pfnmap, useBuild } from '../cli/program.ts';

const { signal } = new AbortController();
const linesOf = async (name: string) =>
  (await stageNamed(name, '6.12', signal)).lines.map(({ text, model }) => `${text} -> ${model}`);
const whyNot = async (name: string) => (await stageNamed(name, '6.12', signal)).cannot;

describe('a counterexample becomes a program', () => {
  test('each thread an op after the other, where every switch lies between system calls', async () => {
    expect(await linesOf('ttm/follow-and-keep')).toEqual([
      '0 buf 0 fpfn 2 6 -> ok',
      '0 map 0 2 0 rw s 0 -> ok',
      '0 w 0 8 0 -> ok',
      '0 w 1 8 0 -> ok',
      '0 hold 0 pfnfix 0 1 -> ok p1s1w1 b0.0.g0 ref1',
      '0 mv 0 0 2 Zp -> ok',
      '0 hw 0 8 2 -> ok',
      '0 dr 0 0 8 -> =0',
      '0 r 0 8 -> =0',
      '0 hr 0 8 -> =2',
    ]);
  });

  test('with a sync point where a switch lies in code of the module', async () => {
    expect(await linesOf('heap/sigbus-for-ever')).toEqual([
      '0 buf 0 rpfn 1 0 -> ok',
      '0 map 0 1 0 rw s 0 -> ok',
      '0 fork -> ok',
      '0 arm move-zapped -> ok',
      '1 bg mv 0 0 1 Zp -> ok',
      '0 reached move-zapped -> ok',
      '0 w 0 8 1 -> BUS2',
      '0 go move-zapped -> ok',
      '1 join -> ok',
      '0 dr 0 0 8 -> =b0f0000000000008',
      '0 r 0 8 -> BUS2',
    ]);
  });

  test('with a notifier of its own, told between the look and the use', async () => {
    expect(await linesOf('kvm/notifier-no-retry')).toEqual([
      '0 buf 0 fpfn 1 6 -> ok',
      '0 map 0 1 0 rw s 0 -> ok',
      '0 fork -> ok',
      '0 arm followed -> ok',
      '1 bg hold 0 pfnmn 0 1 -> ok',
      '0 reached followed -> ok',
      '0 mv 0 0 1 Zp -> ok',
      '0 go followed -> ok',
      '1 join -> ok p0s0w1 b0.0.g0 ref1',
      '1 hw 0 8 2 -> ok',
      '0 dr 0 0 8 -> =b0f0000000000008',
      '0 r 0 8 -> =b0f0000000000008',
      '1 hr 0 8 -> =2',
    ]);
  });

  test('with get_user_pages first, as KVM of 6.1 asks', async () => {
    const vcpu = await linesOf('kvm/vcpu-map-6.1');
    expect(vcpu).toContain('0 hold 0 kvm 0 1 -> ok p1s1w1 b0.0.g0 ref2');
    expect(vcpu).toContain('0 hr 0 8 -> =2');
    // The reference is there for a moment only, and shows in what the lookup says.
    expect(await linesOf('kvm/guest-fault-6.1')).toEqual([
      '0 buf 0 fpfn 1 6 -> ok',
      '0 map 0 1 0 rw s 0 -> ok',
      '0 hold 0 kvmmn 0 1 -> ok p1s1w1 b0.0.g0 ref2',
      '0 dr 0 0 8 -> =b0f0000000000008',
      '0 r 0 8 -> =b0f0000000000008',
      '0 hr 0 8 -> =b0f0000000000008',
    ]);
  });

  test('with reserved pages for a BAR', async () => {
    const lines = await linesOf('vfio/bar-revoked');
    expect(lines[0]).toBe('0 buf 0 hpfn 1 70 -> ok');
    expect(lines).toContain('0 mv 0 0 1 zer -> ok');
    expect(lines).toContain('0 r 0 8 -> BUS2');
    // Whoever pins what has a count finds none here, and follows.
    expect(await linesOf('pci-bar/vfio-type1')).toContain(
      '0 hold 0 vfio 0 1 -> ok p1s1w1 b0.0.g0 ref1',
    );
  });

  test('with a huge entry that maps 512 pages where the cell has two', async () => {
    const lines = await linesOf('test-hpfn/follow-and-keep');
    expect(lines.slice(0, 2)).toEqual(['0 buf 0 hpfn 512 0 -> ok', '0 map 0 512 0 rw s 0 -> ok']);
    expect(lines).toContain('1 bg mv 0 0 512 zp -> ok');
  });

  test('with a fault handler that looks before it locks, stopped between the two', async () => {
    const lines = await linesOf('ttm/looks-before-locking');
    expect(lines.slice(3, 6)).toEqual([
      '0 arm fault-chosen -> ok',
      '1 bg w 0 8 1 -> ok',
      '0 reached fault-chosen -> ok',
    ]);
  });

  test('with the mmap of a file, and what the patch sees of it', async () => {
    const lines = await linesOf('i915/shmem-warns');
    expect(lines.slice(0, 3)).toEqual([
      '0 buf 0 smap 1 32 -> ok',
      '0 map 0 1 0 rw s 0 -> ok',
      expect.stringContaining('0 pwarn -> '),
    ]);
  });

  test('which ends with the kernel, if the kernel dies of it', async () => {
    expect((await linesOf('cow/fault-bug')).at(-1)).toMatch(/^0 w 0 8 1 -> !KERNEL:kernel BUG/);
  });

  test('without a part for a consumer that takes no step', async () => {
    expect(await whyNot('test-rpfn/compaction')).toBeNull();
  });

  test('with a reference that stops nobody', async () => {
    const lines = await linesOf('ttm/follow-with-ref');
    expect(lines).toContain('0 hold 0 pfnref 0 1 -> ok p1s1w1 b0.0.g0 ref2');
    expect(lines).toContain('0 hw 0 8 2 -> ok');
  });

  test('a consumer that a story takes apart is stopped in its gaps', async () => {
    const lines = await linesOf('kvm/gap-before-second-look');
    expect(lines).toContain('0 reached fixed-up -> ok');
    expect(lines).toContain('1 join -> EINVAL p0s0');
    const twice = await linesOf('kvm/gives-up-after-two');
    expect(twice.filter((line) => line === '1 join -> EINVAL p0s0')).toHaveLength(2);
  });

  test('an importer touches the page behind a table', async () => {
    expect(await linesOf('ttm/sg-page-reader')).toContain('0 sgw 0 0 8 2 -> ok');
  });

  test('what is freed too early goes, and its entry stays', async () => {
    const lines = await linesOf('lifetime/fork-not-counted');
    const at = lines.indexOf('0 unmap 0 1 -> ok');
    expect(lines.slice(at - 1, at + 3)).toEqual([
      '0 fork -> ok',
      '0 unmap 0 1 -> ok',
      '0 mv 0 0 1 p -> ok',
      '1 w 0 8 1 -> ok',
    ]);
    expect(await linesOf('lifetime/frees-at-close')).toContain('0 mv 0 0 1 p -> ok');
  });

  test('two buffers on one address_space', async () => {
    const lines = await linesOf('lifetime/two-drivers-one-mapping');
    expect(lines).toContain('0 buf 1 rpfn 1 512 -> ok');
    expect(lines).toContain('0 w 1 8 2 -> BUS2');
  });

  test('a driver of the story mirrors ordinary memory, another thread of one process unmaps it', async () => {
    expect(await linesOf('hmm/lock-dropped-between-pages')).toEqual([
      '0 map 0 2 - rw p 0 -> ok',
      '0 w 0 8 0 -> ok',
      '0 w 1 8 0 -> ok',
      '0 mreg 0 2 k -> ok',
      '0 thread -> ok',
      '0 arm mirror-next -> ok',
      '2 bg mir first -> ok',
      '0 reached mirror-next -> ok',
      '0 unmap 1 1 -> ok',
      '0 go mirror-next -> ok',
      '2 join -> ok',
      '2 mw 0 8 2 -> ok',
      '2 mw 1 8 2 -> ok gone',
      '0 r 0 8 -> =2',
    ]);
    expect(await linesOf('hmm/each-page-before-its-lock')).toContain('2 bg mir each -> ok');
    const refuses = await linesOf('oom/refuses-though-it-may-block');
    expect(refuses).toContain('0 mreg 0 1 kt -> ok');
    expect(refuses).toContain('0 reached mirror-locked -> ok');
  });

  test('two threads are stopped at once, where each waits inside the module', async () => {
    const lines = await linesOf('refcount/zero');
    expect(lines.slice(4)).toEqual([
      '0 arm looked -> ok',
      '1 bg hold 0 pfnref 0 1 -> ok',
      '0 reached looked -> ok',
      '0 arm move-freeing -> ok',
      '2 bg mv 0 0 1 Zf -> ok',
      '0 reached move-freeing -> ok',
      '0 go looked -> ok',
      '1 join -> ok p0s0w1 -',
      '1 hw 0 8 2 -> ok',
      '0 go move-freeing -> ok',
      '2 join -> ok',
      '0 dr 0 0 8 -> =b0f0000000000008',
      '0 r 0 8 -> =b0f0000000000008',
      '1 hr 0 8 -> =2',
    ]);
  });

  test('a page that a handler has answered is stale before mm inserts it', async () => {
    const lines = await linesOf('liar/cpu');
    expect(lines).toContain('0 reached fault-answered -> ok');
    // The buffer's view, another process's, and that of who wrote.
    expect(lines.slice(-3)).toEqual([
      '0 dr 0 0 8 -> =b0f0000000000008',
      '0 r 0 8 -> =b0f0000000000008',
      '1 r 0 8 -> =2',
    ]);
  });

  test('of a livelock one round is run', async () => {
    const { lines, note } = await stageNamed('kvm/loops-until-mapped', '6.12', signal);
    expect(lines.map(({ model }) => model)).toContain('EFAULT p0s0');
    expect(note).toBe('one round: every other is the same again');
  });

  test('and says in what it is not that interleaving', async () => {
    const note = async (name: string) => (await stageNamed(name, '6.12', signal)).note;
    expect(await note('system-heap-insert-page/gup')).toBeNull();
    // The exporter had not let go of its lock when the consumer wrote.
    expect(await note('ttm/follow-and-keep')).toBe(
      '1 switch moved to where a thread can be stopped; the module moves what is evicted here',
    );
  });

  test('a function of the kernel that would have to be stopped is named', async () => {
    expect(await whyNot('migrate/under-kept-pfn')).toBe(
      "the switch after 'set_pte_at(0, page2 W)' lies inside remove_migration_ptes(), which cannot be stopped",
    );
  });

  test.each([
    ['ttm-huge/gup-fast', 'vmf_insert_pfn_pmd() marks a huge entry special here'],
    ['ttm/sg-page-reader-debug', 'mangle_sg_table(), which a stock kernel lacks'],
    ['test-fpfn/numa-balancing', 'lies inside task_numa_work(), which cannot be stopped'],
    ['gup/direct-io-lost', 'lies inside brd_do_bvec(), which cannot be stopped'],
    [
      'test-fipage/follow-ignore-ro',
      'lies inside an instruction of the program, which cannot be stopped',
    ],
    ['sva/tlb-not-told', 'lies inside sva_access(), which cannot be stopped'],
    ['dma-buf/patch-posted', 'see pfnmap reproduce --patch'],
    ['ttm/no-tlb-flush', 'unmap_mapping_range() flushes them before it returns'],
    ['ttm/hmm-mirror', 'the model finds nothing wrong with it on Linux 6.12'],
    ['lifetime/importer-without-reference', 'whoever uses one in the guest holds it'],
    ['kvm/bounded-under-notifier', 'subscribes by another kind of notifier'],
    ['cma/pin-of-old-heap-never-ends', '() would go round for ever, and nobody can stop it there'],
  ])('of %s it is said why not', async (name, why) => {
    expect(await whyNot(name)).toContain(why);
  });

  test('a schedule is taken as it is, or not at all', async () => {
    const address = (text: string) => {
      const parsed = parseAddress(text);
      if (typeof parsed === 'string') throw new Error(parsed);
      return parsed;
    };
    const { schedule } = await stageNamed('ttm/zap-after-copy', '6.12', signal);
    const { lines } = stageSchedule(address(schedule as string));
    expect(lines.map(({ text }) => text)).toContain('0 reached move-switched');
    const torn = await stageNamed('migrate/under-kept-pfn', '6.12', signal);
    expect(stageSchedule(address(torn.schedule as string)).cannot).toMatch(
      /lies inside remove_migration_ptes\(\), which cannot be stopped$/,
    );
  });
});

describe('on real kernels', () => {
  beforeAll(() => {
    for (const tool of ['gcc', 'make', 'qemu-system-x86_64'] as const) need(tool);
  });
  useBuild();

  test('a story is reproduced step for step, beside what the model predicts', async () => {
    const names = [
      'kvm/notifier-no-retry',
      'kvm/follow-with-ref',
      'ttm/follow-and-keep',
      'heap/sigbus-for-ever',
      'gup/liar',
      'kvm/ignores-read-only',
      'kvm/vcpu-map-6.1',
      'kvm/guest-fault-6.1',
      'kvm/pgoff-as-pfn',
      'kvm/refuse-special-breaks-passthrough',
      'vfio/bar-revoked',
      'pci-bar/vfio-type1',
      'ttm/looks-before-locking',
      'ttm-mangled-refs/follow-and-keep',
      'test-hpfn/follow-and-keep',
      'lifetime/mremap-under-follower',
      'i915/shmem-warns',
      'refcount/zero',
      'liar/cpu',
      'hmm/each-page-before-its-lock',
      'oom/refuses-though-it-may-block',
      'cow/fault-bug',
    ];
    const { code, stdout } = await pfnmap(['reproduce', ...names]);
    expect(stdout.match(/^=> the kernel does what the model predicts$/gm)).toHaveLength(
      2 * names.length,
    );
    expect(stdout).toMatch(/^ {2}hw 0 8 2 +ok +ok$/m);
    expect(stdout).toContain('  in the model: pfnmap replay ttm/follow-and-keep@6.1,');
    expect(code).toBe(0);
  });

  test('a schedule is, on the kernels that it is of', async () => {
    const { schedule } = await stageNamed('ttm/zap-after-copy', '6.12', signal);
    const { code, stdout } = await pfnmap(['reproduce', '--json', schedule as string]);
    const { reproduced } = JSON.parse(stdout);
    expect(reproduced).toHaveLength(1);
    expect(reproduced[0]).toMatchObject({ agrees: true, cannot: null, schedule });
    expect(code).toBe(0);
    const other = await pfnmap(['reproduce', '--boot', '6.1', schedule as string]);
    expect(other.stderr).toContain('the schedule is of Linux 6.12, and that is not among --boot');
    expect(other.code).toBe(2);
  });

  test('what cannot be stopped is not run, and leaves nothing proven', async () => {
    const { code, stdout } = await pfnmap(['reproduce', '--boot', '6.12', 'sva/tlb-not-told']);
    expect(stdout).toMatch(/=> not run on 6\.12\S+: the switch .* sva_access\(\), which cannot/);
    expect(code).toBe(3);
  });

  test.each([
    ['ttm/follow-and-kep', "did you mean 'follow-and-keep'?"],
    ['ttm/follow-and-keep:C4.Vy2f', 'is no schedule: there is no @VERSION'],
    ['ttm/follow-and-keep@6.12,move', 'is no schedule: there is no colon with STEPS'],
    ['ttm/follow-and-keep@5.15,move:C4.Vy2f', "is no schedule: '5.15' is no VERSION: 6.12, 6.1"],
    ['ttm/follow-and-keep@6.12,move:C4.V%2f', "is no schedule: '%' is in no STEPS"],
    ['ttm/follow-and-keep@6.12,move:C4.V', "segment 1 ('C4.V') says 4 steps and describes 1"],
    ['ttm/follow-and-keep@6.12:C4.Vy2f', 'its schedule has a way to take memory back'],
  ])('%s is a usage error before anything boots', async (name, why) => {
    const { code, stdout, stderr } = await pfnmap(['reproduce', name]);
    expect(stderr).toContain(why);
    expect([code, stdout]).toEqual([2, '']);
  });
});
