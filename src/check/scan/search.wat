;; SPDX-License-Identifier: GPL-2.0-or-later
;; Where one of up to eight sets of three-byte words may stand: sixteen positions at a time, each of the
;; three bytes looked up by its low and its high half in a table that holds one bit per set. The six
;; tables are in the first 96 bytes of memory. test/check/scan.test.ts holds that search.ts carries this.
(module
  (memory (export "memory") 1)
  ;; The first such position in [at, end), or -1. Reads up to 18 bytes beyond the end.
  (func (export "next") (param $at i32) (param $end i32) (result i32)
    (local $low0 v128) (local $high0 v128)
    (local $low1 v128) (local $high1 v128)
    (local $low2 v128) (local $high2 v128)
    (local $half v128) (local $bytes v128) (local $sets v128)
    (local.set $low0 (v128.load (i32.const 0)))
    (local.set $high0 (v128.load (i32.const 16)))
    (local.set $low1 (v128.load (i32.const 32)))
    (local.set $high1 (v128.load (i32.const 48)))
    (local.set $low2 (v128.load (i32.const 64)))
    (local.set $high2 (v128.load (i32.const 80)))
    (local.set $half (v128.const i8x16 15 15 15 15 15 15 15 15 15 15 15 15 15 15 15 15))
    (block $done
      (loop $more
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $bytes (v128.load (local.get $at)))
        (local.set $sets (v128.and
          (i8x16.swizzle (local.get $low0) (v128.and (local.get $bytes) (local.get $half)))
          (i8x16.swizzle (local.get $high0) (i8x16.shr_u (local.get $bytes) (i32.const 4)))))
        (local.set $bytes (v128.load offset=1 (local.get $at)))
        (local.set $sets (v128.and (local.get $sets) (v128.and
          (i8x16.swizzle (local.get $low1) (v128.and (local.get $bytes) (local.get $half)))
          (i8x16.swizzle (local.get $high1) (i8x16.shr_u (local.get $bytes) (i32.const 4))))))
        (local.set $bytes (v128.load offset=2 (local.get $at)))
        (local.set $sets (v128.and (local.get $sets) (v128.and
          (i8x16.swizzle (local.get $low2) (v128.and (local.get $bytes) (local.get $half)))
          (i8x16.swizzle (local.get $high2) (i8x16.shr_u (local.get $bytes) (i32.const 4))))))
        (if (v128.any_true (local.get $sets))
          (then (return (i32.add (local.get $at) (i32.ctz (i32.xor (i32.const 65535)
            (i8x16.bitmask (i8x16.eq (local.get $sets) (v128.const i32x4 0 0 0 0)))))))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $more)))
    (i32.const -1)))
