package tree

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// Bounds of a page.
const (
	DefaultPageSize = 20
	MaxPageSize     = 100
)

// Page says which part of a list is wanted, as Relay's connections do. Give
// First with After, or Last with Before; neither is the first DefaultPageSize.
type Page struct {
	First, Last   *int   // 0 to MaxPageSize
	After, Before string // cursors of an earlier answer in the same order; empty for the list's end
}

// Connection is a part of a list.
type Connection[T any] struct {
	Edges                    []Edge[T]
	HasNextPage, HasPrevPage bool
	Total                    int // -1 unless it was asked for
}

// Edge is one place in a list.
type Edge[T any] struct {
	Cursor string
	Node   T
}

// TreeOrderField says by what trees are ordered.
type TreeOrderField string

// What trees can be ordered by.
const (
	ByUpdate TreeOrderField = "UPDATED" // the latest save, publication or archiving
	ByTitle  TreeOrderField = "TITLE"   // the title, case aside
	ByReview TreeOrderField = "REVIEW"  // the review date; trees without one come after all dates
	// ByUse is how many troubleshooting sessions began on it in the last UsedDays
	// days. Trees move in this order while others walk.
	ByUse TreeOrderField = "MOST_USED"
)

// UsedDays is how far back ByUse looks: a quarter shows what a team meets, and
// forgets what it met before a change of its clients or their devices.
const UsedDays = 90

// NoReview stands for the review date of trees without one, in cursors as in the
// database.
const NoReview = "infinity"

// TreeOrder says how trees are ordered. The zero value is the latest change first.
type TreeOrder struct {
	Field TreeOrderField
	Desc  bool
}

// TreeFilter says which trees are wanted. A zero field does not filter.
type TreeFilter struct {
	Status   []Status // any of these; published and draft ones if empty
	Category CategoryID
	Tag      string // one of its tags is this, case aside
	Author   account.UserID
	Owner    account.UserID
	Due      bool // its review date has come
	// Text is what a person typed. The tree has all its words, as ParseSearch reads
	// them; one without words does not filter.
	Text string

	Today time.Time // the day in UTC from which Due counts; the service sets it
}

// TreeQuery asks for a list of trees.
type TreeQuery struct {
	Filter TreeFilter
	Order  TreeOrder
	Page   Page
	Fields TreeFields
	Total  bool // count all that the filter lets through
	// NoCursors leaves the cursors empty: nobody asked for them.
	NoCursors bool

	UsedSince time.Time // from when ByUse counts; the service sets it
}

// VersionQuery asks for a list of a tree's versions, the latest first.
type VersionQuery struct {
	Tree   ID
	Page   Page
	Fields VersionFields
	Total  bool
}

// SessionScope says whose troubleshooting sessions are wanted.
type SessionScope string

// The scopes.
const (
	Mine SessionScope = "MINE" // those that the actor began or has
	Team SessionScope = "TEAM" // everybody's; admins and owners only
	// Involved are those that the actor began, has, or had a part in as an engineer.
	Involved SessionScope = "INVOLVED"
)

// SessionFilter says which troubleshooting sessions are wanted. A zero field
// does not filter; an empty Scope is Mine.
type SessionFilter struct {
	Scope   SessionScope
	Status  []SessionStatus // any of these
	Outcome []Outcome       // ended with any of these
	From    time.Time       // began then or later
	To      time.Time       // began before
	Tree    ID
	Client  ClientID // its record is this
	Ticket  string   // its ticket is this, case aside
}

// SessionQuery asks for a list of troubleshooting sessions, the latest started first.
type SessionQuery struct {
	Filter SessionFilter
	Page   Page
	Fields SessionFields
	Total  bool
}

// Span is a Page that was checked: what the store reads.
type Span struct {
	Limit    int     // 0 to MaxPageSize
	Backward bool    // from the list's end, or before From
	From     *Cursor // the place to start behind, or to end before; nil for the list's end
}

// Cursor is a place in a list: the value by which the list is ordered and the
// id that decides between equals. Nothing about it is secret or trusted: every
// statement is keyed by account, so a forged one shows nothing that paging
// would not.
type Cursor struct {
	Order string // which order it belongs to
	Value string // in the order's own text: a time in microseconds since 1970, or a title
	ID    uuid.UUID
}

