// SPDX-License-Identifier: GPL-2.0-or-later
/** A file to start from, for one's own driver or scenario; FILE stands for its name. */
export const STARTER = `// Your driver, met by every consumer (or every exporter) that pfnmap knows.
//
//     pfnmap explore FILE
//
// Say only where it differs from a driver that keeps the contract; what you leave
// out is as in KEEPS_CONTRACT and FOLLOWS_CORRECTLY. Your editor lists all traits.
import { driver } from 'pfnmap';

export default driver({
  exporter: {
    id: 'my-driver',
    // What the fault handler, or the mmap callback, puts into the page table.
    inserts: 'fault-pfn', // 'fault-insert-page', 'fault-vmf-page', 'mmap-remap-pfn', ...
    setsFlags: ['VM_PFNMAP', 'VM_DONTEXPAND', 'VM_DONTDUMP'],
    // How it takes memory back while it is mapped: 'move', 'evict', 'revoke', 'disable'.
    takesBack: ['move'],
    // Zapping after the contents were copied loses what is stored in between.
    zap: 'before-copy', // 'after-switch', 'never'
    flushes: true,
    // The lock that decides placement must be held before the handler looks.
    faultLocks: 'under-lock', // 'looks-before-locking'
  },
  // Or a consumer, to be met by every exporter:
  // consumer: { id: 'my-consumer', lookup: 'follow', notifier: true, retries: false },
});

// The other form is a scenario with threads of your own. A step is one atomic access
// to shared memory; between two steps any other thread may run.
//
// import { LockTable, Memory, routine, scenario, step } from 'pfnmap';
//
// function prepare() {
//   type World = { mem: Memory; x: ReturnType<Memory['array']> };
//   const load = step('load', (w: World) => w.x.get(), { text: (_, v) => \`x is \${v}\` });
//   const store = step('store', (w: World, v: number) => w.x.set(0, v));
//   const increment = routine('increment', function* () {
//     const v = yield* load();
//     yield* store(v + 1);
//   });
//   return () => {
//     const mem = new Memory();
//     const locks = new LockTable();
//     const world = { mem, x: mem.array('x', 1, { show: String }) };
//     mem.seal();
//     const final = () => {
//       if (world.x.get() !== 2)
//         mem.report({ severity: 'corrupts', rule: 'count', text: 'an increment is lost' });
//     };
//     const threads = ['a', 'b'].map((name) => ({ name, run: increment }));
//     return { mem, locks, world, threads, final };
//   };
// }
// export default scenario({ id: 'own/counter', title: 'two increments', prepare });
`;
