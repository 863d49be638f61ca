/*
 * The view change of the dBFT core: four validators, one of them a traitor, one height. view-change.md says what is modelled, what is
 * left out and why that is sound. Numbers of rules are those of packages/node/src/consensus/dbft/README.md.
 *
 * The state is what honest validators have sent. A message that was sent can be received by anyone at any later time, or never; so
 * loss, delay, reordering and duplication need no channel. The traitor is counted as if it had sent everything it can sign, to each
 * validator what suits it there.
 */

/* Bounds: at most four views and three blocks. */
#ifndef VIEWS
#define VIEWS 4
#endif
#ifndef VALUES
#define VALUES 3
#endif

#define N 4
#define PRIMARY(v) ((N - (v)) % N)

/* A set of validators is a number of four bits. Bit s of QUORUMS tells whether the set s has M members. */
#ifdef QUORUM_MINUS_ONE
#define QUORUMS 65256 /* 0xfee8: two or more */
#else
#define QUORUMS 59520 /* 0xe880: three or more */
#endif
#define BIT(i) (1 << (i))
#define HAS(set, i) (((set) >> (i)) & 1)
#define WITH_TRAITOR(set) ((set) | BIT(traitor))
#define IS_QUORUM(set) ((QUORUMS >> WITH_TRAITOR(set)) & 1)

#define AT(v, x) ((v) * VALUES + (x))

byte traitor;

/* Who of the honest has sent it: prepares and commits by view and block, ChangeViews by the view they lead into. */
byte prepares[VIEWS * VALUES];
byte commits[VIEWS * VALUES];
byte changeViews[VIEWS];

/* What follows from the messages: sets of (view, block). Kept so that each rule of voting is one line. */
short certified; /* M prepares exist: anyone can prove this certificate */
short justified; /* M ChangeViews that allow this block exist: a PrepareRequest for it is accepted */
short decided;   /* M commits exist */
byte known;      /* blocks proposed so far: their names mean nothing, so a new one gets the next name */

hidden byte v;
hidden byte x;
hidden byte w;
hidden byte y;
hidden byte claims;
hidden byte voters;

/* Rule 2: M prepares, the primary's request among them. The traitor prepares everything. */
inline findCertificates() {
  for (v : 0 .. VIEWS - 1) {
    for (x : 0 .. VALUES - 1) {
      if
      :: IS_QUORUM(prepares[AT(v, x)]) && HAS(WITH_TRAITOR(prepares[AT(v, x)]), PRIMARY(v)) ->
        certified = certified | BIT(AT(v, x))
      :: else
      fi
    }
  }
}

/*
 * Rule 5 as isJustified checks it. An honest ChangeView into v claims the highest certificate its sender committed to below v; the
 * traitor claims none, or any that exists. w runs down from the highest view that may be claimed; `claims` gathers who claims more than w.
 */
inline findJustifications() {
  for (v : 1 .. VIEWS - 1) {
    claims = 0;
    w = v;
    do
    :: w > 0 ->
      w--;
      for (x : 0 .. VALUES - 1) {
        /* Those who claim a certificate of w for another block contradict this one. */
        voters = changeViews[v] & ~claims;
        for (y : 0 .. VALUES - 1) {
          if
          :: y != x -> voters = voters & ~commits[AT(w, y)]
          :: else
          fi
        }
#ifdef UNSIGNED_PREPARED
        /* A traitor may put this certificate in the place of a higher claim. */
        voters = changeViews[v];
#endif
        if
        :: HAS(certified, AT(w, x)) && IS_QUORUM(voters) -> justified = justified | BIT(AT(v, x))
        :: else
        fi
      }
      for (y : 0 .. VALUES - 1) {
        claims = claims | commits[AT(w, y)]
      }
    :: else -> break
    od;
    /* M ChangeViews of which none claims a certificate: any block. */
#ifdef IGNORE_HIGHEST
    claims = 0;
#endif
    for (x : 0 .. VALUES - 1) {
      if
      :: IS_QUORUM(changeViews[v] & ~claims) -> justified = justified | BIT(AT(v, x))
      :: else
      fi
    }
  }
}

