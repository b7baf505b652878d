;; SPDX-License-Identifier: GPL-2.0-or-later
;; The part of a search that runs no step: all transitions that are known (reactions.ts) out of every
;; stored state, and the table of states. arena.ts says what is in memory; the arrays' addresses and the
;; sizes stand in globals that it sets. test/explore/states.test.ts holds that arena.ts carries this.
;;
;; A state is a row of $stride bytes, a multiple of eight: a byte a thread, then a byte a column. Rows are in chunks of
;; 1 << $shift rows. They are looked up in batches of 64: a look-up in a large table is two cache misses
;; and hardly anything else, and within a batch the misses overlap.
(module
  ;; Makes room for 64 more states and edges.
  (import "host" "grow" (func $grow))
  (memory (export "memory") 16)

  (global $stride (export "stride") (mut i32) (i32.const 0))
  (global $shift (export "shift") (mut i32) (i32.const 0))
  (global $mask (export "mask") (mut i32) (i32.const 0))
  (global $room (export "room") (mut i32) (i32.const 0))
  (global $edgeRoom (export "edgeRoom") (mut i32) (i32.const 0))
  (global $keepEdges (export "keepEdges") (mut i32) (i32.const 0))
  (global $threads (export "threads") (mut i32) (i32.const 0))
  ;; Threads that need not finish, as bits.
  (global $daemons (export "daemons") (mut i32) (i32.const 0))
  (global $maxStates (export "maxStates") (mut i32) (i32.const 0))
  ;; Nodes for which each thread has a root.
  (global $width (export "width") (mut i32) (i32.const 0))
  ;; Identical threads: how many groups of them, and how many slots each thread has, and how many hold one.
  (global $groups (export "groups") (mut i32) (i32.const 0))
  (global $ownSlots (export "ownSlots") (mut i32) (i32.const 0))
  (global $ownerSlots (export "ownerSlots") (mut i32) (i32.const 0))

  ;; Of the table of states: a state's number plus one below the top bits of its hash, or zero.
  (global $table (export "table") (mut i32) (i32.const 0))
  (global $hashes (export "hashes") (mut i32) (i32.const 0))
  (global $chunks (export "chunks") (mut i32) (i32.const 0))
  ;; How each state was first reached.
  (global $parents (export "parents") (mut i32) (i32.const 0))
  (global $moves (export "moves") (mut i32) (i32.const 0))
  ;; Pairs (target, thread); where those of each state begin.
  (global $edges (export "edges") (mut i32) (i32.const 0))
  (global $edgeStart (export "edgeStart") (mut i32) (i32.const 0))
  ;; The batch.
  (global $stagedRows (export "stagedRows") (mut i32) (i32.const 0))
  (global $stagedHash (export "stagedHash") (mut i32) (i32.const 0))
  (global $stagedParents (export "stagedParents") (mut i32) (i32.const 0))
  (global $stagedMoves (export "stagedMoves") (mut i32) (i32.const 0))
  (global $index (export "index") (mut i32) (i32.const 0))
  ;; Reactions.
  (global $roots (export "roots") (mut i32) (i32.const 0))
  (global $decisions (export "decisions") (mut i32) (i32.const 0))
  (global $leaves (export "leaves") (mut i32) (i32.const 0))
  (global $ends (export "ends") (mut i32) (i32.const 0))
  ;; By way, whether a path ends with it.
  (global $fatal (export "fatal") (mut i32) (i32.const 0))
  (global $changes (export "changes") (mut i32) (i32.const 0))
  ;; Whether any node has a second byte; by thread, where that is, or minus one.
  (global $longNodes (export "longNodes") (mut i32) (i32.const 0))
  (global $highs (export "highs") (mut i32) (i32.const 0))
  ;; Of each group its size and members; of each slot that threads have, the places of its bytes by thread;
  ;; of each slot that holds a thread, its place and the byte that means each thread.
  (global $members (export "members") (mut i32) (i32.const 0))
  (global $places (export "places") (mut i32) (i32.const 0))
  (global $owners (export "owners") (mut i32) (i32.const 0))
  (global $order (export "order") (mut i32) (i32.const 0))
  (global $scratch (export "scratch") (mut i32) (i32.const 0))
  ;; By node, which loop of its program it is on, or zero. How many edges with which a thread stays on its
  ;; loop lead to each state; and states that are to be taken out.
  (global $loops (export "loops") (mut i32) (i32.const 0))
  (global $into (export "into") (mut i32) (i32.const 0))
  (global $out (export "out") (mut i32) (i32.const 0))

  ;; In the first words of memory stands what changes all the time: 0 states, 4 rows in the batch, 8 words
  ;; of edges, 12 transitions, 16 the state that is being expanded, 20 the thread whose turn it is,
  ;; 24 whether one before it could move, 28 what was loaded ahead (or V8 might leave that out).

  (func $row (param $state i32) (result i32)
    (i32.add
      (i32.load (i32.add (global.get $chunks)
        (i32.shl (i32.shr_u (local.get $state) (global.get $shift)) (i32.const 2))))
      (i32.mul (global.get $stride) (i32.and (local.get $state)
        (i32.sub (i32.shl (i32.const 1) (global.get $shift)) (i32.const 1))))))

  (func $hash (export "hash") (param $at i32) (result i32)
    (local $h i64) (local $end i32)
    (local.set $h (i64.const 0x9e3779b97f4a7c15))
    (local.set $end (i32.add (local.get $at) (global.get $stride)))
    (loop $more
      (local.set $h (i64.mul (i64.xor (local.get $h) (i64.load (local.get $at))) (i64.const 0xff51afd7ed558ccd)))
      (local.set $h (i64.xor (local.get $h) (i64.shr_u (local.get $h) (i64.const 32))))
      (br_if $more (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 8)))
        (local.get $end))))
    (local.set $h (i64.mul (local.get $h) (i64.const 0xc4ceb9fe1a85ec53)))
    (i32.wrap_i64 (i64.xor (local.get $h) (i64.shr_u (local.get $h) (i64.const 32)))))

  ;; Where a thread is, in the state whose row is at $row.
  (func $node (param $t i32) (param $row i32) (result i32)
    (local $high i32) (local $node i32)
    (local.set $node (i32.load8_u (i32.add (local.get $row) (local.get $t))))
    (local.set $high (i32.load (i32.add (global.get $highs) (i32.shl (local.get $t) (i32.const 2)))))
    (if (i32.ge_s (local.get $high) (i32.const 0)) (then
      (local.set $node (i32.or (local.get $node)
        (i32.shl (i32.load8_u (i32.add (local.get $row) (local.get $high))) (i32.const 8))))))
    (local.get $node))

  ;; Negative, zero or positive: whether thread $a stands before $b, by its node and then its slots.
  (func $compare (param $a i32) (param $b i32) (param $row i32) (result i32)
    (local $d i32) (local $k i32) (local $p i32)
    (local.set $d (i32.sub
      (call $node (local.get $a) (local.get $row))
      (call $node (local.get $b) (local.get $row))))
    (local.set $p (global.get $places))
    (local.set $k (global.get $ownSlots))
    (block $done
      (loop $more
        (br_if $done (local.get $d))
        (br_if $done (i32.eqz (local.get $k)))
        (local.set $d (i32.sub
          (i32.load8_u (i32.add (local.get $row)
            (i32.load (i32.add (local.get $p) (i32.shl (local.get $a) (i32.const 2))))))
          (i32.load8_u (i32.add (local.get $row)
            (i32.load (i32.add (local.get $p) (i32.shl (local.get $b) (i32.const 2))))))))
        (local.set $p (i32.add (local.get $p) (i32.shl (global.get $threads) (i32.const 2))))
        (local.set $k (i32.sub (local.get $k) (i32.const 1)))
        (br $more)))
    (local.get $d))

  ;; Puts identical threads in order: their nodes, their slots, and the slots that hold one of them.
  (func $canonical (param $row i32)
    (local $g i32) (local $m i32) (local $n i32) (local $i i32) (local $j i32) (local $t i32)
    (local $o i32) (local $changed i32) (local $from i32) (local $to i32) (local $k i32) (local $p i32)
    (local.set $m (global.get $members))
    (local.set $o (global.get $order))
    (local.set $g (global.get $groups))
    (loop $group
      (local.set $n (i32.shl (i32.load (local.get $m)) (i32.const 2)))
      (local.set $i (i32.const 0))
      ;; Insertion sort: groups are small and mostly in order.
      (loop $member
        (local.set $t (i32.load offset=4 (i32.add (local.get $m) (local.get $i))))
        (local.set $j (local.get $i))
        (block $placed
          (loop $lower
            (br_if $placed (i32.eqz (local.get $j)))
            (local.set $p (i32.sub (i32.add (local.get $o) (local.get $j)) (i32.const 4)))
            (br_if $placed (i32.le_s
              (call $compare (i32.load (local.get $p)) (local.get $t) (local.get $row))
              (i32.const 0)))
            (local.set $changed (i32.const 1))
            (i32.store offset=4 (local.get $p) (i32.load (local.get $p)))
            (local.set $j (i32.sub (local.get $j) (i32.const 4)))
            (br $lower)))
        (i32.store (i32.add (local.get $o) (local.get $j)) (local.get $t))
        (br_if $member (i32.lt_u
          (local.tee $i (i32.add (local.get $i) (i32.const 4)))
          (local.get $n))))
      (local.set $m (i32.add (i32.add (local.get $m) (local.get $n)) (i32.const 4)))
      (local.set $o (i32.add (local.get $o) (local.get $n)))
      (br_if $group (local.tee $g (i32.sub (local.get $g) (i32.const 1)))))
    (if (i32.eqz (local.get $changed)) (then (return)))
    (memory.copy (global.get $scratch) (local.get $row) (global.get $stride))
    (local.set $m (global.get $members))
    (local.set $o (global.get $order))
    (local.set $g (global.get $groups))
    (loop $group
      (local.set $n (i32.load (local.get $m)))
      (loop $member
        (local.set $m (i32.add (local.get $m) (i32.const 4)))
        (local.set $to (i32.load (local.get $m)))
        (local.set $from (i32.load (local.get $o)))
        (local.set $o (i32.add (local.get $o) (i32.const 4)))
        (if (i32.ne (local.get $to) (local.get $from)) (then
          (i32.store8 (i32.add (local.get $row) (local.get $to))
            (i32.load8_u (i32.add (global.get $scratch) (local.get $from))))
          (local.set $p (i32.load (i32.add (global.get $highs) (i32.shl (local.get $to) (i32.const 2)))))
          (if (i32.ge_s (local.get $p) (i32.const 0)) (then
            (i32.store8 (i32.add (local.get $row) (local.get $p))
              (i32.load8_u (i32.add (global.get $scratch)
                (i32.load (i32.add (global.get $highs) (i32.shl (local.get $from) (i32.const 2)))))))))
          (local.set $p (global.get $places))
          (local.set $k (global.get $ownSlots))
          (block $done
            (loop $slot
              (br_if $done (i32.eqz (local.get $k)))
              (i32.store8
                (i32.add (local.get $row)
                  (i32.load (i32.add (local.get $p) (i32.shl (local.get $to) (i32.const 2)))))
                (i32.load8_u (i32.add (global.get $scratch)
                  (i32.load (i32.add (local.get $p) (i32.shl (local.get $from) (i32.const 2)))))))
              (local.set $p (i32.add (local.get $p) (i32.shl (global.get $threads) (i32.const 2))))
              (local.set $k (i32.sub (local.get $k) (i32.const 1)))
              (br $slot)))
          (local.set $p (global.get $owners))
          (local.set $k (global.get $ownerSlots))
          (block $done
            (loop $slot
              (br_if $done (i32.eqz (local.get $k)))
              (local.set $t (i32.load (local.get $p)))
              (if (i32.eq
                    (i32.load8_u (i32.add (global.get $scratch) (local.get $t)))
                    (i32.load offset=4
                      (i32.add (local.get $p) (i32.shl (local.get $from) (i32.const 2))))) (then
                (i32.store8 (i32.add (local.get $row) (local.get $t))
                  (i32.load offset=4
                    (i32.add (local.get $p) (i32.shl (local.get $to) (i32.const 2)))))))
              (local.set $p (i32.add (local.get $p)
                (i32.shl (i32.add (global.get $threads) (i32.const 1)) (i32.const 2))))
              (local.set $k (i32.sub (local.get $k) (i32.const 1)))
              (br $slot)))))
        (br_if $member (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.set $m (i32.add (local.get $m) (i32.const 4)))
      (br_if $group (local.tee $g (i32.sub (local.get $g) (i32.const 1))))))

  ;; Finds or adds every row of the batch: states' numbers to $index, and where they came from.
  (func $lookUp (export "lookUp")
    (local $staged i32) (local $i i32) (local $end i32) (local $at i32) (local $h i32) (local $entry i32)
    (local $slot i32) (local $state i32) (local $ahead i32) (local $count i32) (local $w i32) (local $row i32)
    (local $words i32) (local $from i32)
    (local.set $count (i32.load (i32.const 0)))
    (local.set $staged (i32.load (i32.const 4)))
    (if (i32.eqz (local.get $staged)) (then (return)))
    (if (i32.or
          (i32.gt_s (i32.add (local.get $count) (local.get $staged)) (global.get $room))
          (i32.gt_s (i32.add (i32.load (i32.const 8)) (i32.shl (local.get $staged) (i32.const 1)))
            (global.get $edgeRoom)))
      (then (call $grow)))
    (local.set $end (i32.shl (local.get $staged) (i32.const 2)))
    ;; What the look-ups will need is loaded first, so that the loads overlap.
    (local.set $at (global.get $stagedRows))
    (loop $more
      (if (global.get $groups) (then (call $canonical (local.get $at))))
      (local.set $h (call $hash (local.get $at)))
      (i32.store (i32.add (global.get $stagedHash) (local.get $i)) (local.get $h))
      (local.set $ahead (i32.xor (local.get $ahead)
        (i32.load (i32.add (global.get $table)
          (i32.shl (i32.and (local.get $h) (global.get $mask)) (i32.const 2))))))
      (local.set $at (i32.add (local.get $at) (global.get $stride)))
      (br_if $more (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 4)))
        (local.get $end))))
    (local.set $i (i32.const 0))
    (loop $more
      (local.set $h (i32.load (i32.add (global.get $stagedHash) (local.get $i))))
      (local.set $entry (i32.load (i32.add (global.get $table)
        (i32.shl (i32.and (local.get $h) (global.get $mask)) (i32.const 2)))))
      (if (i32.and
            (i32.ne (local.get $entry) (i32.const 0))
            (i32.eqz (i32.and (i32.xor (local.get $entry) (local.get $h)) (i32.const 0xfc000000))))
        (then (local.set $ahead (i32.xor (local.get $ahead)
          (i32.load (call $row (i32.sub
            (i32.and (local.get $entry) (i32.const 0x3ffffff))
            (i32.const 1))))))))
      (br_if $more (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 4)))
        (local.get $end))))
    (i32.store (i32.const 28) (local.get $ahead))
    (local.set $i (i32.const 0))
    (local.set $at (global.get $stagedRows))
    (loop $more
      (local.set $h (i32.load (i32.add (global.get $stagedHash) (local.get $i))))
      (local.set $slot (i32.and (local.get $h) (global.get $mask)))
      (block $found
        (block $none
          (loop $probe
            (local.set $entry (i32.load (i32.add (global.get $table)
              (i32.shl (local.get $slot) (i32.const 2)))))
            (br_if $none (i32.eqz (local.get $entry)))
            (block $other
              (br_if $other
                (i32.and (i32.xor (local.get $entry) (local.get $h)) (i32.const 0xfc000000)))
              (local.set $state (i32.sub
                (i32.and (local.get $entry) (i32.const 0x3ffffff))
                (i32.const 1)))
              (local.set $row (call $row (local.get $state)))
              (local.set $w (i32.const 0))
              (loop $word
                (br_if $other (i64.ne
                  (i64.load (i32.add (local.get $row) (local.get $w)))
                  (i64.load (i32.add (local.get $at) (local.get $w)))))
                (br_if $word (i32.lt_u
                  (local.tee $w (i32.add (local.get $w) (i32.const 8)))
                  (global.get $stride))))
              (br $found))
            (local.set $slot (i32.and (i32.add (local.get $slot) (i32.const 1)) (global.get $mask)))
            (br $probe)))
        (local.set $state (local.get $count))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (i32.store
          (i32.add (global.get $table) (i32.shl (local.get $slot) (i32.const 2)))
          (i32.or (local.get $count) (i32.and (local.get $h) (i32.const 0xfc000000))))
        (local.set $words (i32.shl (local.get $state) (i32.const 2)))
        (i32.store (i32.add (global.get $hashes) (local.get $words)) (local.get $h))
        (i32.store (i32.add (global.get $parents) (local.get $words))
          (i32.load (i32.add (global.get $stagedParents) (local.get $i))))
        (i32.store (i32.add (global.get $moves) (local.get $words))
          (i32.load (i32.add (global.get $stagedMoves) (local.get $i))))
        (local.set $row (call $row (local.get $state)))
        (local.set $w (i32.const 0))
        (loop $word
          (i64.store (i32.add (local.get $row) (local.get $w))
            (i64.load (i32.add (local.get $at) (local.get $w))))
          (br_if $word (i32.lt_u
            (local.tee $w (i32.add (local.get $w) (i32.const 8)))
            (global.get $stride)))))
      (i32.store (i32.add (global.get $index) (local.get $i)) (local.get $state))
      (if (global.get $keepEdges) (then
        (if (i32.ge_s
              (i32.load (i32.add (global.get $stagedParents) (local.get $i)))
              (i32.const 0)) (then
          (local.set $from (i32.add (global.get $edges) (i32.shl (i32.load (i32.const 8)) (i32.const 2))))
          (i32.store (local.get $from) (local.get $state))
          (i32.store offset=4 (local.get $from)
            (i32.and (i32.load (i32.add (global.get $stagedMoves) (local.get $i))) (i32.const 255)))
          (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 2)))))))
      (local.set $at (i32.add (local.get $at) (global.get $stride)))
      (br_if $more (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 4)))
        (local.get $end))))
    (i32.store (i32.const 0) (local.get $count))
    (i32.store (i32.const 4) (i32.const 0)))

  ;; Enters all states into the empty table.
  (func $fill (export "fill")
    (local $i i32) (local $count i32) (local $h i32) (local $slot i32)
    (local.set $count (i32.load (i32.const 0)))
    (block $done
      (loop $more
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (local.set $h (i32.load (i32.add (global.get $hashes) (i32.shl (local.get $i) (i32.const 2)))))
        (local.set $slot (i32.and (local.get $h) (global.get $mask)))
        (block $free
          (loop $probe
            (br_if $free (i32.eqz (i32.load
              (i32.add (global.get $table) (i32.shl (local.get $slot) (i32.const 2))))))
            (local.set $slot (i32.and (i32.add (local.get $slot) (i32.const 1)) (global.get $mask)))
            (br $probe)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (i32.store
          (i32.add (global.get $table) (i32.shl (local.get $slot) (i32.const 2)))
          (i32.or (local.get $i) (i32.and (local.get $h) (i32.const 0xfc000000))))
        (br $more))))

  ;; Every thread has finished but those of which $but has the bit.
  (func $done (param $but i32) (param $row i32) (result i32)
    (local $t i32)
    (loop $more
      (if (i32.and
            (i32.eqz (i32.and (local.get $but) (i32.shl (i32.const 1) (local.get $t))))
            (i32.ne (call $node (local.get $t) (local.get $row)) (i32.const 0)))
        (then (return (i32.const 0))))
      (br_if $more (i32.lt_u
        (local.tee $t (i32.add (local.get $t) (i32.const 1)))
        (global.get $threads))))
    (i32.const 1))

  ;; What thread $t does in the state whose row is at $row: a leaf, or zero where that is not known.
  (func $find (param $node i32) (param $t i32) (param $row i32) (result i32)
    (local $at i32) (local $d i32)
    (if (i32.ge_u (local.get $node) (global.get $width)) (then (return (i32.const 0))))
    (local.set $at (i32.load (i32.add (global.get $roots) (i32.shl
      (i32.add (i32.mul (local.get $t) (global.get $width)) (local.get $node))
      (i32.const 2)))))
    (block $leaf
      (loop $more
        (br_if $leaf (i32.le_s (local.get $at) (i32.const 0)))
        (local.set $d (i32.add (global.get $decisions) (i32.shl (local.get $at) (i32.const 2))))
        (local.set $at (i32.load (i32.add (local.get $d) (select (i32.const 8) (i32.const 12) (i32.eq
          (i32.load8_u (i32.add (local.get $row) (i32.load (local.get $d))))
          (i32.load offset=4 (local.get $d)))))))
        (br $more)))
    (local.get $at))

  ;; Expands states in order, from where it stopped, as far as what their threads do is known.
  ;; Returns 0 when all are expanded; 1 when it must be found out what the thread does; 2 in a
  ;; deadlock; 3 after $until transitions, or with more states than wanted.
  (func (export "expand") (param $until i32) (result i32)
    (local $state i32) (local $row i32) (local $t i32) (local $node i32) (local $leaf i32) (local $way i32)
    (local $lastWay i32) (local $at i32) (local $c i32) (local $end i32) (local $change i32)
    (local $staged i32) (local $w i32)
    (loop $states
      (local.set $state (i32.load (i32.const 16)))
      (local.set $t (i32.load (i32.const 20)))
      (if (i32.eqz (local.get $t)) (then
        (if (i32.gt_s (i32.load (i32.const 0)) (global.get $maxStates)) (then (return (i32.const 3))))
        (if (i32.eq (local.get $state) (i32.load (i32.const 0))) (then
          (if (i32.eqz (i32.load (i32.const 4))) (then (return (i32.const 0))))
          (call $lookUp)
          (br $states)))
        (if (i32.gt_s (i32.load (i32.const 12)) (local.get $until)) (then (return (i32.const 3))))
        (i32.store (i32.const 24) (i32.const 0))
        (if (global.get $keepEdges) (then
          (i32.store
            (i32.add (global.get $edgeStart) (i32.shl (local.get $state) (i32.const 2)))
            (i32.add (i32.load (i32.const 8)) (i32.shl (i32.load (i32.const 4)) (i32.const 1))))))))
      (local.set $row (call $row (local.get $state)))
      (block $expanded
        (loop $turn
          (br_if $expanded (i32.ge_u (local.get $t) (global.get $threads)))
          (block $next
            (local.set $node (i32.load8_u (i32.add (local.get $row) (local.get $t))))
            (if (global.get $longNodes) (then
              (local.set $node (call $node (local.get $t) (local.get $row)))))
            (br_if $next (i32.eqz (local.get $node)))
            (local.set $leaf (call $find (local.get $node) (local.get $t) (local.get $row)))
            (if (i32.eqz (local.get $leaf)) (then
              (i32.store (i32.const 20) (local.get $t))
              (return (i32.const 1))))
            (local.set $leaf (i32.sub (global.get $leaves) (i32.mul (local.get $leaf) (i32.const 12))))
            ;; What breaks a rule must be told once, and what the last to finish does.
            (if (i32.load offset=8 (local.get $leaf)) (then
              (if (i32.or
                    (i32.and (i32.load offset=8 (local.get $leaf)) (i32.const 2))
                    (i32.and (i32.load offset=8 (local.get $leaf)) (call $done (i32.shl (i32.const 1) (local.get $t)) (local.get $row)))) (then
                (i32.store (i32.const 20) (local.get $t))
                (return (i32.const 1))))))
            (local.set $way (i32.load (local.get $leaf)))
            (local.set $lastWay (i32.add (local.get $way) (i32.load offset=4 (local.get $leaf))))
            (br_if $next (i32.eq (local.get $way) (local.get $lastWay)))
            (i32.store (i32.const 24) (i32.const 1))
            (loop $ways
              (i32.store (i32.const 12) (i32.add (i32.load (i32.const 12)) (i32.const 1)))
              (block $ended
              (br_if $ended (i32.load
                (i32.add (global.get $fatal) (i32.shl (local.get $way) (i32.const 2)))))
              (local.set $staged (i32.load (i32.const 4)))
              (local.set $at (i32.add (global.get $stagedRows)
                (i32.mul (local.get $staged) (global.get $stride))))
              (local.set $w (i32.const 0))
              (loop $word
                (i64.store (i32.add (local.get $at) (local.get $w))
                  (i64.load (i32.add (local.get $row) (local.get $w))))
                (br_if $word (i32.lt_u
                  (local.tee $w (i32.add (local.get $w) (i32.const 8)))
                  (global.get $stride))))
              (local.set $c (i32.load
                (i32.add (global.get $ends) (i32.shl (local.get $way) (i32.const 2)))))
              (local.set $end (i32.add (global.get $changes) (i32.shl
                (i32.load offset=4 (i32.add (global.get $ends) (i32.shl (local.get $way) (i32.const 2))))
                (i32.const 2))))
              (local.set $c (i32.add (global.get $changes) (i32.shl (local.get $c) (i32.const 2))))
              (block $changed
                (loop $more
                  (br_if $changed (i32.eq (local.get $c) (local.get $end)))
                  (local.set $change (i32.load (local.get $c)))
                  (i32.store8
                    (i32.add (local.get $at) (i32.shr_u (local.get $change) (i32.const 8)))
                    (local.get $change))
                  (local.set $c (i32.add (local.get $c) (i32.const 4)))
                  (br $more)))
              (local.set $w (i32.shl (local.get $staged) (i32.const 2)))
              (i32.store (i32.add (global.get $stagedParents) (local.get $w)) (local.get $state))
              (i32.store (i32.add (global.get $stagedMoves) (local.get $w)) (i32.or (local.get $t)
                (i32.shl
                  (i32.sub (local.get $way) (i32.load (local.get $leaf)))
                  (i32.const 8))))
              (local.set $staged (i32.add (local.get $staged) (i32.const 1)))
              (i32.store (i32.const 4) (local.get $staged))
              (if (i32.eq (local.get $staged) (i32.const 64)) (then (call $lookUp))))
              (br_if $ways (i32.ne
                (local.tee $way (i32.add (local.get $way) (i32.const 1)))
                (local.get $lastWay)))))
          (local.set $t (i32.add (local.get $t) (i32.const 1)))
          (br $turn)))
      (if (i32.eqz (i32.load (i32.const 24))) (then
        ;; Told once: the turn is then beyond the last thread, and somebody could move.
        (if (i32.eqz (call $done (global.get $daemons) (local.get $row))) (then
          (i32.store (i32.const 24) (i32.const 1))
          (i32.store (i32.const 20) (local.get $t))
          (return (i32.const 2))))))
      (i32.store (i32.const 16) (i32.add (local.get $state) (i32.const 1)))
      (i32.store (i32.const 20) (i32.const 0))
      (br $states))
    (unreachable))

  ;; Does the thread of an edge stay on its loop? The edge begins in the state whose row is at $row.
  (func $stays (param $row i32) (param $edge i32) (result i32)
    (local $t i32) (local $loop i32)
    (local.set $t (i32.load offset=4 (local.get $edge)))
    (local.set $loop (i32.load (i32.add (global.get $loops)
      (i32.shl (call $node (local.get $t) (local.get $row)) (i32.const 2)))))
    (if (i32.eqz (local.get $loop)) (then (return (i32.const 0))))
    (i32.eq (local.get $loop) (i32.load (i32.add (global.get $loops)
      (i32.shl
        (call $node (local.get $t) (call $row (i32.load (local.get $edge))))
        (i32.const 2))))))

  ;; Takes out the states to which no edge leads with which a thread stays on its loop, then those to which
  ;; none leads any more, and so on: what goes round for ever stays. Gives how many states do; $into is not
  ;; zero for them, and those of their edges bear 0x100 besides the thread.
  (func $goingRound (export "goingRound") (result i32)
    (local $s i32) (local $e i32) (local $end i32) (local $row i32) (local $to i32)
    (local $count i32) (local $top i32) (local $left i32)
    (local.set $count (i32.load (i32.const 0)))
    (local.set $left (local.get $count))
    (block $counted
      (loop $states
        (br_if $counted (i32.eq (local.get $s) (local.get $count)))
        (local.set $row (call $row (local.get $s)))
        (local.set $e (call $edgesOf (local.get $s)))
        (local.set $s (i32.add (local.get $s) (i32.const 1)))
        (local.set $end (call $edgesOf (local.get $s)))
        (block $last
          (loop $edge
            (br_if $last (i32.eq (local.get $e) (local.get $end)))
            (if (call $stays (local.get $row) (local.get $e)) (then
              (local.set $to (i32.add (global.get $into)
                (i32.shl (i32.load (local.get $e)) (i32.const 2))))
              (i32.store (local.get $to) (i32.add (i32.load (local.get $to)) (i32.const 1)))
              (i32.store offset=4 (local.get $e)
                (i32.or (i32.load offset=4 (local.get $e)) (i32.const 0x100)))))
            (local.set $e (i32.add (local.get $e) (i32.const 8)))
            (br $edge)))
        (br $states)))
    (local.set $top (global.get $out))
    (local.set $s (i32.const 0))
    (block $found
      (loop $states
        (br_if $found (i32.eq (local.get $s) (local.get $count)))
        (if (i32.eqz (i32.load (i32.add (global.get $into) (i32.shl (local.get $s) (i32.const 2))))) (then
          (i32.store (local.get $top) (local.get $s))
          (local.set $top (i32.add (local.get $top) (i32.const 4)))))
        (local.set $s (i32.add (local.get $s) (i32.const 1)))
        (br $states)))
    (block $done
      (loop $states
        (br_if $done (i32.eq (local.get $top) (global.get $out)))
        (local.set $top (i32.sub (local.get $top) (i32.const 4)))
        (local.set $s (i32.load (local.get $top)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (local.set $e (call $edgesOf (local.get $s)))
        (local.set $end (call $edgesOf (i32.add (local.get $s) (i32.const 1))))
        (block $last
          (loop $edge
            (br_if $last (i32.eq (local.get $e) (local.get $end)))
            (if (i32.gt_u (i32.load offset=4 (local.get $e)) (i32.const 0xff)) (then
              (i32.store offset=4 (local.get $e)
                (i32.xor (i32.load offset=4 (local.get $e)) (i32.const 0x100)))
              (local.set $to (i32.add (global.get $into)
                (i32.shl (i32.load (local.get $e)) (i32.const 2))))
              (i32.store (local.get $to) (i32.sub (i32.load (local.get $to)) (i32.const 1)))
              (if (i32.eqz (i32.load (local.get $to))) (then
                (i32.store (local.get $top) (i32.load (local.get $e)))
                (local.set $top (i32.add (local.get $top) (i32.const 4)))))))
            (local.set $e (i32.add (local.get $e) (i32.const 8)))
            (br $edge)))
        (br $states)))
    (local.get $left))

  ;; Where the edges of a state begin.
  (func $edgesOf (param $state i32) (result i32)
    (i32.add (global.get $edges) (i32.shl
      (i32.load (i32.add (global.get $edgeStart) (i32.shl (local.get $state) (i32.const 2))))
      (i32.const 2)))))
