package tree

import (
	"crypto/sha256"
	"slices"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/id"
)

type offerKind struct{}

func (offerKind) Prefix() string { return "toff" }
func (offerKind) Noun() string   { return "tree offer" }

// OfferID identifies an offer.
type OfferID = id.Of[offerKind]

// MaxOpenOffers bounds how many open offers a tree has. What is offered beyond
// them is not kept: nobody reads so many.
const MaxOpenOffers = 200

// OfferStatus says what became of an offer.
type OfferStatus string

// The statuses of an offer.
const (
	OfferOpen      OfferStatus = "OPEN"
	OfferAccepted  OfferStatus = "ACCEPTED"  // the draft got a node with its words
	OfferDismissed OfferStatus = "DISMISSED" // it is not wanted; the same words are not asked about again
)

// Valid says whether s is one of the statuses.
func (s OfferStatus) Valid() bool {
	return s == OfferOpen || s == OfferAccepted || s == OfferDismissed
}

// Offer is a change to a tree's draft that a troubleshooting session suggests: a
// step that somebody took at one of the tree's nodes and that the tree does not
// have. Steps with equal words at one node are one offer. Its evidence are the
// steps that stand in completed sessions; without any, an open offer is gone.
type Offer struct {
	AccountID account.ID
	ID        OfferID
	TreeID    ID
	TreeTitle string // of the draft; empty unless asked for
	NodeID    NodeID // where the step was taken
	NodeTitle string // in the version that was walked, as its author wrote it
	Words            // of the step that came first, without sensitive values
	Status    OfferStatus
	Count     int // of the steps that are its evidence
	OfferedBy account.User
	OfferedAt time.Time // when it came up first: the step's time
	LatestAt  time.Time // of the latest step that is its evidence; zero if there is none
	// Session is the troubleshooting session of that step, with who began it and who
	// has it alone; nil where the actor may not read it, and unless asked for.
	Session *Session

	DecidedBy    account.User // zero while it is open
	DecidedAt    time.Time
	Reason       string // why it was dismissed; may be empty
	AcceptedNode NodeID // the draft's node that it became
}

// OfferFields says what a query asks of offers beyond their own row, so that only
// that is read.
type OfferFields uint32

// The fields of an offer. Those that need another table name it.
const (
	OfferTreeTitle OfferFields = 1 << iota // trees
	OfferOfferer                           // users; the id is always read
	OfferDecider                           // users; the id is always read
	OfferEvidence                          // tree_offer_steps, tree_sessions
)

// AllOfferFields asks for everything.
const AllOfferFields = OfferEvidence<<1 - 1

// Has says whether all of other is asked for.
func (f OfferFields) Has(other OfferFields) bool { return f&other == other }

// OfferFilter says which offers are wanted. A zero field does not filter.
type OfferFilter struct {
	Owner  account.UserID // of the tree
	Tree   ID
	Status []OfferStatus // any of these; open ones if empty
}

// OfferQuery asks for a list of offers, those that came up last first.
type OfferQuery struct {
	Filter OfferFilter
	Page   Page
	Fields OfferFields
	Total  bool
}

// OfferOrder names the one order of offers. Cursors carry it.
const OfferOrder = "OFFERED DESC"

// Offering is a step that is offered to the tree where it was taken.
type Offering struct {
	ID     OfferID // of the offer that it makes, unless there is one with equal words
	Seq    int     // of the session's entry
	TreeID ID
	Number int // of the tree's version
	NodeID NodeID
	Words
	At time.Time
	By account.UserID
}

// Hash is equal where words are, with case and spacing aside. The note does not count.
func (w Words) Hash() [32]byte { return sha256.Sum256([]byte(fold(w.Title) + "\n" + fold(w.Answer))) }

// Offerings returns what a session offers to the trees that it went through: of
// one that was completed, the steps of its own that stand and were taken at a
// node. Others offer nothing. It needs the log.
func (s *Session) Offerings() []Offering {
	if s.Status != Completed {
		return nil
	}
	var offerings []Offering
	redact := newCensor(s, true)
	for i := range s.Steps {
		step := &s.Steps[i]
		place := step.Places[len(step.Places)-1]
		if !step.Own || step.Undone || place.TreeID.IsZero() {
			continue
		}
		offerings = append(offerings, Offering{
			ID: id.New[offerKind](), Seq: step.Seq, TreeID: place.TreeID, Number: place.Version, NodeID: place.NodeID,
			Words: ownWords(step, redact), At: step.LeftAt, By: step.By.ID,
		})
	}
	return offerings
}

// wasReopened says whether the session ended before, and may have offered what its
// log does not say any more.
func (s *Session) wasReopened() bool {
	return slices.ContainsFunc(s.Log, func(e Entry) bool { return e.Kind == Reopened })
}

// WithStep returns the graph with a node of these words before the node with that
// id: every way that led there leads to the new node, which leads on. Nothing else
// changes, so the graph has the problems that it had. Without such a node ok is
// false. The note comes only if asked for.
func (g *Graph) WithStep(before NodeID, w Words, includeNote bool) (out *Graph, added NodeID, ok bool) {
	at := slices.IndexFunc(g.Nodes, func(n Node) bool { return n.ID == before })
	if at < 0 {
		return nil, "", false
	}
	taken := make(map[string]bool, len(g.Nodes))
	for i := range g.Nodes {
		taken[string(g.Nodes[i].ID)] = true
	}
	step := w.node(before, before)
	step.ID = NodeID(unique(nodeSlug(w.Title), taken, map[string]int{}))
	if includeNote && w.Note != "" {
		step.note([]string{asMarkdown(w.Note)})
	}
	lead := func(to *NodeID) {
		if *to == before {
			*to = step.ID
		}
	}
	out = &Graph{Root: g.Root, Nodes: slices.Clone(g.Nodes)}
	lead(&out.Root)
	for i := range out.Nodes {
		n := &out.Nodes[i]
		n.Options, n.Branches = slices.Clone(n.Options), slices.Clone(n.Branches)
		for j := range n.Options {
			lead(&n.Options[j].Target)
		}
		for j := range n.Branches {
			lead(&n.Branches[j].Target)
		}
		lead(&n.Next)
	}
	out.Nodes = slices.Insert(out.Nodes, at, step)
	return out, step.ID, true
}

// decide writes down what became of an open offer; another one is a Conflict.
func (o *Offer) decide(to OfferStatus, actor account.Actor, now time.Time) error {
	switch o.Status {
	case OfferAccepted:
		return fault.New(fault.Conflict, "This offer was accepted already. Look at the tree's draft.")
	case OfferDismissed:
		return fault.New(fault.Conflict, "This offer was dismissed already. Add the step to the draft by hand if it is wanted.")
	}
	o.Status, o.DecidedAt = to, now
	o.DecidedBy = account.User{AccountID: actor.AccountID, ID: actor.UserID}
	return nil
}
