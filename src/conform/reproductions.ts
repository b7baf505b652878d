// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The thread's failures as programs for a real kernel: every switch between threads lies between two
 * ops, so the program is the interleaving. What is said of each is what the model predicts, too.
 */

export interface Reproduction {
  readonly name: string;
  readonly title: string;
  readonly rule: string;
  readonly ops: readonly string[];
}

const program = (name: string, rule: string, title: string, ops: string): Reproduction => ({
  ...{ name, rule, title },
  ops: ops.split('; '),
});

export const REPRODUCTIONS: readonly Reproduction[] = [
  program(
    'stale-pfn',
    'R8',
    'stale PFN after a move: poison is read, a write is lost',
    'buf 0 fpfn 2; map 0 2 0 rw s 0; w 0 8 0x77; hold 0 pfn 0 1; hr 0 8; mv 0 0 2 zp; r 0 8; hr 0 8; hw 0 8 0xbad; r 0 8; dr 0 0 8',
  ),
  program(
    'stale-pfn-reused',
    'R8',
    'the old page now belongs to another process: its data is read and corrupted',
    'buf 0 fpfn 1; map 0 1 0 rw s 0; w 0 8 0x77; fork; 1 pmk; hold 0 pfn 0 1; mv 0 0 1 zf; 1 pwr 4 0x5ec0; hr 0 8; hw 0 8 0x41414141; 1 prd 8; 1 prd 8; 1 prd 8; 1 prd 8; r 0 8',
  ),
  program(
    'unzapped-move',
    'R4',
    'a move that zaps nothing: CPU and device use different pages',
    'buf 0 fpfn 2; map 0 2 0 rw s 0; w 0 8 0x77; mv 0 0 1 p; r 0 8; w 0 8 0x99; dr 0 0 8; mv 0 0 1 ez; r 0 8',
  ),
  program(
    'unzapped-move-reused',
    'R4',
    'and the page goes to another process, which the mapping corrupts',
    'buf 0 fpfn 1; map 0 1 0 rw s 0; w 0 8 0x77; fork; 1 pmk; mv 0 0 1 f; 1 pwr 4 0x5ec0; r 0 8; w 0 8 0x42424242; 1 prd 8; 1 prd 8; 1 prd 8; 1 prd 8',
  ),
  program(
    'ro-write-tracking',
    'R7',
    'a write through a read-only entry bypasses write tracking',
    'buf 0 fpfnw 1; map 0 1 0 rw s 0; r 0 8; pte 0; hold 0 pfn 0 1; hw 0 8 0x66; hwf 0 8 0x66; r 0 8; dr 0 0 8; dst 0 0; w 0 8 0x67; dst 0 0',
  ),
  program(
    'ro-vma',
    'R7',
    'and a PROT_READ mapping',
    'buf 0 fpfn 1; map 0 1 0 r s 0; r 0 8; w 0 8 1; hold 0 pfn 0 1; hw 0 8 0x66; hwf 0 8 0x66; r 0 8; dr 0 0 8',
  ),
  program(
    'ro-cow',
    'R7',
    'and copy-on-write',
    'buf 0 memfd 1; map 0 1 0 rw s 0; w 0 8 0x77; map 100 1 0 rw p 0; r 100 8; hold 0 raw 100 1; hwf 0 8 0x66; r 0 8; hold 1 gup 100 1; hw 1 8 0x55; r 0 8; r 100 8',
  ),
  program(
    'ro-zero-page',
    'R7',
    'and changes the zero page of everybody',
    'map 0 1 - rw p 0; r 0 8; hold 0 raw 0 1; hwf 0 8 0x2e40; map 100 1 - rw p 0; r 100 8',
  ),
  program(
    'pin-diverges',
    'R2',
    'a page from GUP, then a move: both sides go on alone',
    'buf 0 ipage 2; map 0 2 0 rw s 0; w 0 8 0x77; hold 0 gup 0 1; dst 0 0; mv 0 0 2 zf; dst 0 0; hr 0 8; hw 0 8 0xaa; dr 0 0 8; dw 0 0 8 0x88; hr 0 8; r 0 8',
  ),
  program(
    'long-term-pin-diverges',
    'R2',
    'FOLL_LONGTERM does not stop the move either',
    'buf 0 ipage 2; map 0 2 0 rw s 0; w 0 8 0x77; hold 0 pinlt 0 1; mv 0 0 2 zf; hr 0 8; hw 0 8 0xaa; dr 0 0 8; r 0 8',
  ),
  program(
    'vmsplice-diverges',
    'R2',
    'vmsplice is enough for it',
    'buf 0 ipage 2; map 0 2 0 rw s 0; w 0 8 0x77; vmsp 0 1; mv 0 0 2 zf; w 0 8 0x99; dr 0 0 8; prd 8',
  ),
  program(
    'pfnmap-refuses',
    'R1',
    'with VM_PFNMAP and special entries GUP refuses',
    'buf 0 fpfn 2; map 0 2 0 rw s 0; w 0 8 0x77; hold 0 gup 0 1; vmsp 0 1; mv 0 0 2 zf; r 0 8',
  ),
  program(
    'liar-gup-fast',
    'R13',
    'VM_PFNMAP without special entries: GUP-fast goes through on 6.1',
    'buf 0 fpage 1 16; map 0 1 0 rw s 0; w 0 8 0x77; pte 0; pwarn; con gup 0 1; con gupf 0 1; vmsp 0 1; prd 8; odw 0 1 8',
  ),
  program(
    'liar-gup-fast-shmem',
    'R13',
    'the same with shmem pages: on 6.12, too',
    'buf 0 fpage 1 48; map 0 1 0 rw s 0; w 0 8 0x77; pte 0; pwarn; con gup 0 1; con gupf 0 1; con pinlt 0 1; vmsp 0 1; prd 8; odw 0 1 8; hold 0 gupf 0 1; mv 0 0 1 zf; hw 0 8 0xaa; dr 0 0 8; r 0 8',
  ),
  program(
    'private-remap-hides',
    'R14',
    'private remap_pfn_range: the zap misses the mapping',
    'buf 0 rpfn 2 1; map 0 2 0 rw p 0; r 0 8; mv 0 0 2 zp; r 0 8; pte 0; vmas',
  ),
  program(
    'hmm-retry',
    'R8',
    'HMM with its retry does it right',
    'buf 0 fpage 2; map 0 2 0 rw s 0; w 0 8 0x77; hold 0 hmm 0 1; hr 0 8; mv 0 0 2 zp; hr 0 8; hw 0 8 1; hput 0; hold 0 hmm 0 1; hr 0 8; hw 0 8 0x78; dr 0 0 8; r 0 8',
  ),
  program(
    'cow-bug',
    'R14',
    'a private mapping of faulted PFNs that is not refused: BUG_ON at the first touch',
    'buf 0 fpfn 1 1; map 0 1 0 rw p 0; r 0 0',
  ),
  program(
    'revoked-without-notifier',
    'R9',
    'revocation: the mapping gets SIGBUS, a consumer without a notifier goes on',
    'buf 0 fpfn 1; map 0 1 0 rw s 0; w 0 8 0x77; hold 0 pfn 0 1; mv 0 0 1 zpr; r 0 8; hr 0 8; hw 0 8 0xbad',
  ),
  program(
    'revoked-with-notifier',
    'R9',
    'revocation: a consumer with a notifier is told, and finds nothing when it comes back',
    'buf 0 fpage 1; map 0 1 0 rw s 0; w 0 8 0x77; hold 0 hmm 0 1; mv 0 0 1 zpr; hr 0 8; hw 0 8 0xbad; hput 0; con hmm 0 1; r 0 8',
  ),
];
