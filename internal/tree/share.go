package tree

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/id"
)

// Bounds of links to a session.
const (
	MaxOpenShares   = 10 // of one session
	MaxShareDays    = 30
	MaxListedShares = 50 // of one session, open ones first

	// SharesKept is how long a link that expired is still listed: who sent it
	// wants to know whether it was opened.
	SharesKept = 30 * 24 * time.Hour
)

// shareSecret is the length of a link's secret, in bytes.
const shareSecret = 32

type shareKind struct{}

func (shareKind) Prefix() string { return "tshr" }
func (shareKind) Noun() string   { return "share link" }

// ShareID identifies a link to a troubleshooting session.
type ShareID = id.Of[shareKind]

// Share is a link by which anybody who has it reads one troubleshooting session,
// as it stands then, until it expires or is revoked. It belongs to the session:
// it stays when whoever made it gives the session away or leaves.
type Share struct {
	AccountID  account.ID
	ID         ShareID
	SessionID  SessionID
	SecretHash []byte // SHA-256 of the link's secret, which is kept nowhere; nil in a list
	Shows      ShareOptions
	CreatedBy  account.User // the id alone unless it was read with a session
	CreatedAt  time.Time
	ExpiresAt  time.Time
	RevokedAt  time.Time // zero if not

	Opened       int       // how often, by people and by programs that look ahead
	LastOpenedAt time.Time // zero if never
}

// ShareOptions say what a link shows beside the steps and their answers. Internal
// notes, sensitive values and the scratchpad are never shown.
type ShareOptions struct {
	IncludeNotes   bool // and command output
	IncludeTimings bool
	IncludeUndone  bool
}

// export returns the options of the export that a link shows.
func (o ShareOptions) export() ExportOptions {
	return ExportOptions{IncludeNotes: o.IncludeNotes, IncludeTimings: o.IncludeTimings, IncludeUndone: o.IncludeUndone, RedactSensitive: true}
}

// NewShare is a link to be made.
type NewShare struct {
	Days  int // until it expires: 1 to MaxShareDays
	Shows ShareOptions
}

// Share makes a link to the session and returns it with its token, which is kept
// nowhere. Whoever has the session may, admins and owners, also after its end;
// others get Forbidden. The number of links that are open already is needed: more
// than MaxOpenShares is a Conflict. A span out of bounds is BadUserInput.
func (s *Session) Share(actor account.Actor, n NewShare, open int, now time.Time) (Share, string, error) {
	switch {
	case n.Days < 1 || n.Days > MaxShareDays:
		return Share{}, "", fault.Input("input.expiresInDays", "A link lasts 1 to %d days.", MaxShareDays)
	case !s.mayDirect(actor):
		return Share{}, "", fault.New(fault.Forbidden, "Somebody else has this session. Only they, admins and owners can share it.")
	case open >= MaxOpenShares:
		return Share{}, "", fault.New(fault.Conflict, "This session has %d open links, the most that one can have. Revoke one first.", open)
	}
	secret := make([]byte, shareSecret)
	rand.Read(secret)
	hash := sha256.Sum256(secret)
	made := Share{
		AccountID: s.AccountID, ID: id.New[shareKind](), SessionID: s.ID, SecretHash: hash[:], Shows: n.Shows,
		CreatedBy: account.User{AccountID: actor.AccountID, ID: actor.UserID}, CreatedAt: now, ExpiresAt: now.Add(time.Duration(n.Days) * 24 * time.Hour),
	}
	return made, strings.Join([]string{s.AccountID.String(), made.ID.String(), base64.RawURLEncoding.EncodeToString(secret)}, "."), nil
}

// deadShare is the one answer to a link that opens nothing. Whether there ever
// was one is not told.
var deadShare = fault.New(fault.NotFound, "This link opens nothing: it was withdrawn, has expired, or is not complete. Ask whoever sent it for a new one.")

// parseShareToken reads `account.share.secret`. What is none opens nothing.
func parseShareToken(token string) (accountID account.ID, shareID ShareID, secret []byte, err error) {
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 || len(parts[2]) != base64.RawURLEncoding.EncodedLen(shareSecret) || accountID.UnmarshalText([]byte(parts[0])) != nil || shareID.UnmarshalText([]byte(parts[1])) != nil {
		return accountID, shareID, nil, deadShare
	}
	// The decoder passes over line breaks: with one, the secret is too short.
	if secret, err = base64.RawURLEncoding.Strict().DecodeString(parts[2]); err != nil || len(secret) != shareSecret {
		return accountID, shareID, nil, deadShare
	}
	return accountID, shareID, secret, nil
}

// openTo says whether the secret opens the link at now.
func (s *Share) openTo(secret []byte, now time.Time) bool {
	hash := sha256.Sum256(secret)
	return subtle.ConstantTimeCompare(hash[:], s.SecretHash) == 1 && s.RevokedAt.IsZero() && now.Before(s.ExpiresAt)
}
