;; SPDX-License-Identifier: GPL-2.0-or-later
;; The tokens of C in a text's bytes, as columns: all of them, or all but those in braces, of which only the
;; names are noted. scanner.ts says where what is in memory; test/check/reading.test.ts holds that it carries
;; this.
(module
  (memory (export "memory") 64)

  ;; What the last token was, as Kind in lex.ts, and whether it is a directive with a brace or a comment in it.
  (global $kind (mut i32) (i32.const 0))
  (global $braced (mut i32) (i32.const 0))

  ;; What stands at an offset of the text is at 0x400000 and on, its class in a table at 1024: 1 word, 2 digit,
  ;; 4 blank, 8 never part of a longer operator, 16 of a word in the sense of \w.
  (func $is (param $at i32) (param $a i32) (param $b i32) (result i32)
    (i32.and
      (i32.eq (i32.load8_u offset=0x400000 (local.get $at)) (local.get $a))
      (i32.eq (i32.load8_u offset=0x400000 (i32.add (local.get $at) (i32.const 1))) (local.get $b))))

  ;; The first of three characters at an offset or behind it; `end` if there is none.
  (func $nextOf (param $at i32) (param $end i32) (param $a v128) (param $b v128) (param $c v128) (result i32)
    (local $bytes v128) (local $found i32)
    (loop $more
      (if (i32.ge_s (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (local.set $bytes (v128.load offset=0x400000 (local.get $at)))
      (local.set $found (i8x16.bitmask (v128.or
        (i8x16.eq (local.get $bytes) (local.get $a))
        (v128.or
          (i8x16.eq (local.get $bytes) (local.get $b))
          (i8x16.eq (local.get $bytes) (local.get $c))))))
      (if (i32.eqz (local.get $found))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $more))))
    (local.set $at (i32.add (local.get $at) (i32.ctz (local.get $found))))
    (select (local.get $at) (local.get $end) (i32.lt_s (local.get $at) (local.get $end))))

  ;; Past the end of a block comment.
  (func $commentEnd (param $at i32) (param $end i32) (result i32)
    (local $star v128)
    (local.set $star (i8x16.splat (i32.const 42)))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (loop $more
      (local.set $at (call $nextOf
        (i32.add (local.get $at) (i32.const 1)) (local.get $end)
        (local.get $star) (local.get $star) (local.get $star)))
      (if (i32.ge_s (local.get $at) (i32.sub (local.get $end) (i32.const 1))) (then (return (local.get $end))))
      (br_if $more (i32.ne
        (i32.load8_u offset=0x400000 (i32.add (local.get $at) (i32.const 1)))
        (i32.const 47))))
    (i32.add (local.get $at) (i32.const 2)))

  (func $lineEnd (param $at i32) (param $end i32) (result i32)
    (local $break v128)
    (local.set $break (i8x16.splat (i32.const 10)))
    (call $nextOf (local.get $at) (local.get $end) (local.get $break) (local.get $break) (local.get $break)))

  ;; Over blanks, comments and stray backslashes.
  (func $blanks (param $at i32) (param $end i32) (result i32)
    (local $c i32)
    (loop $more
      (if (i32.ge_s (local.get $at) (local.get $end)) (then (return (local.get $at))))
      (local.set $c (i32.load8_u offset=0x400000 (local.get $at)))
      (if (i32.or (i32.le_u (local.get $c) (i32.const 32)) (i32.eq (local.get $c) (i32.const 92)))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $more)))
      (if (i32.eq (local.get $c) (i32.const 47))
        (then
          (local.set $c (i32.load8_u offset=0x400000 (i32.add (local.get $at) (i32.const 1))))
          (if (i32.eq (local.get $c) (i32.const 42))
            (then
              (local.set $at (call $commentEnd (local.get $at) (local.get $end)))
              (br $more)))
          (if (i32.eq (local.get $c) (i32.const 47))
            (then
              (local.set $at (call $lineEnd (local.get $at) (local.get $end)))
              (br $more)))))
      (return (local.get $at)))
    (unreachable))

  ;; Whether only blanks, or a comment, stand between the start of the line and there.
  (func $firstOnLine (param $at i32) (result i32)
    (local $c i32)
    (loop $more
      (if (i32.eqz (local.get $at)) (then (return (i32.const 1))))
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (local.set $c (i32.load8_u offset=0x400000 (local.get $at)))
      (br_if $more (i32.or
        (i32.or (i32.eq (local.get $c) (i32.const 32)) (i32.eq (local.get $c) (i32.const 9)))
        (i32.or (i32.eq (local.get $c) (i32.const 13)) (i32.eq (local.get $c) (i32.const 12))))))
    (if (i32.eq (local.get $c) (i32.const 10)) (then (return (i32.const 1))))
    (if (i32.eqz (local.get $at)) (then (return (i32.const 0))))
    (call $is (i32.sub (local.get $at) (i32.const 1)) (i32.const 42) (i32.const 47)))

  ;; End of a preprocessor line: the first line break that no backslash continues, comments skipped.
  (func $directiveEnd (param $at i32) (param $end i32) (result i32)
    (local $c i32) (local $before i32)
    (global.set $braced (i32.const 0))
    (loop $more
      (local.set $at (call $nextOf (local.get $at) (local.get $end)
        (i8x16.splat (i32.const 10)) (i8x16.splat (i32.const 47)) (i8x16.splat (i32.const 123))))
      (if (i32.ge_s (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (local.set $c (i32.load8_u offset=0x400000 (local.get $at)))
      (if (i32.eq (local.get $c) (i32.const 10))
        (then
          (local.set $before (i32.sub (local.get $at) (i32.const 1)))
          (if (i32.eq (i32.load8_u offset=0x400000 (local.get $before)) (i32.const 13))
            (then (local.set $before (i32.sub (local.get $before) (i32.const 1)))))
          (if (i32.ne (i32.load8_u offset=0x400000 (local.get $before)) (i32.const 92))
            (then (return (local.get $at))))))
      (if (i32.eq (local.get $c) (i32.const 123)) (then (global.set $braced (i32.const 1))))
      (if (i32.eq (local.get $c) (i32.const 47))
        (then
          (if (call $is (local.get $at) (i32.const 47) (i32.const 42))
            (then
              ;; There may be a brace in it.
              (global.set $braced (i32.const 1))
              (local.set $at (call $commentEnd (local.get $at) (local.get $end)))
              (br $more)))
          (if (call $is (local.get $at) (i32.const 47) (i32.const 47))
            (then
              (local.set $at (call $lineEnd (local.get $at) (local.get $end)))
              (br $more)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $more))
    (unreachable))

  (func $quotedEnd (param $at i32) (param $end i32) (result i32)
    (local $quote i32) (local $c i32)
    (local.set $quote (i32.load8_u offset=0x400000 (local.get $at)))
    (loop $more
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (if (i32.ge_s (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (local.set $c (i32.load8_u offset=0x400000 (local.get $at)))
      (if (i32.eq (local.get $c) (local.get $quote)) (then (return (i32.add (local.get $at) (i32.const 1)))))
      (if (i32.eq (local.get $c) (i32.const 10)) (then (return (local.get $at))))
      (if (i32.eq (local.get $c) (i32.const 92)) (then (local.set $at (i32.add (local.get $at) (i32.const 1)))))
      (br $more))
    (unreachable))

  ;; Length of the operator: the longest that C knows.
  (func $operatorLength (param $at i32) (result i32)
    (local $c i32) (local $d i32) (local $e i32)
    (if (i32.and (i32.load8_u offset=1024 (i32.load8_u offset=0x400000 (local.get $at))) (i32.const 8))
      (then (return (i32.const 1))))
    (local.set $c (i32.load8_u offset=0x400000 (local.get $at)))
    (local.set $d (i32.load8_u offset=0x400000 (i32.add (local.get $at) (i32.const 1))))
    (if (i32.eq (local.get $d) (i32.const 61)) (then (return (i32.const 2))))
    (if (call $is (local.get $at) (i32.const 45) (i32.const 62)) (then (return (i32.const 2))))
    (if (i32.ne (local.get $d) (local.get $c)) (then (return (i32.const 1))))
    (local.set $e (i32.load8_u offset=0x400000 (i32.add (local.get $at) (i32.const 2))))
    (if (i32.eq (local.get $c) (i32.const 46))
      (then (return (select (i32.const 3) (i32.const 1) (i32.eq (local.get $e) (i32.const 46))))))
    (if (i32.or (i32.eq (local.get $c) (i32.const 60)) (i32.eq (local.get $c) (i32.const 62)))
      (then (return (select (i32.const 3) (i32.const 2) (i32.eq (local.get $e) (i32.const 61))))))
    ;; + - & # |
    (select (i32.const 2) (i32.const 1)
      (i32.or
        (i32.or (i32.eq (local.get $c) (i32.const 43)) (i32.eq (local.get $c) (i32.const 45)))
        (i32.or
          (i32.or (i32.eq (local.get $c) (i32.const 38)) (i32.eq (local.get $c) (i32.const 35)))
          (i32.eq (local.get $c) (i32.const 124))))))

  ;; Past the characters of a class, and dots if it is a number.
  (func $run (param $at i32) (param $end i32) (param $class i32) (param $dot i32) (result i32)
    (loop $more
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (if (i32.lt_s (local.get $at) (local.get $end))
        (then
          (br_if $more (i32.and
            (i32.load8_u offset=1024 (i32.load8_u offset=0x400000 (local.get $at)))
            (local.get $class)))
          (br_if $more (i32.eq (i32.load8_u offset=0x400000 (local.get $at)) (local.get $dot))))))
    (local.get $at))

  ;; Past the end of a token; $kind is what it is.
  (func $tokenEnd (param $at i32) (param $end i32) (result i32)
    (local $c i32)
    (local.set $c (i32.load8_u offset=1024 (i32.load8_u offset=0x400000 (local.get $at))))
    (if (i32.and (local.get $c) (i32.const 1))
      (then
        (global.set $kind (i32.const 1))
        (return (call $run (local.get $at) (local.get $end) (i32.const 3) (i32.const 256)))))
    (if (i32.and (local.get $c) (i32.const 2))
      (then
        (global.set $kind (i32.const 2))
        (return (call $run (local.get $at) (local.get $end) (i32.const 3) (i32.const 46)))))
    (local.set $c (i32.load8_u offset=0x400000 (local.get $at)))
    (if (i32.or (i32.eq (local.get $c) (i32.const 34)) (i32.eq (local.get $c) (i32.const 39)))
      (then
        (global.set $kind (select (i32.const 3) (i32.const 4) (i32.eq (local.get $c) (i32.const 34))))
        (return (call $quotedEnd (local.get $at) (local.get $end)))))
    (if (i32.eq (local.get $c) (i32.const 35))
      (then
        (if (call $firstOnLine (local.get $at))
          (then
            (global.set $kind (i32.const 6))
            (return (call $directiveEnd (local.get $at) (local.get $end)))))))
    (global.set $kind (i32.const 5))
    (local.set $at (i32.add (local.get $at) (call $operatorLength (local.get $at))))
    (select (local.get $at) (local.get $end) (i32.lt_s (local.get $at) (local.get $end))))

  ;; Writes the tokens of [at, end) as columns, offsets greater by $first, and says how many there are.
  (func (export "tokens") (param $at i32) (param $end i32) (param $first i32)
    (param $kinds i32) (param $starts i32) (param $ends i32) (result i32)
    (local $n i32)
    (loop $more
      (local.set $at (call $blanks (local.get $at) (local.get $end)))
      (if (i32.ge_s (local.get $at) (local.get $end)) (then (return (local.get $n))))
      (i32.store (i32.add (local.get $starts) (i32.shl (local.get $n) (i32.const 2)))
        (i32.add (local.get $first) (local.get $at)))
      (local.set $at (call $tokenEnd (local.get $at) (local.get $end)))
      (i32.store (i32.add (local.get $ends) (i32.shl (local.get $n) (i32.const 2)))
        (i32.add (local.get $first) (local.get $at)))
      (i32.store8 (i32.add (local.get $kinds) (local.get $n)) (global.get $kind))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $more))
    (unreachable))

  ;; --- names -------------------------------------------------------------------------------------

  ;; The number of a name in a part: numberOf() in names.ts.
  (func $number (export "number") (param $part i32) (param $at i32) (param $end i32) (result i32)
    (local $h i32)
    (local.set $h (i32.xor (i32.const 0x811c9dc5) (local.get $part)))
    (block $done
      (loop $more
        (br_if $done (i32.ge_s (local.get $at) (local.get $end)))
        (local.set $h (i32.mul
          (i32.xor (local.get $h) (i32.load8_u offset=0x400000 (local.get $at)))
          (i32.const 0x01000193)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $more)))
    (local.set $h (i32.mul
      (i32.xor (local.get $h) (i32.shr_u (local.get $h) (i32.const 15)))
      (i32.const 0x2c1b3c6d)))
    (i32.xor (local.get $h) (i32.shr_u (local.get $h) (i32.const 13))))

  ;; Takes a number down, once. The slots are at 1 MB: of a number and the turn that it was put there.
  (func $add (export "add") (param $number i32)
    (local $slot i32) (local $count i32) (local $mask i32)
    (local.set $mask (i32.load offset=8 (i32.const 0)))
    (local.set $slot (i32.shl (i32.and (local.get $number) (local.get $mask)) (i32.const 3)))
    (block $free
      (loop $more
        (br_if $free (i32.ne
          (i32.load offset=1048580 (local.get $slot))
          (i32.load offset=4 (i32.const 0))))
        (if (i32.eq (i32.load offset=1048576 (local.get $slot)) (local.get $number)) (then (return)))
        (local.set $slot (i32.and
          (i32.add (local.get $slot) (i32.const 8))
          (i32.shl (local.get $mask) (i32.const 3))))
        (br $more)))
    (local.set $count (i32.load offset=0 (i32.const 0)))
    (if (i32.gt_u (i32.shl (local.get $count) (i32.const 1)) (local.get $mask)) (then (return)))
    (i32.store offset=1048576 (local.get $slot) (local.get $number))
    (i32.store offset=1048580 (local.get $slot) (i32.load offset=4 (i32.const 0)))
    ;; The numbers in order are at 512 KB.
    (i32.store offset=524288 (i32.shl (local.get $count) (i32.const 2)) (local.get $number))
    (i32.store offset=0 (i32.const 0) (i32.add (local.get $count) (i32.const 1))))

  (func $name (param $part i32) (param $at i32) (param $end i32)
    (call $add (call $number (local.get $part) (local.get $at) (local.get $end))))

  ;; The names of a macro's definition from behind the word: its own (2), and the structs that it makes
  ;; tables of (9).
  (func $define (param $at i32) (param $end i32)
    (local $word i32) (local $after i32) (local $class i32)
    (block $blank
      (loop $more
        (br_if $blank (i32.ge_s (local.get $at) (local.get $end)))
        (br_if $blank (i32.gt_u (i32.load8_u offset=0x400000 (local.get $at)) (i32.const 32)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $more)))
    (local.set $word (local.get $at))
    (if (i32.or
          (i32.ge_s (local.get $word) (local.get $end))
          (i32.eqz (i32.and (i32.load8_u offset=1024 (i32.load8_u offset=0x400000 (local.get $word))) (i32.const 16))))
      (then (return)))
    (local.set $at (call $run (local.get $at) (local.get $end) (i32.const 16) (i32.const 256)))
    (call $name (i32.const 2) (local.get $word) (local.get $at))
    (if (i32.eqz (global.get $braced)) (then (return)))
    ;; struct name, with blanks or the end of a line in between
    (loop $more
      (if (i32.ge_s (local.get $at) (local.get $end)) (then (return)))
      (local.set $class (i32.load8_u offset=1024 (i32.load8_u offset=0x400000 (local.get $at))))
      (if (i32.eqz (i32.and (local.get $class) (i32.const 16)))
        (then
          (if (i32.eqz (i32.or
                (i32.and (local.get $class) (i32.const 4))
                (i32.eq (i32.load8_u offset=0x400000 (local.get $at)) (i32.const 92))))
            (then (local.set $after (i32.const 0))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $more)))
      (local.set $word (local.get $at))
      (local.set $at (call $run (local.get $at) (local.get $end) (i32.const 16) (i32.const 256)))
      (if (local.get $after) (then (call $name (i32.const 9) (local.get $word) (local.get $at))))
      ;; "struct"
      (local.set $after (i32.and
        (i32.eq (i32.sub (local.get $at) (local.get $word)) (i32.const 6))
        (i32.and
          (i32.eq (i32.load offset=0x400000 (local.get $word)) (i32.const 0x75727473))
          (call $is (i32.add (local.get $word) (i32.const 4)) (i32.const 99) (i32.const 116)))))
      (br $more))
    (unreachable))

  ;; --- the outline -------------------------------------------------------------------------------

  ;; Where the word of a directive begins.
  (func $directiveWord (param $at i32) (param $end i32) (result i32)
    (block $done
      (loop $more
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $more (i32.and
          (i32.lt_s (local.get $at) (local.get $end))
          (i32.le_u (i32.load8_u offset=0x400000 (local.get $at)) (i32.const 32))))))
    (local.get $at))

  ;; Whether the word of a directive is "define".
  (func $isDefine (param $word i32) (result i32)
    (i32.and
      (i32.and
        (i32.eq (i32.load offset=0x400000 (local.get $word)) (i32.const 0x69666564))
        (call $is (i32.add (local.get $word) (i32.const 4)) (i32.const 110) (i32.const 101)))
      (i32.eqz (i32.and
        (i32.load8_u offset=1024 (i32.load8_u offset=0x400006 (local.get $word)))
        (i32.const 16)))))

  ;; An #if, #else or #endif, by the first letters of its word: the depth that the brackets have behind it. For
  ;; each #if around there are at 4096 the depth before it and that at the end of its first branch (-1: not yet
  ;; known). -1 where it cuts through brackets.
  (func $branch (param $word i32) (param $depth i32) (result i32)
    (local $top i32) (local $two i32)
    (local.set $two (i32.load16_u offset=0x400000 (local.get $word)))
    (local.set $top (i32.load offset=12 (i32.const 0)))
    ;; "if"
    (if (i32.eq (local.get $two) (i32.const 0x6669))
      (then
        (if (i32.eq (local.get $top) (i32.const 512)) (then (return (i32.const -1))))
        (i32.store offset=4096 (local.get $top) (local.get $depth))
        (i32.store offset=4100 (local.get $top) (i32.const -1))
        (i32.store offset=12 (i32.const 0) (i32.add (local.get $top) (i32.const 8)))
        (return (local.get $depth))))
    ;; Only "el" and "en" are left.
    (if (i32.eqz (local.get $top))
      (then (return (select (i32.const -1) (local.get $depth)
        (i32.and (i32.eq (local.get $two) (i32.const 0x6c65)) (i32.ne (local.get $depth) (i32.const 0)))))))
    (local.set $top (i32.sub (local.get $top) (i32.const 8)))
    (if (i32.and (i32.eqz (i32.load offset=4096 (local.get $top))) (i32.ne (local.get $depth) (i32.const 0)))
      (then (return (i32.const -1))))
    (if (i32.eq (local.get $two) (i32.const 0x6c65))
      (then
        (if (i32.lt_s (i32.load offset=4100 (local.get $top)) (i32.const 0))
          (then (i32.store offset=4100 (local.get $top) (local.get $depth))))
        (return (i32.load offset=4096 (local.get $top)))))
    (i32.store offset=12 (i32.const 0) (local.get $top))
    (select (local.get $depth) (i32.load offset=4100 (local.get $top))
      (i32.lt_s (i32.load offset=4100 (local.get $top)) (i32.const 0))))

  ;; Whether what stands inside brackets at this depth began before the #if that is around.
  (func $isCut (param $depth i32) (result i32)
    (local $top i32)
    (local.set $top (i32.load offset=12 (i32.const 0)))
    (if (i32.or (local.get $depth) (i32.eqz (local.get $top))) (then (return (i32.const 0))))
    (i32.ne (i32.load offset=4088 (local.get $top)) (i32.const 0)))

  ;; The tokens of [0, end) as columns but for those in braces and square brackets, of which only lines of the
  ;; preprocessor are told: of a #define if `defines`, or if it is the first of some in a row. Names of macros (2),
  ;; of types of members (8) and, if `bodies`, of what is called (6) and assigned (7) are taken down. Says how
  ;; many tokens there are; -1 if brackets do not match.
  (func (export "outline") (param $end i32) (param $bodies i32) (param $defines i32)
    (param $kinds i32) (param $starts i32) (param $ends i32) (result i32)
    (local $n i32) (local $at i32) (local $from i32) (local $c i32) (local $class i32) (local $kind i32)
    (local $depth i32) (local $hidden i32) (local $members i32) (local $struct i32)
    ;; The last two tokens, as characters, 256 a word, 257 `->`, 258 a number or a string, 259 a directive.
    (local $prev i32) (local $prev2 i32)
    ;; The last two words, and whether a comment stands before the last one and before the next token.
    (local $wordAt i32) (local $wordEnd i32) (local $lastAt i32) (local $lastEnd i32)
    (local $wordComment i32) (local $comment i32)
    (local.set $struct (i32.const -10))
    (block $done
      (loop $more
        (br_if $done (i32.ge_s (local.get $at) (local.get $end)))
        (local.set $c (i32.load8_u offset=0x400000 (local.get $at)))
        (if (i32.le_u (local.get $c) (i32.const 32))
          (then
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $more)))
        (local.set $class (i32.load8_u offset=1024 (local.get $c)))
        (local.set $from (local.get $at))
        (block $tell
          ;; A word: zeros behind the text end it.
          (if (i32.and (local.get $class) (i32.const 1))
            (then
              (loop $word
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br_if $word (i32.and
                  (i32.load8_u offset=1024 (i32.load8_u offset=0x400000 (local.get $at)))
                  (i32.const 3))))
              (local.set $prev2 (local.get $prev))
              (local.set $prev (i32.const 256))
              (local.set $lastAt (local.get $wordAt))
              (local.set $lastEnd (local.get $wordEnd))
              (local.set $wordAt (local.get $from))
              (local.set $wordEnd (local.get $at))
              (local.set $wordComment (local.get $comment))
              (local.set $comment (i32.const 0))
              (br_if $more (local.get $hidden))
              ;; "struct", "union"
              (if (i32.and
                    (i32.eqz (local.get $depth))
                    (i32.or
                      (i32.and
                        (i32.eq (i32.sub (local.get $at) (local.get $from)) (i32.const 6))
                        (i32.and
                          (i32.eq (i32.load offset=0x400000 (local.get $from)) (i32.const 0x75727473))
                          (call $is (i32.add (local.get $from) (i32.const 4)) (i32.const 99) (i32.const 116))))
                      (i32.and
                        (i32.eq (i32.sub (local.get $at) (local.get $from)) (i32.const 5))
                        (i32.and
                          (i32.eq (i32.load offset=0x400000 (local.get $from)) (i32.const 0x6f696e75))
                          (i32.eq (i32.load8_u offset=0x400004 (local.get $from)) (i32.const 110))))))
                (then (local.set $struct (local.get $n))))
              (local.set $kind (i32.const 1))
              (br $tell)))
          ;; A character that stands alone.
          (if (i32.and (local.get $class) (i32.const 8))
            (then (local.set $at (i32.add (local.get $at) (i32.const 1))))
            (else
              (if (i32.and (local.get $class) (i32.const 2))
                (then
                  (local.set $at (call $run (local.get $at) (local.get $end) (i32.const 3) (i32.const 46)))
                  (local.set $kind (i32.const 2))
                  (local.set $class (i32.const 0)))
                (else
                  (local.set $class (i32.const 8))
                  (if (i32.eq (local.get $c) (i32.const 47))
                    (then
                      (if (call $is (local.get $at) (i32.const 47) (i32.const 42))
                        (then
                          (local.set $at (call $commentEnd (local.get $at) (local.get $end)))
                          (local.set $comment (i32.const 1))
                          (br $more)))
                      (if (call $is (local.get $at) (i32.const 47) (i32.const 47))
                        (then
                          (local.set $at (call $lineEnd (local.get $at) (local.get $end)))
                          (local.set $comment (i32.const 1))
                          (br $more)))))
                  (if (i32.eq (local.get $c) (i32.const 92))
                    (then
                      (local.set $at (i32.add (local.get $at) (i32.const 1)))
                      (br $more)))
                  (if (i32.or (i32.eq (local.get $c) (i32.const 34)) (i32.eq (local.get $c) (i32.const 39)))
                    (then
                      (local.set $at (call $quotedEnd (local.get $at) (local.get $end)))
                      (local.set $kind (select (i32.const 3) (i32.const 4) (i32.eq (local.get $c) (i32.const 34))))
                      (local.set $class (i32.const 0)))
                    (else
                      (if (i32.eq (local.get $c) (i32.const 35))
                        (then
                          (if (call $firstOnLine (local.get $at))
                            (then
                              (local.set $at (call $directiveEnd (local.get $at) (local.get $end)))
                              (local.set $c (call $directiveWord (local.get $from) (local.get $at)))
                              (local.set $kind (i32.ne (local.get $prev) (i32.const 259)))
                              (local.set $prev2 (local.get $prev))
                              (local.set $prev (i32.const 259))
                              (local.set $comment (i32.const 0))
                              (local.set $class (i32.load16_u offset=0x400000 (local.get $c)))
                              ;; "de"
                              (if (i32.eq (local.get $class) (i32.const 0x6564))
                                (then
                                  (if (call $isDefine (local.get $c))
                                    (then
                                      (call $define (i32.add (local.get $c) (i32.const 6)) (local.get $at))
                                      (br_if $more (i32.eqz (i32.or
                                        (local.get $defines)
                                        (i32.and (local.get $kind) (i32.eqz (local.get $hidden))))))))))
                              ;; "if", "el", "en"
                              (if (i32.or
                                    (i32.eq (local.get $class) (i32.const 0x6669))
                                    (i32.or
                                      (i32.eq (local.get $class) (i32.const 0x6c65))
                                      (i32.eq (local.get $class) (i32.const 0x6e65))))
                                (then
                                  (local.set $depth (call $branch (local.get $c) (local.get $depth)))
                                  (if (i32.lt_s (local.get $depth) (i32.const 0)) (then (return (i32.const -1))))
                                  (if (i32.lt_s (local.get $depth) (local.get $hidden))
                                    (then (local.set $hidden (i32.const 0))))))
                              (local.set $kind (i32.const 6))
                              (br $tell)))))
                      (local.set $at (i32.add (local.get $at) (call $operatorLength (local.get $at))))))))))
          (if (i32.gt_s (local.get $at) (local.get $end)) (then (local.set $at (local.get $end))))
          (if (i32.eqz (local.get $class))
            (then
              (local.set $prev2 (local.get $prev))
              (local.set $prev (i32.const 258))
              (local.set $comment (i32.const 0))
              (br_if $more (local.get $hidden))
              (br $tell)))
          (local.set $kind (i32.const 5))
          (if (i32.eq (local.get $prev) (i32.const 256))
            (then
              (if (local.get $bodies)
                (then
                  (if (i32.eq (local.get $c) (i32.const 40))
                    (then (call $name (i32.const 6) (local.get $wordAt) (local.get $wordEnd))))
                  (if (i32.and
                        (i32.and
                          (i32.eq (local.get $c) (i32.const 61))
                          (i32.eq (i32.sub (local.get $at) (local.get $from)) (i32.const 1)))
                        (i32.or
                          (i32.eq (local.get $prev2) (i32.const 46))
                          (i32.eq (local.get $prev2) (i32.const 257))))
                    (then (call $name (i32.const 7) (local.get $wordAt) (local.get $wordEnd))))))
              ;; The type of a member: two words before `;` or `[` in a struct.
              (if (i32.and
                    (i32.and
                      (i32.eq (local.get $prev2) (i32.const 256))
                      (i32.or (i32.eq (local.get $c) (i32.const 59)) (i32.eq (local.get $c) (i32.const 91))))
                    (i32.and
                      (local.get $members)
                      (i32.eqz (i32.or (local.get $comment) (local.get $wordComment)))))
                (then (call $name (i32.const 8) (local.get $lastAt) (local.get $lastEnd))))))
          (local.set $comment (i32.const 0))
          (local.set $prev2 (local.get $prev))
          (local.set $prev (local.get $c))
          (if (i32.or
                (i32.eq (local.get $c) (i32.const 40))
                (i32.or (i32.eq (local.get $c) (i32.const 91)) (i32.eq (local.get $c) (i32.const 123))))
            (then
              (if (i32.eq (local.get $depth) (i32.const 1000)) (then (return (i32.const -1))))
              ;; What closes it, at 2048.
              (i32.store8 offset=2048 (local.get $depth)
                (i32.add (local.get $c) (select (i32.const 1) (i32.const 2) (i32.eq (local.get $c) (i32.const 40)))))
              (local.set $depth (i32.add (local.get $depth) (i32.const 1)))
              (br_if $more (local.get $hidden))
              (if (i32.and (i32.eq (local.get $c) (i32.const 123)) (i32.eq (local.get $depth) (i32.const 1)))
                (then (local.set $members (i32.and
                  (i32.le_s (i32.sub (local.get $n) (local.get $struct)) (i32.const 4))
                  (i32.ne (local.get $prev2) (i32.const 61))))))
              (if (i32.ne (local.get $c) (i32.const 40)) (then (local.set $hidden (local.get $depth))))
              (br $tell)))
          (if (i32.or
                (i32.eq (local.get $c) (i32.const 41))
                (i32.or (i32.eq (local.get $c) (i32.const 93)) (i32.eq (local.get $c) (i32.const 125))))
            (then
              (if (i32.eqz (local.get $depth)) (then (return (i32.const -1))))
              (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
              (if (i32.or
                    (i32.ne (i32.load8_u offset=2048 (local.get $depth)) (local.get $c))
                    (call $isCut (local.get $depth)))
                (then (return (i32.const -1))))
              (if (i32.eqz (local.get $depth)) (then (local.set $members (i32.const 0))))
              (if (i32.lt_s (local.get $depth) (local.get $hidden)) (then (local.set $hidden (i32.const 0))))))
          (if (i32.eq (local.get $c) (i32.const 45))
            (then
              (if (call $is (local.get $from) (i32.const 45) (i32.const 62)) (then (local.set $prev (i32.const 257))))))
          (br_if $more (local.get $hidden)))
        (i32.store8 (i32.add (local.get $kinds) (local.get $n)) (local.get $kind))
        (i32.store (i32.add (local.get $starts) (i32.shl (local.get $n) (i32.const 2))) (local.get $from))
        (i32.store (i32.add (local.get $ends) (i32.shl (local.get $n) (i32.const 2))) (local.get $at))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $more)))
    (select (i32.const -1) (local.get $n) (i32.ne (local.get $depth) (i32.const 0)))))
