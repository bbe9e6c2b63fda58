package graph

import (
	"context"
	"log/slog"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	gqlgenlru "github.com/99designs/gqlgen/graphql/handler/lru"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
)

// Bounds of one operation, beside MaxCost.
const (
	MaxDepth  = 15   // levels of selections, those of fragments included
	MaxTokens = 2000 // of a document
)

// The number of parsed documents and of persisted queries that are remembered.
const (
	cachedDocuments = 1000
	cachedHashes    = 1000
)

// ExecutorOptions are the settings of an executor.
type ExecutorOptions struct {
	Log *slog.Logger
	// NewID makes the ids by which operators find an error in the log.
	NewID func() string
	// Introspection lets clients ask for the schema, and adds "did you mean" to
	// errors about it.
	Introspection bool
}

// NewExecutor returns what runs operations: the resolvers behind the bounds on
// what one operation may cost, with errors worded by Presenter.
func NewExecutor(r *Resolver, o ExecutorOptions) *executor.Executor {
	return newExecutor(NewSchema(r), r.Register, o)
}

func newExecutor(schema graphql.ExecutableSchema, register *login.Register, o ExecutorOptions) *executor.Executor {
	exec := executor.New(schema)
	present := Presenter(o.Log, o.NewID)
	exec.SetErrorPresenter(present)
	exec.SetRecoverFunc(Recover)
	exec.SetParserTokenLimit(MaxTokens)
	exec.SetDisableSuggestion(!o.Introspection)
	exec.SetQueryCache(gqlgenlru.New[*ast.QueryDocument](cachedDocuments))
	exec.Use(extension.AutomaticPersistedQuery{Cache: gqlgenlru.New[string](cachedHashes)})
	exec.Use(secondLook{register, present})
	exec.Use(depthLimit{})
	exec.Use(newCostLimit())
	if o.Introspection {
		exec.Use(extension.Introspection{})
	} else {
		exec.Use(noIntrospection{})
	}
	return exec
}

// noIntrospection refuses operations that ask for the schema. Without it gqlgen's
// own refusal, which is no fault, would look like a mistake of the server.
type noIntrospection struct{}

var _ graphql.OperationContextMutator = noIntrospection{}

// ExtensionName implements graphql.HandlerExtension.
func (noIntrospection) ExtensionName() string { return "NoIntrospection" }

// Validate implements graphql.HandlerExtension.
func (noIntrospection) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (noIntrospection) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if !asksForSchema(op.Operation.SelectionSet) {
		return nil
	}
	err := gqlerror.Errorf("This server does not show its schema. Ask its operator for it.")
	err.Extensions = map[string]any{"code": fault.BadUserInput}
	return err
}

// asksForSchema says whether a selection of a root type describes the schema.
func asksForSchema(set ast.SelectionSet) bool {
	return anyField(set, func(f *ast.Field) bool { return f.Name == "__schema" || f.Name == "__type" })
}

// anyField says whether a field of the selection itself, also by a fragment, is such
// a one.
func anyField(set ast.SelectionSet, is func(*ast.Field) bool) bool {
	return slices.ContainsFunc(set, func(s ast.Selection) bool {
		switch s := s.(type) {
		case *ast.Field:
			return is(s)
		case *ast.InlineFragment:
			return anyField(s.SelectionSet, is)
		case *ast.FragmentSpread:
			return anyField(s.Definition.SelectionSet, is)
		}
		return false
	})
}

// costLimit refuses operations that cost more than MaxCost. It remembers which it
// found cheap enough, as long as their documents are: what one costs depends on its
// text, and of its variables on numbers, lists and inputs alone (see setCosts).
type costLimit struct {
	*extension.ComplexityLimit
	cheap *lru.Cache[*ast.OperationDefinition, struct{}]
}

func newCostLimit() costLimit {
	return costLimit{extension.FixedComplexityLimit(MaxCost), newCache[*ast.OperationDefinition, struct{}]()}
}

// MutateOperationContext implements graphql.OperationContextMutator.
func (l costLimit) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if _, known := l.cheap.Get(op.Operation); known {
		return nil
	}
	err := l.ComplexityLimit.MutateOperationContext(ctx, op)
	if err == nil && !slices.ContainsFunc(op.Operation.VariableDefinitions, mayCost) {
		l.cheap.Add(op.Operation, struct{}{})
	}
	return err
}

// mayCost says whether what an operation costs may depend on the variable.
func mayCost(v *ast.VariableDefinition) bool {
	return v.Type.NamedType != "ID" && v.Type.NamedType != "String" && v.Type.NamedType != "Boolean"
}

// newCache returns a cache with room for something of each document.
func newCache[K comparable, V any]() *lru.Cache[K, V] {
	cache, err := lru.New[K, V](cachedDocuments)
	if err != nil { // only for a size below one
		panic(err)
	}
	return cache
}

// depthLimit refuses operations that nest deeper than MaxDepth.
type depthLimit struct{}

var _ graphql.OperationContextMutator = depthLimit{}

// ExtensionName implements graphql.HandlerExtension.
func (depthLimit) ExtensionName() string { return "DepthLimit" }

// Validate implements graphql.HandlerExtension.
func (depthLimit) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (depthLimit) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if depth := depthOf(op.Operation.SelectionSet, 0); depth > MaxDepth {
		err := gqlerror.Errorf("The operation nests %d levels deep; at most %d are allowed. Ask in several operations.", depth, MaxDepth)
		err.Extensions = map[string]any{"code": fault.BadUserInput}
		return err
	}
	return nil
}

// depthOf returns how deep the set nests, and stops counting a little over the
// limit. Fragments cannot form a circle: validation has refused that. The
// schema's own description nests deeper in common tools, and is bounded by its cost.
func depthOf(set ast.SelectionSet, above int) int {
	deepest := above
	if above > MaxDepth {
		return above
	}
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if s.Name != "__schema" && s.Name != "__type" {
				deepest = max(deepest, depthOf(s.SelectionSet, above+1))
			}
		case *ast.InlineFragment:
			deepest = max(deepest, depthOf(s.SelectionSet, above))
		case *ast.FragmentSpread:
			deepest = max(deepest, depthOf(s.Definition.SelectionSet, above))
		}
	}
	return deepest
}
