package login

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
)

// Connections writes down, for all processes to read, which login sessions have a
// socket or an event stream in this one. Store has it.
type Connections interface {
	// Beat says that the node lives, that the sessions in came are connected there
	// and that those in left are not any more, in one statement. It returns whether
	// the database knew nothing of the node: then what it was told before is lost.
	Beat(ctx context.Context, node uuid.UUID, came, left []SessionKey) (unknown bool, err error)
	// Bury forgets the nodes that have given no sign of life for longer than a
	// span, with all that they said.
	Bury(ctx context.Context, silent time.Duration) error
	// Leave takes the node back, with all that it said.
	Leave(ctx context.Context, node uuid.UUID) error
}

const (
	beatEvery = 2 * time.Second
	// beatBatch parts two statements in a storm: what comes meanwhile goes together.
	beatBatch    = 100 * time.Millisecond
	beatAgain    = 500 * time.Millisecond // after a failure
	beatPatience = 5 * time.Second
	buryEvery    = time.Minute // and a node that was silent for as long is forgotten
)

// GoneAfter is how long after its latest sign of life a node counts as gone, and
// its sockets with it. It is five signs.
const GoneAfter = 10 * time.Second

// keepConnections is the one goroutine that says who is connected here: at once
// when a login session's first connection came or its last one went, and every two
// seconds that this process lives.
func (r *Register) keepConnections(ctx context.Context) {
	node := uuid.New() // another process at each start, so that nothing is left of one that crashed
	beat, bury, pause := time.NewTicker(beatEvery), time.NewTicker(buryEvery), time.NewTimer(0)
	defer beat.Stop()
	defer bury.Stop()
	defer pause.Stop()
	defer r.leave(context.WithoutCancel(ctx), node)
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
			return
		case <-r.watched.stirred:
		case <-beat.C:
		case <-bury.C:
			limited, cancel := context.WithTimeout(ctx, beatPatience)
			if err := r.present.Bury(limited, buryEvery); err != nil && ctx.Err() == nil {
				r.log.Warn("processes that ended without a word were not forgotten", "error", err)
			}
			cancel()
		}
		err := r.beat(ctx, node)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			r.log.Warn("who is connected here cannot be written down", "error", err)
		}
		if failing = err != nil; failing {
			pause.Reset(beatAgain)
		} else {
			pause.Reset(beatBatch)
		}
	}
}

// beat writes down what changed since the last one, and tells the other processes.
// What it could not write stays to be written.
func (r *Register) beat(ctx context.Context, node uuid.UUID) error {
	ctx, cancel := context.WithTimeout(ctx, beatPatience)
	defer cancel()
	for {
		came, left := r.watched.takeStirred(perStatement)
		unknown, err := r.present.Beat(ctx, node, came, left)
		if err != nil {
			// It may have been done all the same, with the answer that the node was
			// unknown. So everybody is written anew when the database answers again.
			r.watched.stirAgain(left)
			r.watched.stirAll()
			return err
		}
		told := map[account.ID]bool{}
		for _, keys := range [][]SessionKey{came, left} {
			for _, k := range keys {
				if !told[k.AccountID] {
					told[k.AccountID] = true
					r.hints.Send(event.Hint{Account: k.AccountID.String(), Topic: event.LoginPresence})
				}
			}
		}
		if unknown {
			r.watched.stirAll()
		}
		if !r.watched.isStirred() {
			return nil
		}
	}
}

func (r *Register) leave(ctx context.Context, node uuid.UUID) {
	ctx, cancel := context.WithTimeout(ctx, beatPatience)
	defer cancel()
	if err := r.present.Leave(ctx, node); err != nil {
		r.log.Warn("this process could not sign off; its sockets count for ten seconds more", "error", err)
	}
}

// stir notes that a session's first connection came or its last one went. t.mu must
// be held.
func (t *watchTable) stir(k SessionKey) {
	t.moved[k.ID] = k.AccountID
	select {
	case t.stirred <- struct{}{}:
	default:
	}
}

// takeStirred returns at most limit of the sessions that came or left since they
// were last taken. Who came and left meanwhile, or the other way round, is as they
// are now.
func (t *watchTable) takeStirred(limit int) (came, left []SessionKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, accountID := range t.moved {
		if limit--; limit < 0 {
			break
		}
		delete(t.moved, id)
		if t.sessions[id] != nil {
			came = append(came, SessionKey{accountID, id})
		} else {
			left = append(left, SessionKey{accountID, id})
		}
	}
	if len(t.moved) == 0 {
		select {
		case <-t.stirred:
		default:
		}
		if len(came)+len(left) > 0 {
			t.moved = map[SessionID]account.ID{} // gives back what a storm took
		}
	}
	return came, left
}

// isStirred says whether somebody came or left who is not written down.
func (t *watchTable) isStirred() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.moved) > 0
}

// stirAgain has the sessions written as they are now.
func (t *watchTable) stirAgain(keys []SessionKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		t.stir(k)
	}
}

// stirAll has everybody written who is connected.
func (t *watchTable) stirAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.sessions {
		t.stir(w.key)
	}
}
