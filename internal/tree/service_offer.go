package tree

import (
	"context"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
)

// NewDraft is a tree to be made from a troubleshooting session.
type NewDraft struct {
	Session  SessionID
	Title    string     // empty for the session's subject, or else its tree's title
	Category CategoryID // zero for none
	// IncludeNotes makes notes part of the nodes' texts.
	IncludeNotes bool
	// IdempotencyKey makes a repeat by the same user return the tree that the first
	// request made. At most MaxKey characters; empty for none. Used again for
	// something else it is a Conflict.
	IdempotencyKey string
}

// Drafted is a new draft, and what is open in it.
type Drafted struct {
	Tree     *Tree
	Problems []Problem // of the draft as it stands now
}

// DraftFromSession makes a tree with a draft from a troubleshooting session that
// the actor may read, running or ended: see Session.Draft. Engineers and above
// may. A session that they may not read is NotFound, and so is a category of
// another account; a title that breaks its bounds is BadUserInput.
func (s *Service) DraftFromSession(ctx context.Context, actor account.Actor, in NewDraft, fields TreeFields) (Drafted, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return Drafted{}, err
	}
	if err := cleanKey(in.IdempotencyKey); err != nil {
		return Drafted{}, err
	}
	session, err := s.Session(ctx, actor, in.Session, AllSessionFields&^(SessionGraph|SessionCurrentNode))
	if err != nil {
		return Drafted{}, err
	}
	if session.Versions, err = s.Store.ReadVersions(ctx, actor.AccountID, session.refs()); err != nil {
		return Drafted{}, err
	}
	graph, err := session.Draft(in.IncludeNotes)
	if err != nil {
		return Drafted{}, err
	}
	made := NewTree{Title: in.Title, Category: in.Category, Graph: graph}
	if made.Title == "" {
		made.Title = session.draftTitle()
	}
	t, err := s.newTree(actor, made)
	if err != nil {
		return Drafted{}, err
	}
	request := DraftRequest{
		AccountID: actor.AccountID, UserID: actor.UserID, Key: in.IdempotencyKey, Hash: hashOf("draft", in),
		SessionID: in.Session, TreeID: t.ID, At: t.CreatedAt,
	}
	err = s.inTx(ctx, actor.AccountID, event.Trees, func(ctx context.Context, tx Tx) error {
		if request.Key != "" {
			earlier, err := tx.ClaimDraft(ctx, request)
			if err != nil {
				return err
			}
			if earlier != nil {
				request.TreeID = earlier.TreeID
				return sameRequest(earlier.Hash, request.Hash)
			}
		}
		return tx.InsertTree(ctx, t)
	})
	if err != nil {
		return Drafted{}, err
	}
	drafted, err := s.Store.Tree(ctx, actor.AccountID, request.TreeID, DraftForm, fields|TreeTitle|TreeGraph)
	if err != nil {
		return Drafted{}, err
	}
	return Drafted{Tree: drafted, Problems: Check(drafted.Title, *drafted.Graph)}, nil
}

// draftTitle is what a tree is called that is drafted from the session.
func (s *Session) draftTitle() string {
	title := s.Subject
	if title == "" && s.Version != nil {
		title = s.Version.Title
	}
	return shortened(newCensor(s, true).text(title), MaxTitle)
}

// refs names the versions that the session went through.
func (s *Session) refs() []VersionRef {
	seen := map[VersionRef]bool{}
	var refs []VersionRef
	for i := range s.Steps {
		for _, place := range s.Steps[i].Places {
			if ref, inside := place.Ref(); inside && !seen[ref] {
				seen[ref], refs = true, append(refs, ref)
			}
		}
	}
	return refs
}

// Offer reads one offer. Engineers and above may; to others it is NotFound.
func (s *Service) Offer(ctx context.Context, actor account.Actor, id OfferID, fields OfferFields) (*Offer, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	if formFor(actor) != DraftForm {
		return nil, fault.Missing("tree offer")
	}
	return s.readOffer(ctx, actor, id, fields)
}

// Offers reads a page of offers, those that came up last first. Engineers and
// above may. A cursor of another list and a page that is too long are BadUserInput.
func (s *Service) Offers(ctx context.Context, actor account.Actor, q OfferQuery) (Connection[*Offer], error) {
	none := Connection[*Offer]{Total: -1}
	if err := actor.Require(account.Engineer); err != nil {
		return none, err
	}
	span, err := q.Page.span(OfferOrder, true)
	if err != nil {
		return none, err
	}
	if len(q.Filter.Status) == 0 {
		q.Filter.Status = []OfferStatus{OfferOpen}
	}
	page, err := s.Store.Offers(ctx, actor.AccountID, q, span)
	for _, edge := range page.Edges {
		edge.Node.seen(actor)
	}
	return page, err
}

