package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/branchline/branchline/internal/login"
)

// secondLook refuses an answer to whoever was signed out while it was made. The first
// look was when the operation began; then it may have waited for a database that
// stood still, for as long as an operation may take. As a rule it costs no statement.
type secondLook struct {
	register *login.Register
	present  graphql.ErrorPresenterFunc
}

var _ graphql.ResponseInterceptor = secondLook{}

// ExtensionName implements graphql.HandlerExtension.
func (secondLook) ExtensionName() string { return "SecondLook" }

// Validate implements graphql.HandlerExtension.
func (secondLook) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptResponse implements graphql.ResponseInterceptor. Events are not looked at:
// the register ends their sockets.
func (l secondLook) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if resp == nil || resp.Data == nil { // it was refused before it ran
		return resp
	}
	op, c := graphql.GetOperationContext(ctx).Operation, caller(ctx)
	if op.Operation == ast.Subscription || c.UserID.IsZero() || endsLogins(op) {
		return resp
	}
	if err := l.register.Check(ctx, c.Bearer); err != nil {
		return &graphql.Response{Errors: gqlerror.List{l.present(ctx, err)}}
	}
	return resp
}

// loginEnders are the mutations after which the caller's own token may be no good,
// and that is what their answer says. Those of people who are signed in read the
// login session again in their own transaction.
var loginEnders = map[string]bool{
	"register": true, "login": true, "acceptInvitation": true, "refresh": true, "logout": true,
	"changePassword": true, "updateUser": true, "disableUser": true,
	"updateSessionPolicy": true, "revokeSessions": true, "revokeSession": true,
}

// endsLogins says whether a mutation may end the caller's own login session.
func endsLogins(op *ast.OperationDefinition) bool {
	return op.Operation == ast.Mutation && anyField(op.SelectionSet, func(f *ast.Field) bool { return loginEnders[f.Name] })
}
