// Package tree holds what the product is about: troubleshooting trees, their
// versions, and the sessions in which people walk them.
//
// The rules are pure: Validate judges a graph, a Session's methods append to its
// log, Export writes it out. Service adds who may do what and the transaction;
// Store is what it needs from a database. A type named Session here is always a
// troubleshooting session; a signed-in device is login.Session.
package tree

import (
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/id"
)

type (
	treeKind     struct{}
	categoryKind struct{}
	sessionKind  struct{}
)

func (treeKind) Prefix() string     { return "tree" }
func (treeKind) Noun() string       { return "tree" }
func (categoryKind) Prefix() string { return "tcat" }
func (categoryKind) Noun() string   { return "tree category" }
func (sessionKind) Prefix() string  { return "tses" }
func (sessionKind) Noun() string    { return "troubleshooting session" }

type (
	// ID identifies a tree.
	ID = id.Of[treeKind]
	// CategoryID identifies a category of trees.
	CategoryID = id.Of[categoryKind]
	// SessionID identifies a troubleshooting session.
	SessionID = id.Of[sessionKind]
)

// Bounds of what is said about a tree, in characters.
const (
	MaxTitle       = 200
	MaxDescription = 10_000
	MaxTags        = 20 // of one tree
	MaxTag         = 40
	MaxCategory    = 80
	MaxChangeNote  = 1000
	MaxCategories  = 100 // of one account
)

// Status says where a tree stands in its life.
type Status string

// The statuses of a tree.
const (
	Draft     Status = "DRAFT"     // never published; viewers do not see it
	Published Status = "PUBLISHED" // its latest version can be walked
	Archived  Status = "ARCHIVED"  // cannot be started any more; its history stays
)

// Valid says whether s is one of the statuses.
func (s Status) Valid() bool { return s == Draft || s == Published || s == Archived }

// Tree is a troubleshooting tree: a draft that people edit and the versions that
// they published. What is read of it depends on the TreeFields asked for; the
// account, the id and the status are always there.
//
// It comes in two forms. Who may write trees reads the draft's title,
// description, node count and graph; viewers read those of the latest version.
type Tree struct {
	AccountID account.ID
	ID        ID
	Status    Status

	Title       string
	Description string        // Markdown; may be empty
	Tags        []string      // lower case, in the author's order
	Category    Category      // the zero Category where it has none
	Author      *account.User // nil unless asked for, as are the next two
	Owner       *account.User // who answers for its being right; the author unless it was given away
	SavedBy     *account.User // who made the latest change
	ReviewBy    time.Time     // the day, at 00:00 UTC, by which somebody should look whether it is still right; zero if none
	ConfirmedAt time.Time     // when somebody said that it is still right; zero if nobody did
	ConfirmedBy *account.User // who did; nil as well
	CreatedAt   time.Time
	UpdatedAt   time.Time // of the latest save, publication or archiving
	// Revision rises by one with every change. It starts at 1.
	Revision int

	PublishedVersion int // the number of the latest version; 0 before the first
	NodeCount        int
	OpenOffers       *int   // how many changes are offered; nil unless asked for, and in the published form
	Graph            *Graph // nil unless asked for
}

// Version is one published state of a tree. It never changes. Its key is the
// tree's id and its number.
type Version struct {
	AccountID   account.ID
	TreeID      ID
	Number      int // 1, 2, 3, … within its tree
	Title       string
	Description string
	NodeCount   int
	Graph       *Graph       // nil unless asked for
	PublishedBy account.User // the id alone in a session
	PublishedAt time.Time
	ChangeNote  string // may be empty
}

// Category is a shelf on which an account keeps trees.
type Category struct {
	AccountID account.ID
	ID        CategoryID
	Name      string // unique in the account, case aside
	Position  int    // lower stands first
}
