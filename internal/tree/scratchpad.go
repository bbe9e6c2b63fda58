package tree

import (
	"context"
	"unicode/utf8"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
)

// MaxScratchpad bounds what stands on a session's scratchpad, in characters.
const MaxScratchpad = 20_000

// WriteScratchpad puts a text in the place of what stands on the scratchpad, also
// after the session's end, and says whether that changed anything. Only whoever
// has the session may; others get Forbidden. The text is kept as it was typed,
// spaces at its end included: it is saved in the middle of typing.
//
// A revision that is not the present one is a Conflict that carries the present
// text and revision, so that two windows can be merged. To save what stands there
// already is never one: an answer may have been lost.
func (s *Session) WriteScratchpad(actor account.Actor, expectedRevision int, text string) (changed bool, err error) {
	text = lineFeeds.Replace(text)
	switch {
	case !printable(text):
		return false, fault.Input("input.text", "This text holds control characters or invalid UTF-8. Remove them.")
	case utf8.RuneCountInString(text) > MaxScratchpad:
		return false, fault.Input("input.text", "The scratchpad holds %d characters at most. Move what matters into notes.", MaxScratchpad)
	case !s.heldBy(actor):
		return false, fault.New(fault.Forbidden, "Somebody else has this session. Only they can write on its scratchpad.")
	case text == s.Scratchpad:
		return false, nil
	case expectedRevision != s.ScratchpadRevision:
		return false, fault.New(fault.Conflict, "The scratchpad was changed elsewhere since you saw it. Merge the two texts, then save.").
			With("scratchpad", s.Scratchpad).With("scratchpadRevision", s.ScratchpadRevision)
	}
	s.Scratchpad = text
	s.ScratchpadRevision++
	return true, nil
}

// UpdateScratchpad saves what stands on a session's scratchpad. It is not part of
// the record: the log has no entry for it. For who may and the errors see
// Session.WriteScratchpad; who may not read the session gets NotFound.
func (s *Service) UpdateScratchpad(ctx context.Context, actor account.Actor, id SessionID, expectedRevision int, text string, fields SessionFields) (*Session, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	err := s.inTx(ctx, actor.AccountID, event.TreeSessions, func(ctx context.Context, tx Tx) error {
		session, err := tx.LockSessionRow(ctx, actor.AccountID, id, SessionScratchpad)
		if err != nil {
			return err
		}
		if err := mayRead(actor, session); err != nil {
			return err
		}
		changed, err := session.WriteScratchpad(actor, expectedRevision, text)
		if err != nil || !changed {
			return err
		}
		return tx.SaveScratchpad(ctx, session)
	})
	if err != nil {
		return nil, err
	}
	return s.Store.Session(ctx, actor.AccountID, id, fields)
}
