package tree

import (
	"context"
	"time"

	"github.com/branchline/branchline/internal/account"
)

// Store keeps trees and troubleshooting sessions. Every key begins with the
// account: what belongs to another one is NotFound, like what does not exist.
type Store interface {
	ClientStore
	// Tree reads one tree in one statement. In the published form, one without a
	// published version or that is archived is NotFound.
	Tree(ctx context.Context, accountID account.ID, id ID, form Form, fields TreeFields) (*Tree, error)
	// Trees reads a page of trees in one statement. The query's page stands in
	// the span, checked.
	Trees(ctx context.Context, accountID account.ID, form Form, q TreeQuery, span Span) (Connection[*Tree], error)
	// SearchTrees reads a page of the trees with the terms, ranked, in one statement.
	SearchTrees(ctx context.Context, accountID account.ID, form Form, search TreeSearch) (FoundTrees, error)
	// KnownWords reads which words the account's trees have with one of the keys
	// that NearKeys gives, in one statement; a few hundred at the most.
	KnownWords(ctx context.Context, accountID account.ID, form Form, nearKeys []string) ([]string, error)
	// Version reads one version of a tree in one statement. In the published form
	// only the latest version of a published tree exists.
	Version(ctx context.Context, accountID account.ID, form Form, id ID, number int, fields VersionFields) (*Version, error)
	// Versions reads a page of a tree's versions in one statement, the latest
	// first. What does not exist in the form is left out.
	Versions(ctx context.Context, accountID account.ID, form Form, q VersionQuery, span Span) (Connection[*Version], error)
	// Subtrees reads the newest versions of trees, and all that their subtrees lead
	// to, in one statement.
	Subtrees(ctx context.Context, accountID account.ID, ids []ID) (Subtrees, error)
	// Categories reads the account's categories in their order.
	Categories(ctx context.Context, accountID account.ID) ([]Category, error)
	// Tags reads the tags of the account's trees with their counts, the most used
	// first, at most limit.
	Tags(ctx context.Context, accountID account.ID, form Form, limit int) ([]TagCount, error)
	// Session reads one troubleshooting session in one statement, and its log, if asked for, in a second.
	Session(ctx context.Context, accountID account.ID, id SessionID, fields SessionFields) (*Session, error)
	// Sessions reads a page of troubleshooting sessions in one statement, and their logs, if
	// asked for, in a second. With the scope Mine they are those that the user
	// began or has, with Involved also those that they had a part in.
	Sessions(ctx context.Context, accountID account.ID, userID account.UserID, q SessionQuery, span Span) (Connection[*Session], error)
	// ReadVersions reads versions with their graphs in one statement. What does not
	// exist is left out.
	ReadVersions(ctx context.Context, accountID account.ID, refs []VersionRef) (Versions, error)
	// Offer reads one offer in one statement. An open one without evidence is NotFound.
	Offer(ctx context.Context, accountID account.ID, id OfferID, fields OfferFields) (*Offer, error)
	// Offers reads a page of offers in one statement, those that came up last first.
	Offers(ctx context.Context, accountID account.ID, q OfferQuery, span Span) (Connection[*Offer], error)
	// Escalations reads the sessions with an open escalation, the most urgent first,
	// then the one that waits longest, in one statement, and their logs, if asked
	// for, in a second.
	Escalations(ctx context.Context, accountID account.ID, fields SessionFields, limit int) (EscalationQueue, error)
	// EscalationCounts counts the escalations made in a span of time by urgency, and
	// under "" all together, in one statement. An urgency without any is left out.
	EscalationCounts(ctx context.Context, accountID account.ID, from, to time.Time) (map[Urgency]EscalationCounts, error)
	// Analytics works out what is asked of figures about the walks through a tree: one
	// statement for sessions, one for nodes.
	Analytics(ctx context.Context, accountID account.ID, q AnalyticsQuery) (*Analytics, error)
	// UnwellTrees reads, in one statement, the facts of the published trees that
	// HealthFacts.Findings holds something against, the worst first.
	UnwellTrees(ctx context.Context, accountID account.ID, q HealthQuery) ([]UnwellTree, error)

	// InTx runs fn in a transaction and commits it when fn returns nil. Where the
	// database broke a deadlock by ending it, fn runs anew in another, at most twice.
	InTx(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error
	// InSession is InTx for what begins with Tx.LockSession. fn gets the session, and what
	// was asked of it with the key before; nil if nothing was, or the key is empty.
	InSession(ctx context.Context, accountID account.ID, id SessionID, key string, fn func(ctx context.Context, tx Tx, session *Session, earlier *Request) error) error
}

// Tx is what can be done within a transaction.
type Tx interface {
	ClientTx
	// LockTree reads a tree with its draft, and keeps others from changing it
	// until the transaction ends.
	LockTree(ctx context.Context, accountID account.ID, id ID) (*Tree, error)
	// InsertTree adds a tree with its draft. A category of another account is NotFound.
	InsertTree(ctx context.Context, t *Tree) error
	// SaveTree writes what may change of a locked tree, its draft included.
	SaveTree(ctx context.Context, t *Tree) error
	// DeleteTree removes a tree and its versions. Where a troubleshooting session used it, or
	// another tree's version leads through it, that is a Conflict.
	DeleteTree(ctx context.Context, accountID account.ID, id ID) error
	// InsertVersion adds a version of a locked tree, with all that its subtrees lead to.
	InsertVersion(ctx context.Context, v *Version, pins []VersionRef) error
	// LockPublishing keeps others from publishing any tree of the account until the
	// transaction ends. It comes before all other locks.
	LockPublishing(ctx context.Context, accountID account.ID) error
	// LockSubtrees is Store.Subtrees that keeps others from changing the trees
	// until the transaction ends.
	LockSubtrees(ctx context.Context, accountID account.ID, ids []ID) (Subtrees, error)
	// AddAudit adds an entry to the audit log.
	AddAudit(ctx context.Context, e account.AuditEntry) error

	// LockCategories reads the account's categories in their order, and keeps
	// others from changing them until the transaction ends.
	LockCategories(ctx context.Context, accountID account.ID) ([]Category, error)
	// InsertCategory adds a category at the end and sets its position. One of that name is a Conflict.
	InsertCategory(ctx context.Context, c *Category) error
	// RenameCategory writes a category's name. One of that name is a Conflict.
	RenameCategory(ctx context.Context, c Category) error
	// OrderCategories gives the account's categories the positions from 1 in this order.
	OrderCategories(ctx context.Context, accountID account.ID, ids []CategoryID) error
	// DeleteCategory takes all trees off a category and removes it.
	DeleteCategory(ctx context.Context, accountID account.ID, id CategoryID) error

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
	// LockSession reads a troubleshooting session with everything, its log and the version in
	// which it stands included, and keeps others from changing it until the transaction ends.
	LockSession(ctx context.Context, accountID account.ID, id SessionID) (*Session, error)
	// WalkedVersions reads a version with its graph, and all versions that its
	// subtrees lead to, in one statement. What does not exist is left out.
	WalkedVersions(ctx context.Context, accountID account.ID, ref VersionRef) (Versions, error)
	// Colleague reads a user of the account, who stays as they are until the
	// transaction ends.
	Colleague(ctx context.Context, accountID account.ID, id account.UserID) (account.User, error)
	// LockSessionRow reads of a troubleshooting session what is asked for, but not
	// the log, and keeps others from changing it until the transaction ends.
	LockSessionRow(ctx context.Context, accountID account.ID, id SessionID, fields SessionFields) (*Session, error)
	// SaveScratchpad writes a locked session's scratchpad.
	SaveScratchpad(ctx context.Context, s *Session) error
	// OpenShares counts the links to a session that open it at now.
	OpenShares(ctx context.Context, accountID account.ID, id SessionID, now time.Time) (int, error)
	// InsertShare adds a link to a session.
	InsertShare(ctx context.Context, share Share) error
	// LockShare reads a link, without the name of who made it, and keeps others
	// from changing it until the transaction ends.
	LockShare(ctx context.Context, accountID account.ID, id ShareID) (Share, error)
	// SaveShare writes what may change of a locked link: when it was revoked, and
	// how often and when it was opened.
	SaveShare(ctx context.Context, share Share) error
	// SaveSession writes what a locked troubleshooting session is for: ticket,
	// client and subject; and what is suggested beside it.
	SaveSession(ctx context.Context, s *Session) error
	// ClaimDraft records that the user asked with this key to draft a tree. If the
	// same key was used before, it returns that tree's id and the hash of that request.
	ClaimDraft(ctx context.Context, r DraftRequest) (earlier *DraftRequest, err error)
	// ReplaceOfferings makes these steps all that a locked troubleshooting session
	// offers, in one statement. Each is evidence of the offer with equal words at its
	// node, or of a new one unless the tree has MaxOpenOffers.
	ReplaceOfferings(ctx context.Context, accountID account.ID, id SessionID, offerings []Offering) error
	// LockOffer reads an offer without what belongs to it, and keeps others from
	// changing it until the transaction ends.
	LockOffer(ctx context.Context, accountID account.ID, id OfferID) (*Offer, error)
	// SaveOffer writes what became of a locked offer.
	SaveOffer(ctx context.Context, o *Offer) error
	// Append writes one entry, the state after it, and the request that caused
	// it unless its key is empty. In InSession they go with the commit, so that nothing
	// but ReplaceOfferings may follow.
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

// DraftRequest is a request to draft a tree from a troubleshooting session, as kept
// for repeats.
type DraftRequest struct {
	AccountID account.ID
	UserID    account.UserID
	Key       string
	Hash      [32]byte // SHA-256 of what was asked
	SessionID SessionID
	TreeID    ID
	At        time.Time
}

// Request is a request to change a troubleshooting session, as kept for repeats.
type Request struct {
	Key  string   // the idempotency key; empty where none was given
	Hash [32]byte // SHA-256 of what was asked
	Seq  int      // of the entry that it made
}
