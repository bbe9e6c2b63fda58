// Package graph answers GraphQL queries. A resolver does four things: it takes
// the caller and the fields asked for, makes one call of a service, and maps the
// answer to the schema's types. It decides nothing: rules live in the domain
// packages, and how an error looks to people is decided in errors.go.
package graph

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/id"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/tree"
)

// Resolver is what the resolvers work with.
type Resolver struct {
	Trees    *tree.Service
	Feed     *tree.Feed
	Active   *login.ActiveFeed
	Logins   *login.Service
	Audit    *login.AuditFeed
	Register *login.Register
	Now      func() time.Time // the database's clock
	Version  string           // of the program
	// InvitationURL returns the page on which an invitation is accepted.
	InvitationURL func(token string) string
	// ShareURL returns the page that shows a shared troubleshooting session.
	ShareURL func(token string) string
	StartURL string // the page that start links open
	Explorer bool   // whether the API describes itself
}

// NewSchema returns the schema with its resolvers, gates, costs and plans.
func NewSchema(r *Resolver) graphql.ExecutableSchema { return newPlanned(r, newOrdinary(r)) }

// newOrdinary returns the schema without plans.
func newOrdinary(r *Resolver) *executableSchema {
	config := Config{Resolvers: r, Directives: DirectiveRoot{Auth: auth}}
	setCosts(&config.Complexity)
	return NewExecutableSchema(config).(*executableSchema)
}

// Query implements ResolverRoot.
func (r *Resolver) Query() QueryResolver { return &queryResolver{r} }

// Mutation implements ResolverRoot.
func (r *Resolver) Mutation() MutationResolver { return &mutationResolver{r} }

// Subscription implements ResolverRoot.
func (r *Resolver) Subscription() SubscriptionResolver { return &subscriptionResolver{r} }

// Account implements ResolverRoot.
func (r *Resolver) Account() AccountResolver { return &accountResolver{r} }

// AccountSecurity implements ResolverRoot.
func (r *Resolver) AccountSecurity() AccountSecurityResolver { return &accountSecurityResolver{r} }

// ActiveSessionsState implements ResolverRoot.
func (r *Resolver) ActiveSessionsState() ActiveSessionsStateResolver {
	return &activeSessionsStateResolver{r}
}

// ActiveSessionsChange implements ResolverRoot.
func (r *Resolver) ActiveSessionsChange() ActiveSessionsChangeResolver {
	return &activeSessionsChangeResolver{r}
}

// SessionPolicy implements ResolverRoot.
func (r *Resolver) SessionPolicy() SessionPolicyResolver { return &sessionPolicyResolver{r} }

// TreeSessionState implements ResolverRoot.
func (r *Resolver) TreeSessionState() TreeSessionStateResolver { return &treeSessionStateResolver{r} }

// TreeSessionProgress implements ResolverRoot.
func (r *Resolver) TreeSessionProgress() TreeSessionProgressResolver {
	return &treeSessionProgressResolver{r}
}

// ActiveTreeSessionsState implements ResolverRoot.
func (r *Resolver) ActiveTreeSessionsState() ActiveTreeSessionsStateResolver {
	return &activeTreeSessionsStateResolver{r}
}

// ActiveTreeSessionsChange implements ResolverRoot.
func (r *Resolver) ActiveTreeSessionsChange() ActiveTreeSessionsChangeResolver {
	return &activeTreeSessionsChangeResolver{r}
}

// EscalationQueue implements ResolverRoot.
func (r *Resolver) EscalationQueue() EscalationQueueResolver { return &escalationQueueResolver{r} }

// EscalationsChange implements ResolverRoot.
func (r *Resolver) EscalationsChange() EscalationsChangeResolver {
	return &escalationsChangeResolver{r}
}

// TreeChange implements ResolverRoot.
func (r *Resolver) TreeChange() TreeChangeResolver { return &treeChangeResolver{r} }

// User implements ResolverRoot.
func (r *Resolver) User() UserResolver { return &userResolver{r} }

type (
	queryResolver        struct{ *Resolver }
	mutationResolver     struct{ *Resolver }
	subscriptionResolver struct{ *Resolver }

	treeSessionStateResolver         struct{ *Resolver }
	treeSessionProgressResolver      struct{ *Resolver }
	activeTreeSessionsStateResolver  struct{ *Resolver }
	activeTreeSessionsChangeResolver struct{ *Resolver }
	escalationQueueResolver          struct{ *Resolver }
	escalationsChangeResolver        struct{ *Resolver }
	treeChangeResolver               struct{ *Resolver }

	activeSessionsStateResolver  struct{ *Resolver }
	activeSessionsChangeResolver struct{ *Resolver }
	sessionPolicyResolver        struct{ *Resolver }

	accountResolver         struct{ *Resolver }
	accountSecurityResolver struct{ *Resolver }
	userResolver            struct{ *Resolver }
	treeResolver            struct{ *Resolver }
)

