package graph

import (
	"context"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/tree"
)

// TreeSession is the resolver of Subscription.treeSession.
func (r *subscriptionResolver) TreeSession(ctx context.Context, id string) (<-chan model.TreeSessionEvent, error) {
	return live.Stream(ctx, func(ctx context.Context, send func(model.TreeSessionEvent)) (func(), error) {
		sessionID, err := parse[tree.SessionID]("id", id)
		if err != nil {
			return nil, err
		}
		return r.Feed.WatchSession(ctx, caller(ctx).Actor, sessionID, event.SinkFunc[*tree.SessionNews](func(n *tree.SessionNews) {
			send(model.TreeSessionNews(n))
		}))
	})
}

// ActiveTreeSessions is the resolver of Subscription.activeTreeSessions.
func (r *subscriptionResolver) ActiveTreeSessions(ctx context.Context) (<-chan model.ActiveTreeSessionsEvent, error) {
	return live.Stream(ctx, func(ctx context.Context, send func(model.ActiveTreeSessionsEvent)) (func(), error) {
		return r.Feed.WatchWalks(caller(ctx).Actor, event.SinkFunc[*tree.WalksNews](func(n *tree.WalksNews) {
			send(model.ActiveTreeSessions(n))
		}))
	})
}

// TreeChanged is the resolver of Subscription.treeChanged.
func (r *subscriptionResolver) TreeChanged(ctx context.Context, id string) (<-chan *model.TreeChange, error) {
	return live.Stream(ctx, func(ctx context.Context, send func(*model.TreeChange)) (func(), error) {
		treeID, err := parse[tree.ID]("id", id)
		if err != nil {
			return nil, err
		}
		return r.Feed.WatchTree(ctx, caller(ctx).Actor, treeID, event.SinkFunc[*tree.TreeNews](func(n *tree.TreeNews) {
			send(&model.TreeChange{News: n})
		}))
	})
}

// The fields of events are worked out where they are asked for, once for all who
// watch with the same selection.

func (r *treeSessionStateResolver) Session(_ context.Context, e *model.TreeSessionState) (*model.TreeSession, error) {
	return toTreeSession(e.News.Session), nil
}

func (r *treeSessionStateResolver) Watchers(_ context.Context, e *model.TreeSessionState) ([]*model.User, error) {
	return toUsers(e.News.Watchers), nil
}

func (r *treeSessionProgressResolver) Session(_ context.Context, e *model.TreeSessionProgress) (*model.TreeSession, error) {
	return toTreeSession(e.News.Session), nil
}

func (r *treeSessionProgressResolver) NewSteps(_ context.Context, e *model.TreeSessionProgress) ([]*model.TreeSessionStep, error) {
	steps := e.News.NewSteps()
	out := make([]*model.TreeSessionStep, len(steps))
	for i := range steps {
		out[i] = toStep(&steps[i])
	}
	return out, nil
}

func (r *treeSessionProgressResolver) Watchers(_ context.Context, e *model.TreeSessionProgress) ([]*model.User, error) {
	return toUsers(e.News.Watchers), nil
}

func (r *activeTreeSessionsStateResolver) Sessions(_ context.Context, e *model.ActiveTreeSessionsState) ([]*model.TreeSession, error) {
	return toTreeSessions(e.News.Sessions), nil
}

func (r *activeTreeSessionsChangeResolver) Changed(_ context.Context, e *model.ActiveTreeSessionsChange) ([]*model.TreeSession, error) {
	return toTreeSessions(e.News.Sessions), nil
}

func (r *treeChangeResolver) Tree(_ context.Context, c *model.TreeChange) (*model.Tree, error) {
	if c.News.Tree == nil {
		return nil, nil
	}
	return toTree(c.News.Tree), nil
}

func toUsers(users []account.User) []*model.User {
	out := make([]*model.User, len(users))
	for i, u := range users {
		out[i] = toUser(u)
	}
	return out
}

func toTreeSessions(sessions []*tree.Session) []*model.TreeSession {
	out := make([]*model.TreeSession, len(sessions))
	for i, s := range sessions {
		out[i] = toTreeSession(s)
	}
	return out
}
