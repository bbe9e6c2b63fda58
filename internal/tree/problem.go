package tree

// Severity says how bad a problem is.
type Severity string

// The severities.
const (
	Error   Severity = "ERROR"   // the graph cannot be published
	Warning Severity = "WARNING" // it can, but somebody should look
)

// ProblemCode names a kind of problem. The API, the editor and the command line
// share the codes; none is ever renamed.
type ProblemCode string

// The codes of errors.
const (
	NoRoot               ProblemCode = "NO_ROOT"                // no root, or one that is no node
	MissingTarget        ProblemCode = "MISSING_TARGET"         // a way that leads to no node
	UnreachableNode      ProblemCode = "UNREACHABLE_NODE"       // no way from the root leads here
	DeadEnd              ProblemCode = "DEAD_END"               // not a solution, and no way on
	NoWayOut             ProblemCode = "NO_WAY_OUT"             // every way on leads round in a circle
	TooFewOptions        ProblemCode = "TOO_FEW_OPTIONS"        // a decision with fewer than two
	TooFewFields         ProblemCode = "TOO_FEW_FIELDS"         // an input that asks for nothing
	TooFewChoices        ProblemCode = "TOO_FEW_CHOICES"        // a choice between fewer than two
	DuplicateNodeID      ProblemCode = "DUPLICATE_NODE_ID"      // two nodes with one id
	DuplicateOptionID    ProblemCode = "DUPLICATE_OPTION_ID"    // within a node
	DuplicateOptionLabel ProblemCode = "DUPLICATE_OPTION_LABEL" // within a node, case and spaces aside
	DuplicateOptionKey   ProblemCode = "DUPLICATE_OPTION_KEY"   // within a node
	DuplicateFieldName   ProblemCode = "DUPLICATE_FIELD_NAME"   // within a node
	DuplicateChoice      ProblemCode = "DUPLICATE_CHOICE"       // within a field, case and spaces aside
	EmptyTitle           ProblemCode = "EMPTY_TITLE"            // a node without a title
	EmptyLabel           ProblemCode = "EMPTY_LABEL"            // an option or field without a label
	EmptyText            ProblemCode = "EMPTY_TEXT"             // a command, follow-up, choice, link's title or branch's value without text
	InvalidID            ProblemCode = "INVALID_ID"             // characters or length that ids may not have
	InvalidKind          ProblemCode = "INVALID_KIND"           // not one of the kinds
	InvalidOutcome       ProblemCode = "INVALID_OUTCOME"        // not one of the outcomes
	InvalidKey           ProblemCode = "INVALID_KEY"            // not one lower case letter or digit
	InvalidLink          ProblemCode = "INVALID_LINK"           // not an http or https address
	InvalidName          ProblemCode = "INVALID_NAME"           // characters or length that fields' names may not have
	InvalidType          ProblemCode = "INVALID_TYPE"           // not one of the types of fields
	InvalidPattern       ProblemCode = "INVALID_PATTERN"        // no regular expression of RE2
	InvalidTest          ProblemCode = "INVALID_TEST"           // not one of the tests of branches
	InvalidVersion       ProblemCode = "INVALID_VERSION"        // a subtree's version below 0
	InvalidText          ProblemCode = "INVALID_TEXT"           // control characters or invalid UTF-8
	MisplacedField       ProblemCode = "MISPLACED_FIELD"        // a field that nodes, or inputs' fields, of this kind do not have
	UnknownInput         ProblemCode = "UNKNOWN_INPUT"          // a text or branch looks at a value that nothing before it asks for
	UnfitTest            ProblemCode = "UNFIT_TEST"             // a branch's test that values of this type cannot meet, such as LESS of a choice
	ImpossibleValue      ProblemCode = "IMPOSSIBLE_VALUE"       // a branch compares with what the value can never be
	NoSubtree            ProblemCode = "NO_SUBTREE"             // a subtree node without a tree
	SubtreeNotPublished  ProblemCode = "SUBTREE_NOT_PUBLISHED"  // no tree of the account, or never published; found when publishing
	SubtreeCycle         ProblemCode = "SUBTREE_CYCLE"          // a tree that goes through itself, also by way of others; found when publishing
	SubtreeTooDeep       ProblemCode = "SUBTREE_TOO_DEEP"       // more than MaxSubtreeDepth trees within one another; found when publishing
	TooManySubtrees      ProblemCode = "TOO_MANY_SUBTREES"      // more than MaxSubtrees trees to walk through in all; found when publishing
	TextTooLong          ProblemCode = "TEXT_TOO_LONG"          // over its bound
	TooManyItems         ProblemCode = "TOO_MANY_ITEMS"         // options, commands, fields, branches, follow-ups or links of a node; choices of a field
	TooManyNodes         ProblemCode = "TOO_MANY_NODES"         // over MaxNodes; nothing else is looked at then
	TooDeep              ProblemCode = "TOO_DEEP"               // over MaxDepth

	// The codes of errors that only a file can have.
	Syntax       ProblemCode = "SYNTAX"        // not what the format allows here
	TooLarge     ProblemCode = "TOO_LARGE"     // over MaxGraphBytes
	UnknownField ProblemCode = "UNKNOWN_FIELD" // a member that the format does not have
)

// The codes of warnings.
const (
	QuestionTooLong     ProblemCode = "LONG_QUESTION"         // over LongQuestion characters
	SolutionWithoutText ProblemCode = "SOLUTION_WITHOUT_TEXT" // it does not say what to write into the ticket
	OrphanInput         ProblemCode = "ORPHAN_INPUT"          // another input gives the same name to values of another type or choice
)

// Problem is something in a graph, or in a file that holds one, that a person
// has to mend or should look at.
type Problem struct {
	Code     ProblemCode
	Severity Severity
	NodeID   NodeID // empty where it is about no single node
	Path     string // into the graph, for example "nodes[3].options[0].target"; empty for a file's syntax
	Message  string // one or two sentences that say what to do
	Line     int    // in the file, from 1; 0 where the graph did not come from one
	Column   int    // in characters, from 1; 0 as with Line
}

// HasErrors says whether one of the problems keeps the graph from being published.
func HasErrors(problems []Problem) bool {
	for i := range problems {
		if problems[i].Severity == Error {
			return true
		}
	}
	return false
}
