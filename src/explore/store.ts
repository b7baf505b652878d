// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The set of states seen so far: rows of bytes in order of discovery, found by hash, with how each was
 * first reached. States are looked up in batches, by states.wat; here is the room for them.
 */
import { Arena, type Words } from './arena.ts';

const FIRST_CAPACITY = 1024;
/** States per batch, as states.wat has it: enough to overlap the misses, few enough for the first-level cache. */
export const BATCH = 64;
/** From this capacity on the table does not fit into the caches. */
const LARGE = 1 << 16;
/** Bits of a table entry that hold a state's number plus one; the others are a tag from its hash. */
const INDEX = (1 << 26) - 1;
/** Bytes that rows are allotted at a time, about. */
const CHUNK = 1 << 16;
/** Besides the thread of an edge: {@link StateStore.goingRound} has found that it stays on its loop. */
export const STAYS = 0x100;
/** The parent of the state in which a search begins. */
export const NO_STATE = -1;

/** Words at the start of memory; see states.wat. */
const COUNT = 0;
const STAGED = 1;
const EDGES = 2;
const TRANSITIONS = 3;
const CURSOR = 4;
const TURN = 5;
const ENABLED = 6;

/** Why {@link StateStore.expand} came to an end. */
export const enum Halt {
  /** All states are expanded. */
  Done = 0,
  /** It must be found out what a thread does. */
  Unknown = 1,
  /** Threads wait, and none can move. */
  Deadlock = 2,
  /** So many transitions were made, or there are more states than wanted. */
  Pause = 3,
}

/** How nodes and what symmetry exchanges stand in a row. */
export interface Layout {
  /** Bytes of a row, a multiple of eight. */
  readonly stride: number;
  /** By thread, where the second byte of its node is, or minus one. */
  readonly highs: Int32Array;
  /** Groups of threads that are exchanged for each other. */
  readonly groups: readonly (readonly number[])[];
  /** Of each slot that every thread has one of, the places of its byte by thread. */
  readonly ownSlots: readonly (readonly number[])[];
  /** Of each slot that holds a thread, its place, then the byte that means each thread. */
  readonly ownerSlots: readonly (readonly number[])[];
}

export class StateStore {
  readonly arena = Arena.open();
  private capacity = 0;
  /** Bytes of a row. */
  private stride = 0;
  /** Rows of a chunk are `1 << shift`. */
  private shift = 0;
  private chunkCount = 0;
  private keepsEdges = false;
  private readonly chunks: Words;
  private readonly hashes: Words;
  private readonly stagedRows: Words;
  private readonly stagedParents: Words;
  private readonly stagedMoves: Words;
  private readonly indices: Words;
  private readonly parentOf: Words;
  private readonly moveOf: Words;
  private readonly edgeList: Words;
  private readonly edgeStarts: Words;

  constructor(layout: Layout) {
    const { arena } = this;
    arena.onFull = () => this.makeRoom();
    this.capacity = FIRST_CAPACITY;
    arena.array('table', this.capacity * 2);
    arena.size('mask', this.capacity * 2 - 1);
    this.hashes = arena.array('hashes', this.capacity);
    this.parentOf = arena.array('parents', this.capacity);
    this.moveOf = arena.array('moves', this.capacity);
    this.edgeStarts = arena.array('edgeStart', this.capacity + 1);
    this.edgeList = arena.array('edges', 1024);
    this.chunks = arena.array('chunks', 64);
    this.stagedParents = arena.array('stagedParents', BATCH);
    this.stagedMoves = arena.array('stagedMoves', BATCH);
    this.indices = arena.array('index', BATCH);
    arena.array('stagedHash', BATCH);
    this.stagedRows = arena.array('stagedRows', (layout.stride >> 2) * BATCH);
    arena.array('scratch', layout.stride >> 2);
    arena.size('edgeRoom', 1024);
    arena.size('keepEdges', 0);
    // Nothing is known of what threads do.
    arena.size('width', 0);
    this.setStride(layout.stride);
    this.lay(layout);
  }

  /** Gives the memory back. */
  close(): void {
    this.arena.close();
  }

  get count(): number {
    return this.arena.words[COUNT];
  }

  /** Rows in the batch. */
  get staged(): number {
    return this.arena.words[STAGED];
  }

  /** The number of each state of the batch, after {@link lookUp}. */
  get index(): Int32Array {
    return this.indices.view;
  }