// String returns the cursor's text, which is opaque to clients.
func (c Cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.Order + "\n" + c.ID.String() + "\n" + c.Value))
}

// Time returns the cursor's value as a time.
func (c Cursor) Time() time.Time {
	micros, _ := strconv.ParseInt(c.Value, 10, 64) // checked by parseCursor
	return time.UnixMicro(micros).UTC()
}

// TimeCursor returns the cursor of a place in a list that is ordered by time.
func TimeCursor(order string, at time.Time, id uuid.UUID) Cursor {
	return Cursor{Order: order, Value: strconv.FormatInt(at.UnixMicro(), 10), ID: id}
}

// maxCursor bounds a cursor's text: a title of the longest kind, an id, an order.
const maxCursor = 2000

func parseCursor(field, text, order string, byTime bool) (*Cursor, error) {
	refused := notACursor(field)
	if len(text) > maxCursor {
		return nil, refused
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, refused
	}
	parts := strings.SplitN(string(raw), "\n", 3)
	if len(parts) != 3 || parts[0] != order || !storable(parts[2]) {
		return nil, refused
	}
	id, err := uuid.Parse(parts[1])
	cursor := Cursor{Order: order, Value: parts[2], ID: id}
	if err != nil || cursor.String() != text { // one place has one cursor
		return nil, refused
	}
	if byTime {
		// Years 1970 to 9999, so that PostgreSQL can read it.
		if micros, err := strconv.ParseInt(parts[2], 10, 64); err != nil || micros < 0 || micros > 253402300799999999 {
			return nil, refused
		}
	}
	return &cursor, nil
}

func notACursor(field string) error {
	return fault.Input(field, "This is not a cursor of this list in this order. Take one from its latest answer.")
}

// cursorField names the argument that holds the cursor.
func (p Page) cursorField() string {
	if p.Last != nil {
		return "before"
	}
	return "after"
}

// span checks a page of a list in that order.
func (p Page) span(order string, byTime bool) (Span, error) {
	var none Span
	switch {
	case p.First != nil && p.Last != nil:
		return none, fault.Input("last", "Give first or last, not both.")
	case p.Last != nil && p.After != "":
		return none, fault.Input("after", "The argument after goes with first. Give before with last.")
	case p.Last == nil && p.Before != "":
		return none, fault.Input("before", "The argument before goes with last. Give after with first.")
	}
	span := Span{Limit: DefaultPageSize}
	field, size := "first", p.First
	cursorField, cursor := "after", p.After
	if p.Last != nil {
		span.Backward = true
		field, size = "last", p.Last
		cursorField, cursor = "before", p.Before
	}
	if size != nil {
		if *size < 0 || *size > MaxPageSize {
			return none, fault.Input(field, "The argument %s has to be between 0 and %d.", field, MaxPageSize)
		}
		span.Limit = *size
	}
	if cursor == "" {
		return span, nil
	}
	from, err := parseCursor(cursorField, cursor, order, byTime)
	if err != nil {
		return none, err
	}
	span.From = from
	return span, nil
}

// takes says whether a cursor's value is one of this order, so that PostgreSQL
// can read it.
func (o TreeOrder) takes(value string) bool {
	switch o.Field {
	case ByUse:
		_, err := strconv.ParseUint(value, 10, 31)
		return err == nil
	case ByReview:
		day, err := time.Parse(time.DateOnly, value)
		return value == NoReview || err == nil && day.Year() > 0
	}
	return true
}

// normal returns the order with its zero field filled in.
func (o TreeOrder) normal() TreeOrder {
	if o.Field == "" {
		return TreeOrder{Field: ByUpdate, Desc: true}
	}
	return o
}

// String names the order. Cursors carry the name.
func (o TreeOrder) String() string {
	if o.Desc {
		return string(o.Field) + " DESC"
	}
	return string(o.Field) + " ASC"
}

// VersionOrder names the one order of a tree's versions. Cursors carry it.
const VersionOrder = "VERSION DESC"

// SessionOrder names the one order of troubleshooting sessions. Cursors carry it.
const SessionOrder = "STARTED DESC"
