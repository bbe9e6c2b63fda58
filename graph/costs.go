package graph

import (
	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/tree"
)

// MaxCost is the most that one operation may cost: each field costs 1, a list
// its elements times what one of them costs.
const MaxCost = 5000

// setCosts says what lists cost. A list without a length of its own counts as one of
// usual length. Of an operation's variables a cost may depend on numbers, lists and
// inputs, and on nothing else: costLimit remembers that the others change nothing.
func setCosts(c *ComplexityRoot) {
	const (
		usual = 20
		// A field that costs a statement of its own for each object.
		statement = 50
		// A file that anybody may ask for who has a link: a PDF takes the processor for 15 ms.
		sharedFile = 1000
	)
	c.Query.Trees = func(child int, _ *model.TreeFilter, _ *model.TreeOrder, first *int, _ *string, last *int, _ *string) int {
		return 1 + length(first, last)*child
	}
	c.Query.TreeTags = func(child int) int { return 1 + usual*child }
	c.Query.TreeTemplates = func(child int) int { return 1 + usual*child }
	c.Tree.Versions = func(child int, first *int, _ *string) int { return statement + length(first, nil)*child }
	c.Tree.Offers = func(child int, _ []model.TreeOfferStatus, first *int, _ *string) int {
		return statement + length(first, nil)*child
	}
	c.Query.TreeOffers = func(child int, _ *model.TreeOfferFilter, first *int, _ *string) int {
		return 1 + length(first, nil)*child
	}
	c.Query.SearchTrees = func(child int, _ string, _ *model.TreeFilter, first *int, _ *string) int {
		return 1 + length(first, nil)*child
	}
	c.Query.Clients = func(child int, _ *string, first *int, _ *string) int { return 1 + length(first, nil)*child }
	c.Query.SeenBefore = func(child int, _ model.SeenBeforeInput) int { return statement + child }
	c.SeenBefore.SameClient = func(child int) int { return 1 + tree.MaxSeen*child }
	c.SeenBefore.Similar = func(child int) int { return 1 + tree.MaxSeen*child }
	c.Query.StartLink = func(child int, _ model.StartLinkInput) int { return 2*statement + child }
	c.StartLink.Trees = func(child int) int { return 1 + tree.MaxStartTrees*child }
	c.StartLink.OpenSessions = func(child int) int { return 1 + tree.MaxOpenWalks*child }
	c.StartLink.Values = func(child int) int { return 1 + usual*child }
	c.StartLink.Problems = func(child int) int { return 1 + usual*child }
	c.Query.Sessions = func(child int, _ *model.TreeSessionFilter, first *int, _ *string) int {
		return 1 + length(first, nil)*child
	}
	c.Query.SharedSession = func(child int, _ string) int { return 5*statement + child }
	c.SharedTreeSession.File = func(child int, _ model.TreeSessionExportFormat) int { return sharedFile + child }
	c.TreeSession.Shares = func(child int) int { return 1 + usual*child }
	c.Query.TreeAnalytics = func(child int, _ model.TreeAnalyticsInput) int { return 2*statement + child }
	c.TreeAnalytics.Versions = func(child int) int { return 1 + usual*child }
	c.TreeAnalytics.Nodes = func(child int) int { return 1 + usual*child }
	c.EscalationQueue.Escalations = func(child int) int { return 1 + usual*child }
	c.Query.EscalationFigures = func(child int, _ model.EscalationFiguresInput) int { return statement + child }
	c.Query.TreesHealth = func(child int) int { return statement + usual*child }
	c.Query.Nodes = func(child int, ids []string) int { return 1 + len(ids)*(usual+child) }
	c.Account.Members = func(child int) int { return 1 + usual*child }
	c.AccountSecurity.ActiveSessions = func(child int) int { return 1 + usual*child }
	c.AccountSecurity.AuditLog = func(child int, first *int, _ *string, _ *model.AuditLogFilter) int {
		return statement + length(first, nil)*child
	}
	c.AccountSecurity.ActiveUsers = func(child int) int { return 1 + usual*child }
	c.ActiveSessionsState.Sessions = func(child int) int { return 1 + usual*child }
	c.ActiveSessionsChange.Added = func(child int) int { return 1 + usual*child }
	c.ActiveSessionsChange.Changed = func(child int) int { return 1 + usual*child }
	c.SessionPolicy.ChosenBy = func(child int) int { return statement + child }
	c.Account.Invitations = func(child int) int { return 1 + usual*child }
	c.User.LoginSessions = func(child int) int { return statement + usual*child }
	c.User.CurrentLoginSession = func(child int) int { return statement + child }
}

// length returns how many elements a page has at most. What is out of bounds is
// refused later, so it counts as the longest page.
func length(first, last *int) int {
	n := tree.DefaultPageSize
	if first != nil {
		n = *first
	} else if last != nil {
		n = *last
	}
	if n < 0 || n > tree.MaxPageSize {
		n = tree.MaxPageSize
	}
	return n
}
