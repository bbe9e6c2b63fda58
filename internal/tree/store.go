package tree

import (
	"context"
	"time"

	"github.com/branchline/branchline/internal/account"
)

// Store keeps trees and troubleshooting sessions. Every key begins with the
// account: what belongs to another one is NotFound, like what does not exist.
type Store interface {
	// Tree reads one tree in one statement. In the published form, one without a
	// published version or that is archived is NotFound.
	Tree(ctx context.Context, accountID account.ID, id ID, form Form, fields TreeFields) (*Tree, error)
	// Trees reads a page of trees in one statement. The query's page stands in
	// the span, checked.
	Trees(ctx context.Context, accountID account.ID, form Form, q TreeQuery, span Span) (Connection[*Tree], error)
	// Version reads one version of a tree, with its graph, in one statement.
	Version(ctx context.Context, accountID account.ID, id ID, number int) (*Version, error)
	// Categories reads the account's categories in their order.
	Categories(ctx context.Context, accountID account.ID) ([]Category, error)
	// InsertCategory adds a category at the end and sets its position. One of that name is a Conflict.
	InsertCategory(ctx context.Context, c *Category) error
	// Session reads one troubleshooting session in one statement, and its log, if asked for, in a second.
	Session(ctx context.Context, accountID account.ID, id SessionID, fields SessionFields) (*Session, error)
	// Sessions reads a page of troubleshooting sessions in one statement, and their logs, if
	// asked for, in a second. With the scope Mine they are those that the user
	// began or has.
	Sessions(ctx context.Context, accountID account.ID, userID account.UserID, q SessionQuery, span Span) (Connection[*Session], error)

	// InTx runs fn in a transaction and commits it when fn returns nil.
	InTx(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error
}

// Tx is what can be done within a transaction.
type Tx interface {
	// LockTree reads a tree with its draft, and keeps others from changing it
	// until the transaction ends.
	LockTree(ctx context.Context, accountID account.ID, id ID) (*Tree, error)
	// InsertTree adds a tree with its draft. A category of another account is NotFound.
	InsertTree(ctx context.Context, t *Tree) error
	// SaveTree writes what may change of a locked tree, its draft included.
	SaveTree(ctx context.Context, t *Tree) error
	// DeleteTree removes a tree and its versions. Where a troubleshooting session used it, that is a Conflict.
	DeleteTree(ctx context.Context, accountID account.ID, id ID) error
	// InsertVersion adds a version of a locked tree.
	InsertVersion(ctx context.Context, v *Version) error

	// LatestVersion reads the latest version of a tree with its graph, and the
	// tree's status, which stays until the transaction ends. The version is nil
	// if there is none.
	LatestVersion(ctx context.Context, accountID account.ID, id ID) (Status, *Version, error)
	// ClaimStart records that the user asked with this key to start a session.
	// If the same key was used before, it returns that session's id and the
	// hash of that request.
	ClaimStart(ctx context.Context, r StartRequest) (earlier *StartRequest, err error)
	// InsertSession adds a troubleshooting session without entries.
	InsertSession(ctx context.Context, s *Session) error
	// LockSession reads a troubleshooting session with everything, its log and graph included,
	// and keeps others from changing it until the transaction ends.
	LockSession(ctx context.Context, accountID account.ID, id SessionID) (*Session, error)
	// Request finds what was asked with this key before; nil if nothing was.
	Request(ctx context.Context, accountID account.ID, id SessionID, key string) (*Request, error)
	// Append writes one entry, the state after it, and the request that caused
	// it unless its key is empty.
	Append(ctx context.Context, s *Session, e Entry, r Request) error
}

// Form says which form of trees is read.
type Form int

// The forms.
const (
	DraftForm     Form = iota // title, description, node count and graph are the draft's
	PublishedForm             // they are the latest version's; other trees do not exist
)

// StartRequest is a request to start a troubleshooting session, as kept for repeats.
type StartRequest struct {
	AccountID account.ID
	UserID    account.UserID
	Key       string
	Hash      [32]byte // SHA-256 of what was asked
	SessionID SessionID
	At        time.Time
}

// Request is a request to change a troubleshooting session, as kept for repeats.
type Request struct {
	Key  string   // the idempotency key; empty where none was given
	Hash [32]byte // SHA-256 of what was asked
	Seq  int      // of the entry that it made
}
