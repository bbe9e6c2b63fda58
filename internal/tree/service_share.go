package tree

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// ShareSession makes a link to a session and returns it with its token. Who may
// not read the session gets NotFound; for who may share it and the other errors
// see Session.Share.
func (s *Service) ShareSession(ctx context.Context, actor account.Actor, id SessionID, n NewShare, fields SessionFields) (made Share, token string, session *Session, err error) {
	if err := actor.Require(account.Engineer); err != nil {
		return Share{}, "", nil, err
	}
	err = s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		session, err := tx.LockSessionRow(ctx, actor.AccountID, id, 0)
		if err != nil {
			return err
		}
		if err := mayRead(actor, session); err != nil {
			return err
		}
		now := s.Now()
		open, err := tx.OpenShares(ctx, actor.AccountID, id, now)
		if err != nil {
			return err
		}
		if made, token, err = session.Share(actor, n, open, now); err != nil {
			return err
		}
		if err := tx.InsertShare(ctx, made); err != nil {
			return err
		}
		e := shareEntry(account.TreeSessionShared, &made, now)
		e.ActorID = actor.UserID
		e.Details["expiresAt"] = made.ExpiresAt.UTC().Format(time.RFC3339)
		return tx.AddAudit(ctx, e)
	})
	if err != nil {
		return Share{}, "", nil, err
	}
	session, made, err = s.withShare(ctx, made, fields)
	return made, token, session, err
}

// Shares reads the links to a session, open ones first. Who may read the session
// may read them; others get NotFound.
func (s *Service) Shares(ctx context.Context, actor account.Actor, id SessionID) ([]Share, error) {
	session, err := s.Session(ctx, actor, id, SessionShares)
	if err != nil {
		return nil, err
	}
	return session.Shares, nil
}

// RevokeShare keeps a link from opening its session. Whoever has the session may,
// admins and owners; who began it and gave it away gets Forbidden, and to others
// the link is NotFound. Revoking one that is over is no error.
func (s *Service) RevokeShare(ctx context.Context, actor account.Actor, id ShareID, fields SessionFields) (revoked Share, session *Session, err error) {
	if err := actor.Require(account.Engineer); err != nil {
		return Share{}, nil, err
	}
	err = s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		if revoked, err = tx.LockShare(ctx, actor.AccountID, id); err != nil {
			return err
		}
		session, err := tx.LockSessionRow(ctx, actor.AccountID, revoked.SessionID, 0)
		if err != nil {
			return err
		}
		switch {
		case mayRead(actor, session) != nil:
			return missingShare
		case !session.mayDirect(actor):
			return fault.New(fault.Forbidden, "Somebody else has this session. Only they, admins and owners can revoke its links.")
		case !revoked.RevokedAt.IsZero():
			return nil
		}
		revoked.RevokedAt = s.Now()
		if err := tx.SaveShare(ctx, revoked); err != nil {
			return err
		}
		e := shareEntry(account.TreeSessionShareRevoked, &revoked, revoked.RevokedAt)
		e.ActorID = actor.UserID
		return tx.AddAudit(ctx, e)
	})
	if err != nil {
		return Share{}, nil, err
	}
	session, revoked, err = s.withShare(ctx, revoked, fields)
	return revoked, session, err
}

var missingShare = fault.Missing("share link")

// withShare reads a session with one of its links. One that is over for so long
// that it is listed no more comes back as it is.
func (s *Service) withShare(ctx context.Context, share Share, fields SessionFields) (*Session, Share, error) {
	session, err := s.Store.Session(ctx, share.AccountID, share.SessionID, fields|SessionShares)
	if err != nil {
		return nil, share, err
	}
	if i := slices.IndexFunc(session.Shares, func(o Share) bool { return o.ID == share.ID }); i >= 0 {
		share = session.Shares[i]
	}
	return session, share, nil
}

// SharedSession is a session as one of its links shows it.
type SharedSession struct {
	ExpiresAt time.Time // of the link
	session   *Session
	shows     ShareOptions
}

// Export writes out what the link shows.
func (s *SharedSession) Export(format ExportFormat) (*Export, error) {
	if !slices.Contains(ExportFormats(), format) {
		return nil, fault.Input("format", "There is no export format %q.", format)
	}
	return NewExport(s.session, format, s.shows.export())
}

// OpenShare returns the session that a link's token opens, as it stands now, and
// counts that; the first time goes into the audit log, with the address it came
// from. Nobody need be signed in. A token that opens nothing is NotFound, with the
// same words whether it is no token, unknown, expired or revoked.
func (s *Service) OpenShare(ctx context.Context, token, ip string) (*SharedSession, error) {
	accountID, shareID, secret, err := parseShareToken(token)
	if err != nil {
		return nil, err
	}
	var share Share
	err = s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		var err error
		if share, err = tx.LockShare(ctx, accountID, shareID); errors.Is(err, fault.NotFound) {
			return deadShare
		} else if err != nil {
			return err
		}
		now := s.Now()
		if !share.openTo(secret, now) {
			return deadShare
		}
		share.Opened++
		share.LastOpenedAt = now
		if err := tx.SaveShare(ctx, share); err != nil || share.Opened > 1 {
			return err
		}
		e := shareEntry(account.TreeSessionShareOpened, &share, now)
		e.IP = ip
		return tx.AddAudit(ctx, e)
	})
	if err != nil {
		return nil, err
	}
	session, err := s.Store.Session(ctx, accountID, share.SessionID, AllSessionFields&^(SessionGraph|SessionScratchpad|SessionShares))
	if err != nil {
		return nil, err
	}
	return &SharedSession{ExpiresAt: share.ExpiresAt, session: session, shows: share.Shows}, nil
}

// shareEntry begins an entry of the audit log about a link.
func shareEntry(action account.AuditAction, share *Share, now time.Time) account.AuditEntry {
	return account.AuditEntry{
		AccountID: share.AccountID, ID: account.NewAuditID(), At: now, Action: action,
		Details: map[string]any{"session": share.SessionID.String(), "share": share.ID.String()},
	}
}
