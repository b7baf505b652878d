;; SPDX-License-Identifier: GPL-2.0-or-later
;; The tokens of C in a text's bytes: all of them, as columns, or one after the other without those in bodies,
;; of which only the names are noted. scanner.ts says where what is in memory; test/check/reading.test.ts holds
;; that it carries this.
(module
  (memory (export "memory") 64)

  ;; Between two tokens: 1 for the end of a line, 2 for a comment.
  (global $gap (mut i32) (i32.const 0))
  ;; What the last token was, as Kind in lex.ts, and whether it is a directive with a brace or a comment in it.
  (global $kind (mut i32) (i32.const 0))
  (global $braced (mut i32) (i32.const 0))

  ;; What stands at an offset of the text is at 0x400000 and on, its class in a table at 1024: 1 word, 2 digit,
  ;; 4 blank, 8 never part of a longer operator, 16 of a word in the sense of \w.
  (func $is (param $at i32) (param $a i32) (param $b i32) (result i32)
    (i32.and
      (i32.eq (i32.load8_u offset=0x400000 (local.get $at)) (local.get $a))
      (i32.eq (i32.load8_u offset=0x400000 (i32.add (local.get $at) (i32.const 1))) (local.get $b))))

  ;; Past the end of a block comment.
  (func $commentEnd (param $at i32) (param $end i32) (result i32)
    (local $c i32)
    (local.set $at (i32.add (local.get $at) (i32.const 2)))
    (loop $more
      (if (i32.ge_s (local.get $at) (i32.sub (local.get $end) (i32.const 1))) (then (return (local.get $end))))
      (local.set $c (i32.load8_u offset=0x400000 (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $more (i32.gt_u (local.get $c) (i32.const 42)))
      (if (i32.eq (local.get $c) (i32.const 10))
        (then (global.set $gap (i32.or (global.get $gap) (i32.const 1)))))
      (br_if $more (i32.ne (local.get $c) (i32.const 42)))
      (br_if $more (i32.ne (i32.load8_u offset=0x400000 (local.get $at)) (i32.const 47)))
      (return (i32.add (local.get $at) (i32.const 1))))
    (unreachable))

  (func $lineEnd (param $at i32) (param $end i32) (result i32)
    (loop $more
      (if (i32.ge_s (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (if (i32.eq (i32.load8_u offset=0x400000 (local.get $at)) (i32.const 10)) (then (return (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $more))
    (unreachable))

  ;; Over blanks, comments and stray backslashes.
  (func $blanks (param $at i32) (param $end i32) (result i32)
    (local $c i32)
    (loop $more
      (if (i32.ge_s (local.get $at) (local.get $end)) (then (return (local.get $at))))
      (local.set $c (i32.load8_u offset=0x400000 (local.get $at)))
      (if (i32.le_u (local.get $c) (i32.const 32))
        (then
          (if (i32.eq (local.get $c) (i32.const 10))
            (then (global.set $gap (i32.or (global.get $gap) (i32.const 1)))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $more)))
      (if (i32.eq (local.get $c) (i32.const 92))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $more)))
      (if (i32.eq (local.get $c) (i32.const 47))
        (then
          (local.set $c (i32.load8_u offset=0x400000 (i32.add (local.get $at) (i32.const 1))))
          (if (i32.eq (local.get $c) (i32.const 42))
            (then
              (global.set $gap (i32.or (global.get $gap) (i32.const 2)))
              (local.set $at (call $commentEnd (local.get $at) (local.get $end)))
              (br $more)))
          (if (i32.eq (local.get $c) (i32.const 47))
            (then
              (global.set $gap (i32.or (global.get $gap) (i32.const 2)))
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
    (local $c i32) (local $before i32) (local $gap i32)
    (global.set $braced (i32.const 0))
    (local.set $gap (global.get $gap))
    (loop $more
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
              (global.set $gap (local.get $gap))
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
    (local.set $mask (i32.load offset=56 (i32.const 0)))
    (local.set $slot (i32.and (local.get $number) (local.get $mask)))
    (block $free
      (loop $more
        (br_if $free (i32.ne
          (i32.load offset=1048580 (i32.shl (local.get $slot) (i32.const 3)))
          (i32.load offset=52 (i32.const 0))))
        (if (i32.eq
              (i32.load offset=1048576 (i32.shl (local.get $slot) (i32.const 3)))
              (local.get $number))
          (then (return)))
        (local.set $slot (i32.and (i32.add (local.get $slot) (i32.const 1)) (local.get $mask)))
        (br $more)))
    (local.set $count (i32.load offset=48 (i32.const 0)))
    (if (i32.gt_u (i32.shl (local.get $count) (i32.const 1)) (local.get $mask)) (then (return)))
    (i32.store offset=1048576 (i32.shl (local.get $slot) (i32.const 3)) (local.get $number))
    (i32.store offset=1048580 (i32.shl (local.get $slot) (i32.const 3)) (i32.load offset=52 (i32.const 0)))
    ;; The numbers in order are at 512 KB.
    (i32.store offset=524288 (i32.shl (local.get $count) (i32.const 2)) (local.get $number))
    (i32.store offset=48 (i32.const 0) (i32.add (local.get $count) (i32.const 1))))

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

  ;; Where the word of a directive begins.
  (func $directiveWord (param $at i32) (param $end i32) (result i32)
    (block $done
      (loop $more
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $more (i32.and
          (i32.lt_s (local.get $at) (local.get $end))
          (i32.le_u (i32.load8_u offset=0x400000 (local.get $at)) (i32.const 32))))))
    (local.get $at))

  ;; The next token that is no part of a body, see skim.ts: a character, 256 a word, 257 `->`, 258 a number or
  ;; a string, 259 a directive; 0 at the end, -1 if brackets do not match. What is known between two tokens is in
  ;; the first words of memory. Of directives that follow one another all but the first #define are passed over.
  (func (export "next") (param $end i32) (param $bodies i32) (result i32)
    (local $at i32) (local $to i32) (local $token i32) (local $c i32) (local $depth i32) (local $hidden i32)
    (local $prev i32) (local $prev2 i32) (local $wordAt i32) (local $wordEnd i32) (local $lastAt i32)
    (local $lastEnd i32) (local $wordGap i32) (local $tokens i32)
    (local.set $to (i32.load offset=4 (i32.const 0)))
    (local.set $token (i32.load offset=8 (i32.const 0)))
    (local.set $prev (i32.load offset=12 (i32.const 0)))
    (local.set $wordAt (i32.load offset=16 (i32.const 0)))
    (local.set $wordEnd (i32.load offset=20 (i32.const 0)))
    (local.set $lastAt (i32.load offset=24 (i32.const 0)))
    (local.set $lastEnd (i32.load offset=28 (i32.const 0)))
    (local.set $wordGap (i32.load offset=64 (i32.const 0)))
    (local.set $tokens (i32.load offset=32 (i32.const 0)))
    (local.set $depth (i32.load offset=36 (i32.const 0)))
    (local.set $hidden (i32.load offset=40 (i32.const 0)))
    ;; A text begins as a line does.
    (global.set $gap (i32.eqz (local.get $tokens)))
    (block $tell
      (loop $more
        (local.set $prev2 (local.get $prev))
        (local.set $prev (local.get $token))
        (local.set $at (call $blanks (local.get $to) (local.get $end)))
        (if (i32.ge_s (local.get $at) (local.get $end))
          (then
            (local.set $token (i32.const 0))
            (br $tell)))
        (local.set $to (call $tokenEnd (local.get $at) (local.get $end)))
        (local.set $tokens (i32.add (local.get $tokens) (i32.const 1)))
        (if (i32.eq (global.get $kind) (i32.const 1))
          (then
            (local.set $token (i32.const 256))
            (local.set $lastAt (local.get $wordAt))
            (local.set $lastEnd (local.get $wordEnd))
            (local.set $wordGap (global.get $gap))
            (local.set $wordAt (local.get $at))
            (local.set $wordEnd (local.get $to))
            (br_if $tell (i32.eqz (local.get $hidden)))
            (global.set $gap (i32.const 0))
            (br $more)))
        (if (i32.eq (global.get $kind) (i32.const 6))
          (then
            (local.set $token (i32.const 259))
            (local.set $c (call $directiveWord (local.get $at) (local.get $to)))
            ;; "define"
            (br_if $tell (i32.eqz (i32.and
              (i32.eq (i32.load offset=0x400000 (local.get $c)) (i32.const 0x69666564))
              (call $is (i32.add (local.get $c) (i32.const 4)) (i32.const 110) (i32.const 101)))))
            (local.set $c (i32.add (local.get $c) (i32.const 6)))
            (br_if $tell (i32.and (i32.load8_u offset=1024 (i32.load8_u offset=0x400000 (local.get $c))) (i32.const 16)))
            (call $define (local.get $c) (local.get $to))
            (br_if $tell (i32.and (i32.eqz (local.get $hidden)) (i32.ne (local.get $prev) (i32.const 259))))
            (global.set $gap (i32.const 0))
            (br $more)))
        (if (i32.ne (global.get $kind) (i32.const 5))
          (then
            (local.set $token (i32.const 258))
            (br_if $tell (i32.eqz (local.get $hidden)))
            (global.set $gap (i32.const 0))
            (br $more)))
        (local.set $token (local.tee $c (i32.load8_u offset=0x400000 (local.get $at))))
        (if (i32.eq (local.get $prev) (i32.const 256))
          (then
            (if (local.get $bodies)
              (then
                (if (i32.eq (local.get $c) (i32.const 40))
                  (then (call $name (i32.const 6) (local.get $wordAt) (local.get $wordEnd))))
                (if (i32.and
                      (i32.and
                        (i32.eq (local.get $c) (i32.const 61))
                        (i32.eq (i32.sub (local.get $to) (local.get $at)) (i32.const 1)))
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
                    (i32.load offset=44 (i32.const 0))
                    (i32.eqz (i32.and
                      (i32.or (global.get $gap) (local.get $wordGap))
                      (i32.const 2)))))
              (then (call $name (i32.const 8) (local.get $lastAt) (local.get $lastEnd))))))
        (if (i32.or
              (i32.eq (local.get $c) (i32.const 40))
              (i32.or (i32.eq (local.get $c) (i32.const 91)) (i32.eq (local.get $c) (i32.const 123))))
          (then
            (if (i32.eq (local.get $depth) (i32.const 1000))
              (then
                (local.set $token (i32.const -1))
                (br $tell)))
            ;; What closes it, at 2048.
            (i32.store8 offset=2048 (local.get $depth)
              (i32.add (local.get $c) (select (i32.const 1) (i32.const 2) (i32.eq (local.get $c) (i32.const 40)))))
            (local.set $depth (i32.add (local.get $depth) (i32.const 1)))
            (if (i32.eqz (local.get $hidden))
              (then
                (if (i32.ne (local.get $c) (i32.const 40)) (then (local.set $hidden (local.get $depth))))
                (br $tell)))
            (global.set $gap (i32.const 0))
            (br $more)))
        (if (i32.or
              (i32.eq (local.get $c) (i32.const 41))
              (i32.or (i32.eq (local.get $c) (i32.const 93)) (i32.eq (local.get $c) (i32.const 125))))
          (then
            (if (i32.eqz (local.get $depth))
              (then
                (local.set $token (i32.const -1))
                (br $tell)))
            (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
            (if (i32.ne (i32.load8_u offset=2048 (local.get $depth)) (local.get $c))
              (then
                (local.set $token (i32.const -1))
                (br $tell)))
            (if (i32.lt_s (local.get $depth) (local.get $hidden)) (then (local.set $hidden (i32.const 0))))))
        (if (call $is (local.get $at) (i32.const 45) (i32.const 62)) (then (local.set $token (i32.const 257))))
        (br_if $tell (i32.eqz (local.get $hidden)))
        (global.set $gap (i32.const 0))
        (br $more)))
    (i32.store offset=0 (i32.const 0) (local.get $at))
    (i32.store offset=4 (i32.const 0) (local.get $to))
    (i32.store offset=8 (i32.const 0) (local.get $token))
    (i32.store offset=12 (i32.const 0) (local.get $prev))
    (i32.store offset=16 (i32.const 0) (local.get $wordAt))
    (i32.store offset=20 (i32.const 0) (local.get $wordEnd))
    (i32.store offset=24 (i32.const 0) (local.get $lastAt))
    (i32.store offset=28 (i32.const 0) (local.get $lastEnd))
    (i32.store offset=32 (i32.const 0) (local.get $tokens))
    (i32.store offset=36 (i32.const 0) (local.get $depth))
    (i32.store offset=40 (i32.const 0) (local.get $hidden))
    (i32.store offset=64 (i32.const 0) (local.get $wordGap))
    (i32.store offset=60 (i32.const 0) (global.get $gap))
    (local.get $token)))