// AcceptedOffer is an offer that became a node of its tree's draft.
type AcceptedOffer struct {
	Offer    *Offer
	Tree     *Tree
	Problems []Problem // of the draft as it stands now
}

// AcceptOffer puts a node with the offer's words into its tree's draft: see
// Graph.WithStep. Engineers and above may. Another revision of the tree than the
// expected one is a Conflict as with UpdateTree; so is an offer that was decided
// already, and one whose node the draft does not have any more.
func (s *Service) AcceptOffer(ctx context.Context, actor account.Actor, id OfferID, expectedRevision int, includeNote bool, offerFields OfferFields, treeFields TreeFields) (AcceptedOffer, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return AcceptedOffer{}, err
	}
	var treeID ID
	err := s.inTx(ctx, actor.AccountID, event.Trees, func(ctx context.Context, tx Tx) error {
		// The offer comes before its tree, as where a session that is completed offers
		// a step, so that the two never wait for each other.
		offer, err := tx.LockOffer(ctx, actor.AccountID, id)
		if err != nil {
			return err
		}
		now := s.Now()
		if err := offer.decide(OfferAccepted, actor, now); err != nil {
			return err
		}
		t, err := tx.LockTree(ctx, actor.AccountID, offer.TreeID)
		if err != nil {
			return err
		}
		if err := t.expect(expectedRevision); err != nil {
			return err
		}
		graph, added, ok := t.Graph.WithStep(offer.NodeID, offer.Words, includeNote)
		if !ok {
			return fault.New(fault.Conflict, "The draft has the node %q no more, where this step was taken. Add the step by hand, and dismiss the offer.", offer.NodeID)
		}
		if err := t.update(TreeChange{Graph: graph}); err != nil {
			return err
		}
		offer.AcceptedNode, treeID = added, t.ID
		if err := tx.SaveOffer(ctx, offer); err != nil {
			return err
		}
		t.saved(actor, now)
		return tx.SaveTree(ctx, t)
	})
	if err != nil {
		return AcceptedOffer{}, err
	}
	done := AcceptedOffer{}
	if done.Offer, err = s.readOffer(ctx, actor, id, offerFields); err != nil {
		return AcceptedOffer{}, err
	}
	if done.Tree, err = s.Store.Tree(ctx, actor.AccountID, treeID, DraftForm, treeFields|TreeTitle|TreeGraph); err != nil {
		return AcceptedOffer{}, err
	}
	done.Problems = Check(done.Tree.Title, *done.Tree.Graph)
	return done, nil
}

// DismissOffer says that an offer is not wanted, for a reason that may be empty.
// Equal words count for it from then on and are not asked about again. Engineers
// and above may. An offer that was decided already is a Conflict.
func (s *Service) DismissOffer(ctx context.Context, actor account.Actor, id OfferID, reason string, fields OfferFields) (*Offer, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	reason, err := cleanText("input.reason", reason, MaxReason)
	if err != nil {
		return nil, err
	}
	err = s.inTx(ctx, actor.AccountID, event.Trees, func(ctx context.Context, tx Tx) error {
		offer, err := tx.LockOffer(ctx, actor.AccountID, id)
		if err != nil {
			return err
		}
		if err := offer.decide(OfferDismissed, actor, s.Now()); err != nil {
			return err
		}
		offer.Reason = reason
		return tx.SaveOffer(ctx, offer)
	})
	if err != nil {
		return nil, err
	}
	return s.readOffer(ctx, actor, id, fields)
}

// seen returns an offer as the actor may see it: without the session that they may
// not read.
func (o *Offer) seen(actor account.Actor) *Offer {
	if o.Session != nil && mayRead(actor, o.Session) != nil {
		o.Session = nil
	}
	return o
}

// readOffer reads an offer as the actor may see it.
func (s *Service) readOffer(ctx context.Context, actor account.Actor, id OfferID, fields OfferFields) (*Offer, error) {
	o, err := s.Store.Offer(ctx, actor.AccountID, id, fields)
	if err != nil {
		return nil, err
	}
	return o.seen(actor), nil
}

// offer gives what a session that has just ended offers to its trees, in place of
// what it offered when it ended before, and says whether that may be something.
func (s *Service) offer(ctx context.Context, tx Tx, session *Session) (bool, error) {
	if session.Status == InProgress {
		return false, nil
	}
	offerings := session.Offerings()
	if len(offerings) == 0 && !session.wasReopened() {
		return false, nil
	}
	return true, tx.ReplaceOfferings(ctx, session.AccountID, session.ID, offerings)
}
