package login

import (
	"testing"

	"github.com/branchline/branchline/internal/account"
)

func TestWatchTable_GivesTheRoomOfACrowdBack(t *testing.T) {
	t.Parallel()
	table := &watchTable{sessions: map[SessionID]*watched{}, moved: map[SessionID]account.ID{}, stirred: make(chan struct{}, 1)}
	var subs []*subscription
	for i := range 2 * aCrowd {
		s := &subscription{}
		table.add(Bearer{AccountID: account.NewID(), SessionID: NewSessionID()}, s)
		table.due.set(s.of, int64(i))
		subs = append(subs, s)
	}
	const stay = 10
	for _, s := range subs[stay:] {
		s.cancel()
	}
	if room := cap(table.due.slots); room > aCrowd {
		t.Errorf("there is room for %d deadlines, with %d", room, stay)
	}
	for i, s := range subs[:stay] {
		if table.sessions[s.of.key.ID] != s.of || table.due.slots[s.of.place-1].at != int64(i) {
			t.Error("who stayed is not found")
		}
	}
	if len(table.sessions) != stay || len(table.due.slots) != stay {
		t.Errorf("%d sessions and %d deadlines are left of %d", len(table.sessions), len(table.due.slots), stay)
	}
}
