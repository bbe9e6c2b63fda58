package graph

import (
	"bytes"
	"context"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/branchline/branchline/graph/model"
)

// events answers a subscription: gqlgen runs the resolver and takes the events, and the
// plan writes them.
type events func(ctx context.Context, ec *executionContext) func(context.Context) graphql.Marshaler

// compileEvents returns the plan of a subscription, or nil. Only that of sessionExpiry has
// one: each client has one open, and its first event, and most others, are of one socket.
func (s *planned) compileEvents(op *graphql.OperationContext) *plan {
	fields := graphql.CollectFields(op, op.Operation.SelectionSet, subscriptionImplementors)
	if len(fields) != 1 || fields[0].Name != "sessionExpiry" {
		return nil
	}
	f, c := fields[0], &compiler{op: op, schema: s.Schema()}
	write := compileExpiry(c, f)
	if write == nil {
		return nil
	}
	gate := c.gate(f.Definition)
	return &plan{events: func(ctx context.Context, ec *executionContext) func(context.Context) graphql.Marshaler {
		return graphql.ResolveFieldStream(ctx, ec.OperationContext, f, ec.fieldContext_Subscription_sessionExpiry,
			func(ctx context.Context) (any, error) { return ec.Resolvers.Subscription().SessionExpiry(ctx) },
			gate,
			func(_ context.Context, _ ast.SelectionSet, e model.SessionExpiryEvent) graphql.Marshaler {
				return written(write(make([]byte, 0, usualEvent), e))
			},
			true, f.Definition.Type.NonNull)
	}}
}

// usualEvent is for how long an event room is made beforehand, in bytes.
const usualEvent = 384

// stream runs the subscription. It answers once for each event, as gqlgen does.
func (p *plan) stream(ctx context.Context, ec *executionContext) graphql.ResponseHandler {
	next := p.events(graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Subscription"}), ec)
	var text bytes.Buffer
	return func(ctx context.Context) *graphql.Response {
		text.Reset()
		event := next(ctx)
		if event == nil {
			return nil
		}
		event.MarshalGQL(&text)
		return &graphql.Response{Data: text.Bytes()}
	}
}

// compileExpiry returns what writes any event of a login session, or nil.
func compileExpiry(c *compiler, f graphql.CollectedField) writer[model.SessionExpiryEvent] {
	state, warning := plannedSessionState.compile(c, f.Selections), plannedSessionExpiryWarning.compile(c, f.Selections)
	extended, expired := plannedSessionExtended.compile(c, f.Selections), plannedSessionExpired.compile(c, f.Selections)
	forced := plannedForcedLogout.compile(c, f.Selections)
	if state == nil || warning == nil || extended == nil || expired == nil || forced == nil {
		return nil
	}
	return func(b []byte, e model.SessionExpiryEvent) []byte {
		switch e := e.(type) {
		case model.SessionState:
			return state(b, e)
		case model.SessionExpiryWarning:
			return warning(b, e)
		case model.SessionExtended:
			return extended(b, e)
		case model.SessionExpired:
			return expired(b, e)
		case model.ForcedLogout:
			return forced(b, e)
		}
		return append(b, "null"...) // there is no other
	}
}

var plannedSessionState = object[model.SessionState]{"SessionState", sessionStateImplementors, map[string]field[model.SessionState]{
	"serverTime":        leaf(func(b []byte, e model.SessionState) []byte { return appendInstant(b, e.ServerTime()) }),
	"loginSessionId":    leaf(func(b []byte, e model.SessionState) []byte { return appendID(b, e.Event.SessionID) }),
	"idleExpiresAt":     leaf(func(b []byte, e model.SessionState) []byte { return appendInstant(b, e.IdleExpiresAt()) }),
	"absoluteExpiresAt": leaf(func(b []byte, e model.SessionState) []byte { return appendInstant(b, e.AbsoluteExpiresAt()) }),
	"level":             leaf(func(b []byte, e model.SessionState) []byte { return appendText(b, string(e.Level())) }),
	"expiryReason":      leaf(func(b []byte, e model.SessionState) []byte { return appendText(b, string(e.ExpiryReason())) }),
}}

var plannedSessionExpiryWarning = object[model.SessionExpiryWarning]{"SessionExpiryWarning", sessionExpiryWarningImplementors, map[string]field[model.SessionExpiryWarning]{
	"serverTime":   leaf(func(b []byte, e model.SessionExpiryWarning) []byte { return appendInstant(b, e.ServerTime()) }),
	"level":        leaf(func(b []byte, e model.SessionExpiryWarning) []byte { return appendText(b, string(e.Level())) }),
	"expiryReason": leaf(func(b []byte, e model.SessionExpiryWarning) []byte { return appendText(b, string(e.ExpiryReason())) }),
	"expiresAt":    leaf(func(b []byte, e model.SessionExpiryWarning) []byte { return appendInstant(b, e.ExpiresAt()) }),
	"extendable":   leaf(func(b []byte, e model.SessionExpiryWarning) []byte { return strconv.AppendBool(b, e.Extendable()) }),
}}

var plannedSessionExtended = object[model.SessionExtended]{"SessionExtended", sessionExtendedImplementors, map[string]field[model.SessionExtended]{
	"serverTime":        leaf(func(b []byte, e model.SessionExtended) []byte { return appendInstant(b, e.ServerTime()) }),
	"idleExpiresAt":     leaf(func(b []byte, e model.SessionExtended) []byte { return appendInstant(b, e.IdleExpiresAt()) }),
	"absoluteExpiresAt": leaf(func(b []byte, e model.SessionExtended) []byte { return appendInstant(b, e.AbsoluteExpiresAt()) }),
	"level":             leaf(func(b []byte, e model.SessionExtended) []byte { return appendText(b, string(e.Level())) }),
	"expiryReason":      leaf(func(b []byte, e model.SessionExtended) []byte { return appendText(b, string(e.ExpiryReason())) }),
}}

var plannedSessionExpired = object[model.SessionExpired]{"SessionExpired", sessionExpiredImplementors, map[string]field[model.SessionExpired]{
	"serverTime":   leaf(func(b []byte, e model.SessionExpired) []byte { return appendInstant(b, e.ServerTime()) }),
	"expiryReason": leaf(func(b []byte, e model.SessionExpired) []byte { return appendText(b, string(e.ExpiryReason())) }),
}}

var plannedForcedLogout = object[model.ForcedLogout]{"ForcedLogout", forcedLogoutImplementors, map[string]field[model.ForcedLogout]{
	"serverTime":   leaf(func(b []byte, e model.ForcedLogout) []byte { return appendInstant(b, e.ServerTime()) }),
	"logoutReason": leaf(func(b []byte, e model.ForcedLogout) []byte { return appendText(b, string(e.LogoutReason())) }),
	"endedByUserId": leaf(func(b []byte, e model.ForcedLogout) []byte {
		if e.Event.By.IsZero() {
			return append(b, "null"...)
		}
		return appendID(b, e.Event.By)
	}),
	"endedAt": leaf(func(b []byte, e model.ForcedLogout) []byte { return appendInstant(b, e.EndedAt()) }),
}}
