package graph_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/graph"
	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/login"
)

// expiries are events of every kind.
func expiries() []model.SessionExpiryEvent {
	deadlines := login.Deadlines{Idle: noon.Add(time.Hour + time.Microsecond), Absolute: noon.Add(24 * time.Hour)}
	idle := login.Warning{Level: login.Soon, Limit: login.IdleLimit, At: deadlines.Idle}
	absolute := login.Warning{Level: login.Notice, Limit: login.AbsoluteLimit, At: deadlines.Absolute}
	var all []model.SessionExpiryEvent
	for _, e := range []login.Event{
		&login.State{ServerTime: noon, SessionID: login.NewSessionID(), Deadlines: deadlines, Warning: idle},
		&login.Approaching{ServerTime: noon.Add(time.Millisecond), Warning: absolute},
		&login.Approaching{ServerTime: noon, Warning: idle},
		&login.Extended{ServerTime: noon.In(time.FixedZone("east", 3600)), Deadlines: deadlines, Warning: absolute},
		&login.Expired{ServerTime: noon, Limit: login.IdleLimit, At: noon},
		&login.ForcedLogout{ServerTime: noon, Reason: login.RevokedByOwner, By: account.NewUserID(), ByName: "Olga", At: noon},
		&login.ForcedLogout{ServerTime: noon, Reason: login.SessionLimit, At: noon},
	} {
		all = append(all, model.SessionExpiry(e))
	}
	return all
}

// TestPlans_WriteExpiriesAsGqlgenDoes makes subscriptions and compares every byte.
func TestPlans_WriteExpiriesAsGqlgenDoes(t *testing.T) {
	t.Parallel()
	r := &graph.Resolver{}
	exec, schema := graph.NewExecutor(r, graph.ExecutorOptions{}), loadSchema(t)
	members := schema.Types["SessionExpiryEvent"].Types
	signedIn := graph.WithCaller(t.Context(), &graph.Caller{Actor: account.Actor{AccountID: account.NewID(), UserID: account.NewUserID(), Role: account.Viewer}})
	all, compared := expiries(), 0
	rapid.Check(t, func(t *rapid.T) {
		w := &writer{T: t, schema: schema, variables: map[string]any{}}
		var parts []string
		for range rapid.IntRange(1, 6).Draw(t, "parts") {
			if w.chance(4, "typename") {
				parts = append(parts, "__typename"+w.directive())
				continue
			}
			parts = append(parts, w.fragment(schema.Types[rapid.SampledFrom(members).Draw(t, "member")], 4))
		}
		alias := rapid.SampledFrom([]string{"", "expiry: "}).Draw(t, "alias")
		head := "subscription"
		if len(w.declared) > 0 {
			head += "(" + strings.Join(w.declared, ", ") + ")"
		}
		query := head + " { " + alias + "sessionExpiry { " + strings.Join(parts, " ") + " } } " + strings.Join(w.fragments, " ")
		ctx := signedIn
		if w.chance(10, "nobody") {
			ctx = context.Background()
		}
		op, errs := exec.CreateOperationContext(graphql.StartOperationTrace(ctx), &graphql.RawParams{Query: query, Variables: w.variables})
		if len(errs) > 0 { // such as two members that name another field alike
			return
		}
		compared++
		if !graph.HasPlan(r, op) {
			t.Fatalf("%s\nhas no plan", query)
		}
		want, got := graph.Expiries(ctx, op, false, all...), graph.Expiries(ctx, op, true, all...)
		if !slices.Equal(got, want) {
			t.Fatalf("%s\nthe plan writes\n%s\nwhere gqlgen writes\n%s", query, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
	if compared == 0 {
		t.Error("no subscription was valid")
	}
}
