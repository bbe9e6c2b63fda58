package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/branchline/branchline/internal/fault"
)

// Presenter is the only place where an error becomes words for people. A fault
// is shown as it is; of several at once the first one is the message, and all are
// listed in extensions.problems, each with its field. What gqlgen itself says of a
// query that it cannot parse or validate is shown with the code BAD_USER_INPUT.
// What failed because the operation's time was over is UNAVAILABLE; the operation's
// own log line says so. Everything else is logged once with an id made by newID and shown as
// "Internal error." with that id.
func Presenter(log *slog.Logger, newID func() string) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		out := graphql.DefaultErrorPresenter(ctx, err)
		if all := fault.All(err); len(all) > 0 {
			return withProblems(present(out, all[0]), all)
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) { // the one brings forth many other errors
			return present(out, late(ctx).Wrap(err))
		}
		if errors.Is(err, context.Canceled) {
			return present(out, fault.New(fault.Internal, "The request was cancelled."))
		}
		if out.Unwrap() == nil { // gqlgen's own words about the query
			if out.Extensions["code"] == "COMPLEXITY_LIMIT_EXCEEDED" {
				out.Message = fmt.Sprintf("This operation costs too much: more than %d. Ask for shorter lists or fewer fields.", MaxCost)
			}
			word(out)
			if out.Extensions["code"] == nil || isGqlgenCode(out.Extensions["code"]) {
				out.Extensions = extensions(out.Extensions, fault.BadUserInput)
			}
			return out
		}
		errorID := newID()
		log.ErrorContext(ctx, "resolver failed", "error", err, "error_id", errorID, "path", out.Path.String())
		return present(out, fault.New(fault.Internal, "Internal error. Try again; if it stays, tell the operator the id %s.", errorID).With("errorId", errorID))
	}
}

// late words that an operation was given up because its time was over. A mutation
// may be committed all the same: the database may have heard of it and not answered.
func late(ctx context.Context) *fault.Fault {
	if graphql.HasOperationContext(ctx) {
		if op := graphql.GetOperationContext(ctx).Operation; op != nil && op.Operation == ast.Mutation {
			return fault.New(fault.Unavailable, "The server could not answer in time, and cannot say whether this was done. Look at it before you try again.")
		}
	}
	return fault.New(fault.Unavailable, "The server could not answer in time. Try again in a moment.")
}

func present(out *gqlerror.Error, f *fault.Fault) *gqlerror.Error {
	out.Err = f
	out.Message = f.Message
	out.Extensions = extensions(f.Extensions, f.Code)
	if f.Reason != "" {
		out.Extensions["reason"] = f.Reason
	}
	if f.Field != "" {
		out.Extensions["field"] = f.Field
	}
	return out
}

// withProblems lists several faults, so that a form shows them all at once.
func withProblems(out *gqlerror.Error, all []*fault.Fault) *gqlerror.Error {
	if len(all) < 2 {
		return out
	}
	problems := make([]map[string]any, len(all))
	for i, f := range all {
		problems[i] = map[string]any{"field": f.Field, "message": f.Message}
	}
	out.Extensions["problems"] = problems
	return out
}

func extensions(some map[string]any, code fault.Code) map[string]any {
	all := maps.Clone(some)
	if all == nil {
		all = map[string]any{}
	}
	all["code"] = code
	return all
}

// word puts the words of gqlgen that leave a client alone into such as help.
func word(out *gqlerror.Error) {
	switch {
	case len(out.Path) > 1 && out.Path[0] == ast.PathName("variable"):
		name := strings.TrimPrefix(out.Path.String(), "variable.")
		out.Message = fmt.Sprintf("The variable %s: %s.", name, strings.TrimSuffix(out.Message, "."))
		out.Extensions = map[string]any{"code": fault.BadUserInput, "field": name}
	case strings.HasPrefix(out.Message, "operation ") && strings.HasSuffix(out.Message, " not found"):
		out.Message = "The document has no such operation, or several and none is named. Name one of them in operationName."
	}
}

// isGqlgenCode says whether code is one of gqlgen's own, for which clients of
// this API have BAD_USER_INPUT. PERSISTED_QUERY_NOT_FOUND is none of them: stock
// clients wait for that very word.
func isGqlgenCode(code any) bool {
	return code == "GRAPHQL_PARSE_FAILED" || code == "GRAPHQL_VALIDATION_FAILED" || code == "COMPLEXITY_LIMIT_EXCEEDED"
}

// Recover turns a panic in a resolver into an error for the operator, with the
// stack.
func Recover(_ context.Context, cause any) error {
	return fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
}
