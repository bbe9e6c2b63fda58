package server_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	watchQueue = `subscription { escalations { __typename
	... on EscalationQueue { escalations { step urgency reason askedBy { id } tried { title answer } ruledOut { title answer } session { id ticket clientName activeSeconds heldBy { id } } } more }
	... on EscalationsChange { changed { step urgency session { id } } left { sessionId step end endedBy { id } } more } } }`

	watchHelp = `subscription($id: ID!) { treeSession(id: $id) { __typename
	... on TreeSessionState { session { step heldBy { id } escalation { step } suggestions { number } } }
	... on TreeSessionProgress { session { step heldBy { id } escalation { step } suggestions { number text optionLabel by { id } } currentNotes { text by { id } } events { kind by { id } person { id } text accepted } } }
	... on TreeSessionUnavailable { sessionId } } }`
)

// until reads events until one fits.
func (s *socket) until(what string, fits func(*answer) bool) *answer {
	s.t.Helper()
	for range 50 {
		if a := s.answer().ok(); fits(a) {
			return a
		}
	}
	s.t.Fatalf("fifty events came, and none of them says that %s", what)
	return nil
}

// A junior asks for help. Two seniors on two servers see it on the queue, and both
// claim it: one gets the session, the other is told who has it, and the junior sees
// it at once. The senior hands it back, watches, suggests a step, and the junior takes it.
func TestEscalation_FromTheFirstCallToTheLastStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.start(nodeOptions{}), w.start(nodeOptions{})
	owner := a.owner()
	junior := a.join(owner, "ENGINEER")
	seniors := []*person{a.join(owner, "ENGINEER"), a.join(owner, "ENGINEER")}
	viewer := a.join(owner, "VIEWER")
	treeID := a.published(owner)
	walk := a.post(junior.access, `mutation($input: StartSessionInput!) { startSession(input: $input) { session { id } } }`,
		vars{"input": vars{"treeId": treeID, "ticket": "T-1", "clientName": "Example"}}).ok().text("startSession.session.id")
	do := func(n *node, who *person, field, kind string, in vars) *answer {
		t.Helper()
		return n.post(who.access, `mutation($input: `+kind+`Input!) { `+field+`(input: $input) { session { id step heldBy { id } escalation { step } suggestions { number } currentNotes { text } } } }`, vars{"input": in})
	}
	do(a, junior, "addStep", "AddStep", vars{"sessionId": walk, "expectedStep": 0, "title": "Swapped the bulb", "answer": "Dark"}).ok()

	queues := make([]*socket, 2)
	for i, n := range []*node{a, b} {
		queues[i] = n.open(seniors[i].access)
		queues[i].subscribe("queue", watchQueue, nil)
		if first := queues[i].answer().ok(); first.text("escalations.__typename") != "EscalationQueue" || len(first.at("escalations.escalations").([]any)) != 0 {
			t.Errorf("the queue at first: %s", first.Body)
		}
	}
	mine := b.open(junior.access)
	mine.subscribe("mine", watchHelp, vars{"id": walk})
	mine.until("it begins", func(e *answer) bool { return e.text("treeSession.__typename") == "TreeSessionState" })
	nobody := a.open(viewer.access)
	nobody.subscribe("queue", watchQueue, nil)
	nobody.answer().refused("FORBIDDEN")
	b.post(seniors[0].access, `query($id: ID!) { session(id: $id) { id } }`, vars{"id": walk}).refused("NOT_FOUND")

	asked := do(a, junior, "escalateSession", "EscalateSession", vars{"sessionId": walk, "expectedStep": 1, "urgency": "CRITICAL", "reason": "No idea."}).ok()
	escalation := asked.number("escalateSession.session.escalation.step")
	for i, q := range queues {
		card := q.until("somebody asks", func(e *answer) bool { return strings.Contains(e.Body, walk) })
		if card.text("escalations.changed.0.session.id") != walk || card.text("escalations.changed.0.urgency") != "CRITICAL" || card.number("escalations.changed.0.step") != escalation {
			t.Errorf("senior %d sees %s", i, card.Body)
		}
	}
	// The junior goes on meanwhile; what the seniors saw of the escalation holds.
	do(a, junior, "addNote", "AddNote", vars{"sessionId": walk, "expectedStep": 2, "text": "Still nothing."}).ok()
	whole := b.post(seniors[1].access, `{ escalations { more escalations { reason askedBy { id } tried { title answer own } session { ticket clientName step } } } }`, nil).ok()
	if whole.text("escalations.escalations.0.tried.0.answer") != "Dark" || whole.text("escalations.escalations.0.askedBy.id") != junior.id ||
		whole.text("escalations.escalations.0.session.clientName") != "Example" || whole.number("escalations.escalations.0.session.step") != 3 {
		t.Errorf("the card: %s", whole.Body)
	}
	b.post(viewer.access, `query($id: ID!) { session(id: $id) { id } }`, vars{"id": walk}).refused("NOT_FOUND")
	do(a, junior, "claimSession", "ClaimSession", vars{"sessionId": walk, "escalationStep": escalation}).refused("CONFLICT") // one's own

	claims := make([]*answer, 2)
	var both sync.WaitGroup
	for i, n := range []*node{a, b} {
		both.Go(func() {
			claims[i] = do(n, seniors[i], "claimSession", "ClaimSession", vars{"sessionId": walk, "escalationStep": escalation, "idempotencyKey": "claim of " + seniors[i].id})
		})
	}
	both.Wait()
	won := slices.IndexFunc(claims, func(c *answer) bool { return c.code() == "" })
	if won < 0 {
		t.Fatalf("nobody has claimed it: %s, %s", claims[0].Body, claims[1].Body)
	}
	senior, late := seniors[won], claims[1-won].refused("CONFLICT")
	if late.extension("heldById") != senior.id || late.extension("heldBy") == "" || claims[won].text("claimSession.session.heldBy.id") != senior.id {
		t.Errorf("who came too late is told %s; the other one %s", late.Body, claims[won].Body)
	}
	taken := mine.until("somebody took it", func(e *answer) bool { return e.text("treeSession.session.heldBy.id") != junior.id })
	if taken.text("treeSession.session.heldBy.id") != senior.id || !strings.Contains(taken.Body, `"kind":"CLAIM"`) {
		t.Errorf("the junior sees %s", taken.Body)
	}
	for i, q := range queues {
		left := q.until("it is gone", func(e *answer) bool { return strings.Contains(e.Body, `"sessionId":"`+walk) })
		if left.text("escalations.left.0.end") != "CLAIM" || left.text("escalations.left.0.endedBy.id") != senior.id {
			t.Errorf("senior %d sees %s", i, left.Body)
		}
	}
	do(a, junior, "addNote", "AddNote", vars{"sessionId": walk, "expectedStep": 4, "text": "x"}).refused("FORBIDDEN")
	b.post(seniors[1-won].access, `query($id: ID!) { session(id: $id) { id } }`, vars{"id": walk}).refused("NOT_FOUND")

	do(b, senior, "handOverSession", "HandOverSession", vars{"sessionId": walk, "expectedStep": 4, "toUserId": junior.id, "note": "You can do this."}).ok()
	option := b.post(senior.access, `query($id: ID!) { session(id: $id) { currentNode { ... on DecisionNode { options { optionId label } } } } }`, vars{"id": walk}).ok()
	suggested := do(b, senior, "suggestStep", "SuggestStep", vars{"sessionId": walk, "text": "Look at the plug.", "nodeOptionId": option.text("session.currentNode.options.1.optionId")}).ok()
	if suggested.number("suggestStep.session.step") != 5 || suggested.number("suggestStep.session.suggestions.0.number") != 1 {
		t.Errorf("suggested %s", suggested.Body)
	}
	beside := mine.until("something is suggested", func(e *answer) bool { return len(e.at("treeSession.session.suggestions").([]any)) > 0 })
	if beside.text("treeSession.session.suggestions.0.by.id") != senior.id || beside.text("treeSession.session.suggestions.0.optionLabel") != option.text("session.currentNode.options.1.label") || beside.number("treeSession.session.step") != 5 {
		t.Errorf("beside the walk: %s", beside.Body)
	}
	do(a, senior, "respondToSuggestion", "RespondToSuggestion", vars{"sessionId": walk, "expectedStep": 5, "suggestion": 1, "accept": true}).refused("FORBIDDEN")
	do(a, junior, "respondToSuggestion", "RespondToSuggestion", vars{"sessionId": walk, "expectedStep": 5, "suggestion": 1, "accept": true}).ok()
	decided := mine.until("it is accepted", func(e *answer) bool { return e.number("treeSession.session.step") == 6 })
	if len(decided.at("treeSession.session.suggestions").([]any)) != 0 || !strings.Contains(decided.Body, `"accepted":true`) {
		t.Errorf("after the decision: %s", decided.Body)
	}

	figures := a.post(owner.access, `{ escalationFigures { all { asked open claimed firstActions medianSeconds percentile90Seconds } byUrgency { urgency asked medianSeconds } } }`, nil).ok()
	if figures.number("escalationFigures.all.asked") != 1 || figures.number("escalationFigures.all.claimed") != 1 || figures.at("escalationFigures.all.medianSeconds") == nil ||
		figures.text("escalationFigures.byUrgency.0.urgency") != "CRITICAL" || figures.at("escalationFigures.byUrgency.3.medianSeconds") != nil {
		t.Errorf("the figures: %s", figures.Body)
	}
	record := a.post(owner.access, `query($input: ExportSessionInput!) { exportSession(input: $input) { content } }`, vars{"input": vars{"sessionId": walk, "format": "TEXT", "includeInternal": true}}).ok().text("exportSession.content")
	for _, words := range []string{"Asked the team for help", "Urgency: Critical", "No idea.", "Claimed by engineer", "Suggestion of engineer accepted", "Look at the plug."} {
		if !strings.Contains(record, words) {
			t.Errorf("the record lacks %q:\n%s", words, record)
		}
	}
}

