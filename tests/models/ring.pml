/* ipc/ring.h as a model: one producer, one consumer, their store buffers, and deaths of either between any two steps.
 *
 *     spin -a -DMEMORY=2 -DCAP=2 ring.pml && gcc -DSAFETY -o pan pan.c && ./pan
 *
 * MEMORY   what happens to a store before the other process sees it: 0 nothing (sequential consistency); 1 it waits in a buffer that empties in
 *          order (x86-TSO); 2 it waits in a buffer that empties in any order, but stores to one place keep their order and a release store leaves
 *          only when all before it have left.
 * CAP      slots; LAG: head is stored when it lags so much; ITEMS: item p travels at position p; DEATHS: of both processes together.
 * A slot has two halves beside its sequence word, so that a half slot can be seen. A death leaves what was stored in the buffer: the machine writes it
 * out before the successor runs, and the successor knows memory only. The consumer's `applied` is what its journal has: it survives.
 *
 * Asserted: an item is taken whole, in order, once; a published item is never lost by a restart, a claimed one never exists; a sequence word is never
 * one that cannot be; a restart never finds the two regions of different lives; nobody waits for ever (Spin's invalid end state).
 * Loads happen in program order here (acquire); a store that overtakes an earlier load is not in the model.
 *
 * Faults, each of which must be found: PLAIN (no release; passes 0 and 1, fails 2), LAG_LATE (head looked at after a batch, not after each slot),
 * HEAD_FIRST (head before the word), DEAF (a consumer that goes on ahead of its tail does not give the room back).
 */
#ifndef MEMORY
#define MEMORY 2
#endif
#ifndef CAP
#define CAP 2
#endif
#ifndef LAG
#define LAG CAP
#endif
#ifndef ITEMS
#define ITEMS 4
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#define BUFFER 4
#ifdef PLAIN
#define RELEASE false
#else
#define RELEASE true
#endif

#define WORD(p) ((p) % CAP)
#define LEFT(p) (CAP + (p) % CAP)
#define RIGHT(p) (2 * CAP + (p) % CAP)
#define HEAD (3 * CAP)

byte memory[3 * CAP + 1]; /* what the producer writes */
byte tail;                /* what the consumer writes */
byte applied;             /* items in the consumer's journal */
byte issued;              /* sequence words that the producer has stored */
byte deaths;

#if MEMORY == 0
#define PUT(at, what, order) memory[at] = what
#define PUT_TAIL(what) tail = what
#define ALL_WRITTEN true
#define TAIL_WRITTEN true
#else
byte place[BUFFER], value[BUFFER], stored; /* the producer's buffer, oldest first */
bool release[BUFFER];
byte tails[2], tails_stored; /* the consumer's */
#define PUT(at, what, order) atomic { stored < BUFFER -> place[stored] = at; value[stored] = what; release[stored] = order; stored++ }
#define PUT_TAIL(what) atomic { tails_stored < 2 -> tails[tails_stored] = what; tails_stored++ }
#define ALL_WRITTEN (stored == 0)
#define TAIL_WRITTEN (tails_stored == 0)

active proctype memory_of_producer() {
    byte i, j;
    bool may;
end:
    do
    :: atomic {
        stored > 0 ->
        i = 0;
        may = true;
#if MEMORY == 2
        do
        :: i + 1 < stored -> i++
        :: break
        od;
        may = !(release[i] && i > 0);
        j = 0;
        do
        :: j < i -> may = may && place[j] != place[i]; j++
        :: else -> break
        od;
#endif
        if
        :: may ->
            memory[place[i]] = value[i];
            stored--;
            do
            :: i < stored -> place[i] = place[i + 1]; value[i] = value[i + 1]; release[i] = release[i + 1]; i++
            :: else -> break
            od;
            place[stored] = 0; value[stored] = 0; release[stored] = false
        :: else
        fi;
        i = 0; j = 0; may = false
    }
    od
}

active proctype memory_of_consumer() {
end:
    do
    :: atomic { tails_stored > 0 -> tail = tails[0]; tails[0] = tails[1]; tails[1] = 0; tails_stored-- }
    od
}
#endif

#define MAY_DIE if :: atomic { deaths < DEATHS -> deaths++; goto restart } :: skip fi

active proctype producer() {
    byte position, settled, remote, batch, k;
restart:
    atomic {
        ALL_WRITTEN ->
        position = memory[HEAD]; batch = 0; k = 0;
        do /* rf_ring_walk: nobody else writes here */
        :: k < CAP && memory[WORD(position)] == position + 1 -> position++; k++
        :: else -> break
        od;
        k = 0;
        assert(position == issued); /* nothing published is lost, nothing else exists */
        settled = position
    }
    PUT(HEAD, position, RELEASE);
    MAY_DIE;
    remote = tail;
    assert(position >= remote && position - remote <= CAP);
    do
    :: position == ITEMS -> break
    :: position < ITEMS ->
        if
        :: batch = 1
        :: position + 2 <= ITEMS && CAP >= 2 -> batch = 2
        fi;
        if
        :: CAP - (position - remote) < batch -> /* full */
            atomic { tail != remote -> remote = tail; assert(position >= remote && position - remote <= CAP); batch = 0 }
        :: else ->
            k = 0;
            do
            :: k < batch ->
                PUT(LEFT(position + k), position + k + 1, false);
                MAY_DIE;
                PUT(RIGHT(position + k), position + k + 1, false);
                MAY_DIE;
                k++
            :: else -> break
            od;
            k = 0;
            do
            :: k < batch ->
#ifdef HEAD_FIRST
                PUT(HEAD, position + 1, RELEASE);
                MAY_DIE;
#endif
                atomic { PUT(WORD(position), position + 1, RELEASE); issued++; position++; k++ }
                MAY_DIE;
#ifndef LAG_LATE
                if
                :: position - settled >= LAG -> settled = position; PUT(HEAD, position, RELEASE); MAY_DIE
                :: else
                fi
#endif
            :: else -> break
            od;
#ifdef LAG_LATE
            if
            :: position - settled >= LAG -> settled = position; PUT(HEAD, position, RELEASE); MAY_DIE
            :: else
            fi;
#endif
            k = 0; batch = 0
        fi
    od;
    assert(issued == ITEMS)
}

active proctype consumer() {
    byte position, word, left, until;
    bool pending;
restart:
    atomic { TAIL_WRITTEN -> position = tail; word = 0; pending = false; left = memory[HEAD]; until = position }
    do /* rf_ring_walk, while the producer runs */
    :: until - position < CAP && memory[WORD(until)] == until + 1 -> until++
    :: else -> break
    od;
    assert(left <= until);
    atomic { left = 0; until = 0; assert(position == 0 || memory[WORD(position - 1)] == position || memory[WORD(position - 1)] == position + CAP) }
    if
    :: applied > position -> position = applied;
#ifndef DEAF
        pending = true
#endif
    :: else
    fi;
    do
    :: applied == ITEMS -> break
    :: applied < ITEMS ->
        word = memory[WORD(position)];
        if
        :: word == position + 1 ->
            left = memory[LEFT(position)];
            assert(left == position + 1);
            left = 0;
            assert(memory[RIGHT(position)] == position + 1);
            MAY_DIE;
            atomic { assert(applied == position); applied++; position++; pending = true }
            MAY_DIE;
            if
            :: PUT_TAIL(position); pending = false; MAY_DIE
            :: skip
            fi
        :: else ->
            assert(word == (position >= CAP -> position + 1 - CAP : 0));
            if
            :: pending -> PUT_TAIL(position); pending = false
            :: else
            fi;
            memory[WORD(position)] != word /* wait */
        fi
    od
}
