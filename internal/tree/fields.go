package tree

// TreeFields says what a query asks of trees beyond the account, the id and the
// status, so that only that is read. The zero value asks for nothing more.
type TreeFields uint32

// The fields of a tree. Those that need another table name it.
const (
	TreeTitle TreeFields = 1 << iota
	TreeDescription
	TreeTags
	TreeCategory // tree_categories
	TreeAuthor   // users, for the id and the name
	TreeOwner    // users, for the id and the name
	TreeSavedBy  // users, for the id and the name
	TreeReviewBy
	TreeConfirmed // users, for the id and the name
	TreePeople    // of these users, everything
	TreeCreatedAt
	TreeUpdatedAt
	TreeRevision
	TreePublishedVersion
	TreeNodeCount
	TreeOffers // tree_offers, to count the open ones
	TreeGraph  // up to MaxGraphBytes
)

// AllTreeFields asks for everything.
const AllTreeFields = TreeGraph<<1 - 1

// Has says whether all of other is asked for.
func (f TreeFields) Has(other TreeFields) bool { return f&other == other }

// Any says whether something of other is asked for.
func (f TreeFields) Any(other TreeFields) bool { return f&other != 0 }

// VersionFields says what a query asks of versions beyond their own row without
// the graph.
type VersionFields uint32

// The fields of a version.
const (
	VersionPublisher VersionFields = 1 << iota // users; the id is always read
	VersionGraph                               // up to MaxGraphBytes
)

// AllVersionFields asks for everything.
const AllVersionFields = VersionGraph<<1 - 1

// Has says whether all of other is asked for.
func (f VersionFields) Has(other VersionFields) bool { return f&other == other }

// SessionFields says what a query asks of troubleshooting sessions beyond the
// account, the id, the status, who has it and who may read it, so that only that
// is read. The open escalation is always read.
type SessionFields uint32

// The fields of a troubleshooting session. Those that need another table name it.
const (
	SessionTree        SessionFields = 1 << iota // the id of the tree where it began, the version's number and title (tree_versions)
	SessionStarter                               // users; the id is always read
	SessionHolder                                // users; the id is always read
	SessionSubject                               // ticket, client and subject
	SessionTimes                                 // started, updated, ended, active seconds
	SessionResult                                // outcome and reason
	SessionPosition                              // the current node's id and title, and the last seq
	SessionPlaces                                // in which trees it stands, with their titles (tree_versions)
	SessionValues                                // what was written down
	SessionCurrentNode                           // the current node itself (tree_versions), and the values and the client that it shows
	SessionLog                                   // the log and the fold of it, with who wrote it: one more statement (tree_session_steps, users)
	SessionScratchpad                            // its text and revision
	SessionShares                                // links to it (tree_session_shares), with who made them (users)
	SessionClient                                // the client's record (clients), and its facts as nodes show them
	SessionSuggestions                           // the open suggestions, with whose they are (users)
	SessionGraph                                 // with SessionTree: the graph of the version where it began, up to MaxGraphBytes
)

// AllSessionFields asks for everything.
const AllSessionFields = SessionGraph<<1 - 1

// Has says whether all of other is asked for.
func (f SessionFields) Has(other SessionFields) bool { return f&other == other }

// Any says whether something of other is asked for.
func (f SessionFields) Any(other SessionFields) bool { return f&other != 0 }