// A hint goes to whoever asked, who keeps the session, and stands in the record.
func TestEscalation_AHintIsSeenByWhoAsked(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	junior, senior := n.join(owner, "ENGINEER"), n.join(owner, "ENGINEER")
	walk := n.walk(junior, n.published(owner))
	mine := n.open(junior.access)
	mine.subscribe("mine", watchHelp, vars{"id": walk})
	mine.until("it begins", func(e *answer) bool { return e.text("treeSession.__typename") == "TreeSessionState" })
	n.post(junior.access, `mutation($input: EscalateSessionInput!) { escalateSession(input: $input) { session { id } } }`,
		vars{"input": vars{"sessionId": walk, "expectedStep": 0, "reason": "Stuck."}}).ok()
	hint := func(escalation int) *answer {
		return n.post(senior.access, `mutation($input: AnswerEscalationInput!) { answerEscalation(input: $input) { session { step heldBy { id } escalation { step } } } }`,
			vars{"input": vars{"sessionId": walk, "escalationStep": escalation, "hint": "It is on the back."}})
	}
	if a := hint(1).ok(); a.text("answerEscalation.session.heldBy.id") != junior.id || a.at("answerEscalation.session.escalation") != nil {
		t.Errorf("answered: %s", a.Body)
	}
	if a := hint(1).refused("CONFLICT"); a.extension("escalationEnd") != "HINT" || a.extension("heldById") != junior.id {
		t.Errorf("answered twice: %s", a.Body)
	}
	seen := mine.until("the hint came", func(e *answer) bool {
		return e.number("treeSession.session.step") == 2
	})
	if seen.text("treeSession.session.currentNotes.0.text") != "It is on the back." || seen.text("treeSession.session.currentNotes.0.by.id") != senior.id || seen.text("treeSession.session.events.1.kind") != "HINT" {
		t.Errorf("who asked sees %s", seen.Body)
	}
	n.post(senior.access, `query($id: ID!) { session(id: $id) { events { text } } }`, vars{"id": walk}).ok() // who helped goes on reading
}
