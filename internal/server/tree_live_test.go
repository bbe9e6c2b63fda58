package server_test

import (
	"fmt"
	"testing"
)

const watchTreeSession = `subscription($id: ID!) { treeSession(id: $id) { __typename
	... on TreeSessionState { session { step status steps { step } currentNode { title } } watchers { name } }
	... on TreeSessionProgress { session { step status } newSteps { step title answer } watchers { name } }
	... on TreeSessionUnavailable { sessionId } } }`

// TestTwoNodes_AWalkIsWatched has a colleague on another server watch a walk to
// its end, with each carrier of hints and by the comparison alone.
func TestTwoNodes_AWalkIsWatched(t *testing.T) {
	t.Parallel()
	for name, options := range carriers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := options(t)
			a, b := w.start(o), w.start(o)
			owner := a.owner()
			engineer, stranger := a.join(owner, "ENGINEER"), a.join(owner, "ENGINEER")
			treeID := a.published(owner)
			walk := a.walk(engineer, treeID)

			s := b.open(owner.access)
			defer s.conn.Close()
			s.subscribe("watch", watchTreeSession, vars{"id": walk})
			first := s.answer()
			if got := first.at("treeSession.__typename"); got != "TreeSessionState" || first.number("treeSession.session.step") != 0 {
				t.Fatalf("first %s", first.Body)
			}
			list := b.open(owner.access)
			defer list.conn.Close()
			list.subscribe("list", `subscription { activeTreeSessions { __typename
				... on ActiveTreeSessionsState { sessions { id heldBy { id } } more }
				... on ActiveTreeSessionsChange { changed { id step } endedIds } } }`, nil)
			if all := list.answer(); all.at("activeTreeSessions.sessions.0.id") != walk {
				t.Errorf("running at first: %s", all.Body)
			}
			other := b.open(stranger.access)
			defer other.conn.Close()
			other.subscribe("watch", watchTreeSession, vars{"id": walk})
			other.answer().refused("NOT_FOUND", "")

			a.post(engineer.access, `mutation($input: CompleteSessionInput!) { completeSession(input: $input) { session { status } } }`,
				vars{"input": vars{"sessionId": walk, "expectedStep": 0, "outcome": "UNRESOLVED", "reason": "The customer hung up."}}).ok()
			for {
				next := s.answer()
				if next.number("treeSession.session.step") == 0 { // the owner began to watch
					continue
				}
				if next.at("treeSession.__typename") != "TreeSessionProgress" || next.at("treeSession.session.status") != "COMPLETED" ||
					fmt.Sprint(next.at("treeSession.newSteps.0.step")) != "1" {
					t.Errorf("then %s", next.Body)
				}
				break
			}
			for {
				next := list.answer()
				if ended := next.at("activeTreeSessions.endedIds.0"); ended != nil {
					if ended != walk {
						t.Errorf("ended %s", next.Body)
					}
					break
				}
			}
		})
	}
}

func TestTreeChanged_TellsEditorsOfASave(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	colleague := n.join(owner, "ENGINEER")
	draft, revision := n.imported(owner)
	s := n.open(colleague.access)
	defer s.conn.Close()
	s.subscribe("edit", `subscription($id: ID!) { treeChanged(id: $id) { treeId tree { revision title savedBy { id } } } }`, vars{"id": draft})
	if first := s.answer(); first.number("treeChanged.tree.revision") != revision {
		t.Fatalf("first %s", first.Body)
	}
	n.post(owner.access, `mutation($input: UpdateTreeInput!) { updateTree(input: $input) { tree { id } } }`,
		vars{"input": vars{"treeId": draft, "expectedRevision": revision, "title": "Renamed"}}).ok()
	if next := s.answer(); next.at("treeChanged.tree.title") != "Renamed" || next.at("treeChanged.tree.savedBy.id") != owner.id {
		t.Errorf("after a save %s", next.Body)
	}
}