/* Rule 6. */
inline findDecisions() {
  for (x : 0 .. VALUES - 1) {
    voters = 0;
    for (v : 0 .. VIEWS - 1) {
#ifdef COMMITS_ACROSS_VIEWS
      voters = voters | commits[AT(v, x)];
#else
      voters = commits[AT(v, x)];
#endif
      if
      :: IS_QUORUM(voters) -> decided = decided | BIT(AT(v, x))
      :: else
      fi
    }
  }
}

/* After every message. Nothing sent is ever taken back, so what was decided stays decided. */
inline checkSafety() {
  for (v : 0 .. VIEWS - 1) {
    for (x : 0 .. VALUES - 1) {
      if
      :: HAS(decided, AT(v, x)) ->
        for (w : 0 .. VIEWS - 1) {
          for (y : 0 .. VALUES - 1) {
            /* Agreement: no two honest validators decide different blocks. */
            assert(x == y || !HAS(decided, AT(w, y)));
#ifndef AGREEMENT_ONLY
            /* What was decided is the block of every later certificate. */
            assert(x == y || w <= v || !HAS(certified, AT(w, y)));
#endif
          }
        }
#ifdef WITNESS
        /* Fails, or the model is empty: two blocks are proposed, and the first is decided in the last view after its honest primary came there. */
        assert(!(v == VIEWS - 1 && x == 0 && known > 1 && HAS(changeViews[v], PRIMARY(v))));
#endif
      :: else
      fi
    }
  }
}

inline conclude() {
  findCertificates();
  findJustifications();
  findDecisions();
  checkSafety();
  skip
}

#define VOTES(sets, v) (sets[AT(v, 0)] | sets[AT(v, 1)] | THIRD(sets, v))
#if VALUES > 2
#define THIRD(sets, v) sets[AT(v, 2)]
#else
#define THIRD(sets, v) 0
#endif

#define HAS_PREPARED HAS(VOTES(prepares, view), me)
#define HAS_COMMITTED HAS(VOTES(commits, view), me)
/* Backups need the request: an honest primary has sent one, a traitor sends each backup what it accepts. */
#define IS_PROPOSED(x) (PRIMARY(view) == me || PRIMARY(view) == traitor || HAS(prepares[AT(view, x)], PRIMARY(view)))

/* Rules 1, 2 and 5: one prepare and one commit in each view, in the current view only. */
#define VOTE(x) \
  :: d_step { \
    !HAS_PREPARED && x <= known && HAS(justified, AT(view, x)) && IS_PROPOSED(x) -> \
    known = (x == known -> known + 1 : known); \
    prepares[AT(view, x)] = prepares[AT(view, x)] | BIT(me); \
    printf("validator %d prepares block %d in view %d\n", me, x, view); \
    conclude() \
  } \
  :: d_step { \
    !HAS_COMMITTED && HAS(prepares[AT(view, x)], me) && HAS(certified, AT(view, x)) -> \
    commits[AT(view, x)] = commits[AT(view, x)] | BIT(me); \
    printf("validator %d commits to block %d in view %d\n", me, x, view); \
    conclude() \
  }

proctype Honest(byte me) {
  byte view = 0;
end:
  do
  /* Rules 3 and 4: a timer fires at any time. Joining a view far ahead is a walk there without votes on the way. */
  :: d_step {
      view + 1 < VIEWS ->
      view++;
      changeViews[view] = changeViews[view] | BIT(me);
      printf("validator %d changes to view %d\n", me, view);
      conclude()
    }
  VOTE(0)
  VOTE(1)
#if VALUES > 2
  VOTE(2)
#endif
  od
}

init {
  byte i = 0;
  atomic {
    if
    :: traitor = 0
    :: traitor = 1
    :: traitor = 2
    :: traitor = 3
    fi;
    printf("validator %d is the traitor\n", traitor);
    do
    :: i < VALUES -> justified = justified | BIT(AT(0, i)); i++
    :: else -> i = 0; break
    od;
    do
    :: i < N && i == traitor -> i++
    :: i < N && i != traitor -> run Honest(i); i++
    :: else -> i = 0; break
    od
  }
}