// Tree implements ResolverRoot.
func (r *Resolver) Tree() TreeResolver { return &treeResolver{r} }

// globalID is implemented by pointers to every kind of id.
type globalID[T any] interface {
	*T
	UnmarshalText(text []byte) error
}

// parse reads a global id. What it refuses names the field.
func parse[T any, P globalID[T]](field, text string) (T, error) {
	var parsed T
	err := P(&parsed).UnmarshalText([]byte(text))
	if f := fault.Of(err); f != nil {
		f.Field = field
		return parsed, f
	}
	return parsed, err
}

// optional is parse for an id that may be left out.
func optional[T any, P globalID[T]](field string, text *string) (T, error) {
	if text == nil {
		var none T
		return none, nil
	}
	return parse[T, P](field, *text)
}

// text returns an optional text, or "".
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// ServerInfo is the resolver of Query.serverInfo.
func (r *queryResolver) ServerInfo(context.Context) (*model.ServerInfo, error) {
	return &model.ServerInfo{
		Version:              r.Version,
		ServerTime:           r.Now(),
		PolicyBounds:         toPolicyBounds(r.Logins.Bounds),
		SessionExportFormats: model.AllTreeSessionExportFormat,
		TreeImportFormats:    model.AllTreeFormat,
		PasswordRules:        &model.PasswordRules{MinLength: login.MinPassword, MaxLength: login.MaxPassword},
		RegistrationOpen:     !r.Logins.Settings.RegistrationClosed,
		ExplorerOpen:         r.Explorer,
	}, nil
}

// Node is the resolver of Query.node.
func (r *queryResolver) Node(ctx context.Context, text string) (model.Node, error) {
	find, ok := r.finders()[id.PrefixOf(text)]
	if !ok {
		return nil, fault.Input("id", "%q is no global id.", text)
	}
	return find(ctx, text)
}

// Nodes is the resolver of Query.nodes.
func (r *queryResolver) Nodes(ctx context.Context, ids []string) ([]model.Node, error) {
	const most = 100
	if len(ids) > most {
		return nil, fault.Input("ids", "These are %d ids; at most %d can be asked for at once.", len(ids), most)
	}
	nodes := make([]model.Node, len(ids))
	for i, text := range ids {
		node, err := r.Node(ctx, text)
		if errors.Is(err, fault.NotFound) {
			continue
		}
		if f := fault.Of(err); f != nil && f.Field != "" {
			at := *f
			at.Field = fmt.Sprintf("ids[%d]", i)
			return nil, &at
		}
		if err != nil {
			return nil, err
		}
		nodes[i] = node
	}
	return nodes, nil
}

// finders says, for each prefix of a global id, how such an object is read.
func (r *queryResolver) finders() map[string]func(context.Context, string) (model.Node, error) {
	return map[string]func(context.Context, string) (model.Node, error){
		prefix[account.ID]():     func(ctx context.Context, text string) (model.Node, error) { return found(r.accountByID(ctx, text)) },
		prefix[account.UserID](): func(ctx context.Context, text string) (model.Node, error) { return found(r.userByID(ctx, text)) },
		prefix[login.SessionID](): func(ctx context.Context, text string) (model.Node, error) {
			return found(r.loginSessionByID(ctx, text))
		},
		prefix[account.AuditID](): func(ctx context.Context, text string) (model.Node, error) {
			return found(r.auditEntryByID(ctx, text))
		},
		prefix[tree.ID]():        func(ctx context.Context, text string) (model.Node, error) { return found(r.Tree(ctx, text)) },
		prefix[tree.ClientID]():  func(ctx context.Context, text string) (model.Node, error) { return found(r.Client(ctx, text)) },
		prefix[tree.SessionID](): func(ctx context.Context, text string) (model.Node, error) { return found(r.Session(ctx, text)) },
		prefix[tree.OfferID]():   func(ctx context.Context, text string) (model.Node, error) { return found(r.offerByID(ctx, text)) },
	}
}

func prefix[T fmt.Stringer]() string {
	var zero T
	return id.PrefixOf(zero.String())
}

// found keeps a nil pointer from becoming a Node that is not nil.
func found[T model.Node](node T, err error) (model.Node, error) {
	if err != nil {
		return nil, err
	}
	return node, nil
}