  /** How each state was first reached: the state before, or {@link NO_STATE}; and `way << 8 | thread`. */
  get parents(): Int32Array {
    return this.parentOf.view;
  }

  get moves(): Int32Array {
    return this.moveOf.view;
  }

  /** Pairs (target, thread); those of state s are at `edgeStart[s]` up to `edgeStart[s + 1]`. */
  get edges(): Int32Array {
    return this.edgeList.view;
  }

  get edgeStart(): Int32Array {
    return this.edgeStarts.view;
  }

  /** All memory, in which rows are. */
  get bytes(): Uint8Array {
    return this.arena.bytes;
  }

  get words(): Int32Array {
    return this.arena.words;
  }

  /** Where in memory the row of a state begins, in bytes. */
  rowOf(state: number): number {
    const { shift } = this;
    return this.chunks.view[state >>> shift] + (state & ((1 << shift) - 1)) * this.stride;
  }

  get transitions(): number {
    return this.arena.words[TRANSITIONS];
  }

  set transitions(n: number) {
    this.arena.words[TRANSITIONS] = n;
  }

  /** The state that is being expanded, or will be next. */
  get cursor(): number {
    return this.arena.words[CURSOR];
  }

  /** The thread of it whose turn it is. */
  get turn(): number {
    return this.arena.words[TURN];
  }

  /** That thread has had its turn. */
  turned(enabled: boolean): void {
    const { words } = this.arena;
    words[TURN]++;
    if (enabled) words[ENABLED] = 1;
  }

  /**
   * Begins a search: no state is expanded yet.
   * @param keepEdges all transitions are kept as edges
   * @param daemons threads that need not finish, as bits
   */
  begin(keepEdges: boolean, maxStates: number, daemons: number): void {
    const { arena } = this;
    this.keepsEdges = keepEdges;
    // A search that began without edges may begin again with them.
    if (keepEdges) arena.array('edgeStart', this.capacity + 1);
    arena.words.fill(0, EDGES, ENABLED + 1);
    arena.size('keepEdges', keepEdges ? 1 : 0);
    arena.size('daemons', daemons);
    arena.size('maxStates', Math.min(maxStates, INDEX));
  }

  /** Expands states as far as it is known what their threads do, see reactions.ts. */
  expand(until: number): Halt {
    return this.arena.routine.expand(Math.min(until, 0x7fffffff));
  }

  /** To be called when all is expanded: ends the last state's list of edges. */
  endEdges(): void {
    this.edgeStart[this.cursor] = this.arena.words[EDGES];
  }

  /**
   * The states that can be visited over and over while each thread that moves stays on a loop of its program,
   * and some that are reached from those. To be called when all is expanded. Edges of these states with which
   * the thread stays on its loop bear {@link STAYS} then, and the caller takes that away.
   * @param loops by node, which loop it is on, or 0
   */
  goingRound(loops: Int32Array): number[] {
    const { arena, count } = this;
    arena.array('loops', loops.length).view.set(loops);
    arena.array('out', count);
    const into = arena.array('into', count);
    const states: number[] = [];
    if (!arena.routine.goingRound()) return states;
    for (let s = 0; s < count; s++) if (into.view[s]) states.push(s);
    return states;
  }

  /** Tells the routine how rows are made up, except for their length. */
  lay({ highs, groups, ownSlots, ownerSlots }: Layout): void {
    const { arena } = this;
    arena.size('threads', highs.length);
    arena.array('highs', highs.length).view.set(highs);
    arena.size('longNodes', highs.some((high) => high >= 0) ? 1 : 0);
    arena.size('groups', groups.length);
    if (!groups.length) return;
    const members = groups.flatMap((g) => [g.length, ...g]);
    arena.array('members', members.length).view.set(members);
    arena.array('order', members.length);
    arena.size('ownSlots', ownSlots.length);
    arena.array('places', ownSlots.length * highs.length).view.set(ownSlots.flat());
    arena.size('ownerSlots', ownerSlots.length);
    arena.array('owners', ownerSlots.length * (highs.length + 1)).view.set(ownerSlots.flat());
  }

  /** Says where the next row of the batch comes from. */
  from(state: number, move: number): void {
    const { staged } = this;
    this.stagedParents.view[staged] = state;
    this.stagedMoves.view[staged] = move;
  }

