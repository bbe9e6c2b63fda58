package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/branchline/branchline/graph/model"
)

// NewOrdinaryExecutor returns an executor without plans.
func NewOrdinaryExecutor(r *Resolver, o ExecutorOptions) *executor.Executor {
	return newExecutor(newOrdinary(r), r.Register, o)
}

// HasPlan says whether an operation is answered by a plan.
func HasPlan(r *Resolver, op *graphql.OperationContext) bool {
	return newPlanned(r, newOrdinary(r)).planOf(op) != nil
}

// RootPlans lists the fields of Query that have plans.
func RootPlans() []string {
	var names []string
	for name := range rootPlans {
		names = append(names, name)
	}
	return names
}

// Expiries runs a subscription to sessionExpiry, to which these events come, with plans
// or without, and returns what is answered for each.
func Expiries(ctx context.Context, op *graphql.OperationContext, plans bool, events ...model.SessionExpiryEvent) []string {
	config := Config{Resolvers: expiring{subscription: expiringSubscription{events: events}}, Directives: DirectiveRoot{Auth: auth}}
	var schema graphql.ExecutableSchema = NewExecutableSchema(config)
	if plans {
		schema = newPlanned(nil, schema.(*executableSchema))
	}
	ctx = graphql.WithResponseContext(graphql.WithOperationContext(ctx, op), graphql.DefaultErrorPresenter, graphql.DefaultRecover)
	respond := schema.Exec(ctx)
	var all []string
	if len(graphql.GetErrors(ctx)) > 0 { // as an executor does
		events = nil
	}
	for range events {
		if resp := respond(ctx); resp != nil {
			all = append(all, string(resp.Data))
		}
	}
	return append(all, graphql.GetErrors(ctx).Error())
}

// expiring resolves nothing but sessionExpiry.
type (
	expiring struct {
		ResolverRoot
		subscription expiringSubscription
	}
	expiringSubscription struct {
		SubscriptionResolver
		events []model.SessionExpiryEvent
	}
)

// Subscription implements ResolverRoot.
func (e expiring) Subscription() SubscriptionResolver { return e.subscription }

// SessionExpiry implements SubscriptionResolver.
func (e expiringSubscription) SessionExpiry(context.Context) (<-chan model.SessionExpiryEvent, error) {
	events := make(chan model.SessionExpiryEvent, len(e.events))
	for _, event := range e.events {
		events <- event
	}
	return events, nil
}
