package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/login"
)

// ActiveSessions is the resolver of Subscription.activeSessions.
func (r *subscriptionResolver) ActiveSessions(ctx context.Context) (<-chan model.ActiveSessionsEvent, error) {
	return live.Stream(ctx, func(ctx context.Context, send func(model.ActiveSessionsEvent)) (func(), error) {
		return r.Active.Watch(caller(ctx).Actor, event.SinkFunc[*login.ActiveNews](func(n *login.ActiveNews) {
			send(model.ActiveSessions(n))
		}))
	})
}

func (r *activeSessionsStateResolver) Sessions(_ context.Context, e *model.ActiveSessionsState) ([]*model.LoginSession, error) {
	return toActiveSessions(e.News.Added), nil
}

func (r *activeSessionsChangeResolver) Added(_ context.Context, e *model.ActiveSessionsChange) ([]*model.LoginSession, error) {
	return toActiveSessions(e.News.Added), nil
}

func (r *activeSessionsChangeResolver) Changed(_ context.Context, e *model.ActiveSessionsChange) ([]*model.LoginSession, error) {
	return toActiveSessions(e.News.Changed), nil
}

func toActiveSessions(sessions []login.ActiveSession) []*model.LoginSession {
	out := make([]*model.LoginSession, len(sessions))
	for i, s := range sessions {
		out[i] = toLoginSession(s.Session, s.User)
	}
	return out
}

// sessionListFields says what a list of login sessions has to tell beside their own
// rows.
func sessionListFields(s selection) login.SessionFields {
	var fields login.SessionFields
	if _, asked := s["user"]; asked {
		fields |= login.SessionUser
	}
	if _, asked := s["connectedNow"]; asked {
		fields |= login.SessionConnected
	}
	return fields
}

// inEvent says whether an event is encoded: once for all who watch with the same
// selection and role. Nothing in it may depend on whose context that is done in.
func inEvent(ctx context.Context) bool {
	return graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription
}
