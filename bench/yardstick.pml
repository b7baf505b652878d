// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The yardstick for Spin, step by step what yardstick.ts is for our engine. Flags: N users; KVM and
 * NOTIFIED add the two consumers. A thread that has finished keeps no locals, and one statement
 * (or d_step) is one step of ours.
 */
#ifndef N
#define N 1
#endif
#define ROUNDS 2
#define ACCESSES 1

bool resv, in_progress;
byte loc, pte, seq, spte;
bool freed[ROUNDS + 1];
byte tlb[N];

#define fault_in \
	d_step { !resv -> resv = true }; \
	pte = loc + 1; \
	resv = false

active proctype exporter() {
	byte round, i;
end:	do
	:: d_step { round < ROUNDS && !resv -> resv = true };
	   d_step { in_progress = true; spte = 0 };
	   pte = 0;
	   d_step {
		i = 0;
		do
		:: i < N -> tlb[i] = 0; i++
		:: else -> break
		od;
		i = 0
	   };
	   d_step { seq++; in_progress = false };
	   assert(!freed[loc] && !freed[round + 1]);
	   freed[loc] = true;
	   loc = round + 1;
	   d_step { resv = false; round++ }
	od
}

active [N] proctype user() {
	byte k;
#define entry tlb[_pid - 1]
end:	do
	:: d_step { k < ACCESSES && entry != 0 -> assert(!freed[entry - 1]); k++ }
	:: d_step { k < ACCESSES && entry == 0 && pte != 0 -> entry = pte }
	:: k < ACCESSES && entry == 0 && pte == 0 -> fault_in
	od
}

#ifdef KVM
active proctype kvm() {
	byte page;
	if
	:: d_step { pte != 0 -> page = pte }
	:: pte == 0 -> skip;
	   fault_in;
	   if
	   :: d_step { pte != 0 -> page = pte }
	   :: pte == 0 -> goto end
	   fi
	fi;
	d_step { assert(!freed[page - 1]); page = 0 };
end:	false
}
#endif

#ifdef NOTIFIED
active proctype notified() {
	byte s, page;
retry:	s = seq;
	if
	:: d_step { pte != 0 -> page = pte }
	:: d_step { pte == 0 -> s = 0 };
	   fault_in;
	   goto retry
	fi;
	if
	:: d_step { !in_progress && seq == s -> spte = page; s = 0; page = 0 }
	:: d_step { in_progress || seq != s -> s = 0; page = 0 }; goto retry
	fi;
	if
	:: spte == 0 -> goto retry
	:: d_step { spte != 0 -> assert(!freed[spte - 1]) }
	fi;
end:	false
}
#endif
