package graph

import (
	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
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