  /**
   * Puts a row, as 32-bit words, into the batch.
   * @returns whether the batch is now full
   */
  stage(row: Int32Array): boolean {
    const words = this.stride >> 2;
    const { staged } = this;
    const { view } = this.stagedRows;
    const base = staged * words;
    for (let i = 0; i < words; i++) view[base + i] = row[i];
    this.arena.words[STAGED] = staged + 1;
    return staged + 1 === BATCH;
  }

  /**
   * Puts a stored row into the batch, with some of its bytes changed.
   * @param changes `place << 8 | byte`, from `first` up to `end`
   * @returns whether the batch is now full
   */
  stageChanged(state: number, changes: Int32Array, first: number, end: number): boolean {
    const { words, bytes } = this.arena;
    const { stride, staged } = this;
    const base = this.stagedRows.at + staged * stride;
    const from = this.rowOf(state) >> 2;
    for (let i = 0; i < stride >> 2; i++) words[(base >> 2) + i] = words[from + i];
    for (let i = first; i < end; i++) bytes[base + (changes[i] >> 8)] = changes[i];
    words[STAGED] = staged + 1;
    return staged + 1 === BATCH;
  }

  /** Finds or adds every row of the batch and puts the states' numbers into {@link index}. */
  lookUp(): void {
    this.arena.routine.lookUp();
  }

  /** Finds or adds one row. */
  add(row: Int32Array): number {
    this.from(NO_STATE, 0);
    this.stage(row);
    this.lookUp();
    return this.index[0];
  }

  /** Makes room for a batch. */
  private makeRoom(): void {
    const { arena } = this;
    const count = this.count + BATCH;
    if (count > this.capacity) this.enlargeTable();
    while (this.chunkCount << this.shift < count) this.addChunk();
    arena.size('room', Math.min(this.capacity, this.chunkCount << this.shift));
    if (this.keepsEdges && arena.words[EDGES] + 2 * BATCH > this.edgeList.length) {
      arena.enlarge('edges', this.edgeList.length * 2);
      arena.size('edgeRoom', this.edgeList.length);
    }
  }

  private enlargeTable(): void {
    const { arena } = this;
    this.capacity *= this.capacity < LARGE ? 4 : 2;
    if (this.capacity > INDEX) throw new RangeError(`more than ${this.count} states`);
    arena.enlarge('hashes', this.capacity);
    arena.enlarge('parents', this.capacity);
    arena.enlarge('moves', this.capacity);
    if (this.keepsEdges) arena.enlarge('edgeStart', this.capacity + 1);
    arena.array('table', this.capacity * 2);
    arena.size('mask', this.capacity * 2 - 1);
    arena.routine.fill();
  }

  private addChunk(): void {
    const { arena, chunks } = this;
    if (this.chunkCount === chunks.length) arena.enlarge('chunks', chunks.length * 2);
    const at = arena.allot(this.stride << this.shift);
    chunks.view[this.chunkCount++] = at;
  }

  private setStride(stride: number): void {
    const { arena } = this;
    this.stride = stride;
    this.shift = 31 - Math.clz32(CHUNK / stride);
    arena.size('stride', stride);
    arena.size('shift', this.shift);
    this.chunkCount = 0;
    arena.size('room', 0);
  }

  /**
   * Makes all rows longer; the new bytes are zero, which is every column's initial value. The batch must
   * be empty.
   */
  widen(stride: number): void {
    const { arena, count } = this;
    const old = this.stride;
    const rows = Array.from({ length: count }, (_, s) => this.rowOf(s));
    const chunks = this.chunks.view.slice(0, this.chunkCount);
    const bytes = old << this.shift;
    arena.array('stagedRows', (stride >> 2) * BATCH);
    arena.array('scratch', stride >> 2);
    this.setStride(stride);
    while (this.chunkCount << this.shift < count) this.addChunk();
    arena.size('room', Math.min(this.capacity, this.chunkCount << this.shift));
    for (let s = 0; s < count; s++) {
      const to = this.rowOf(s);
      arena.bytes.copyWithin(to, rows[s], rows[s] + old);
      arena.bytes.fill(0, to + old, to + stride);
      this.hashes.view[s] = arena.routine.hash(to);
    }
    for (const chunk of chunks) arena.release(chunk, bytes);
    arena.array('table', this.capacity * 2);
    arena.routine.fill();
  }

  /** Forgets all states. */
  clear(stride: number): void {
    this.arena.words.fill(0, COUNT, ENABLED + 1);
    if (stride !== this.stride) this.widen(stride);
    else this.arena.array('table', this.capacity * 2);
  }
}
