package graph

import (
	"context"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/login"
)

// AuditEntry implements ResolverRoot.
func (r *Resolver) AuditEntry() AuditEntryResolver { return &auditEntryResolver{r} }

type auditEntryResolver struct{ *Resolver }

// AuditLog is the resolver of AccountSecurity.auditLog.
func (r *accountSecurityResolver) AuditLog(ctx context.Context, _ *model.AccountSecurity, first *int, after *string, filter *model.AuditLogFilter) (*model.AuditLogConnection, error) {
	q := login.AuditQuery{First: first, After: text(after)}
	_, q.Total = selected(ctx)["totalCount"]
	if filter != nil {
		var err error
		if q.Filter.User, err = optional[account.UserID]("filter.userId", filter.UserID); err != nil {
			return nil, err
		}
		for _, action := range filter.Actions {
			q.Filter.Actions = append(q.Filter.Actions, account.AuditAction(action))
		}
		if filter.BeginsAt != nil {
			q.Filter.From = *filter.BeginsAt
		}
		if filter.EndsAt != nil {
			q.Filter.To = *filter.EndsAt
		}
	}
	page, err := r.Logins.AuditLog(ctx, caller(ctx).Actor, q)
	if err != nil {
		return nil, err
	}
	out := &model.AuditLogConnection{
		Edges: make([]*model.AuditLogEdge, len(page.Lines)), Nodes: make([]*model.AuditEntry, len(page.Lines)),
		PageInfo: &model.PageInfo{HasNextPage: page.More, HasPreviousPage: q.After != ""}, TotalCount: page.Total,
	}
	for i, line := range page.Lines {
		out.Nodes[i] = model.AuditLine(line)
		out.Edges[i] = &model.AuditLogEdge{Cursor: line.Cursor(), Node: out.Nodes[i]}
	}
	if n := len(out.Edges); n > 0 {
		out.PageInfo.StartCursor, out.PageInfo.EndCursor = &out.Edges[0].Cursor, &out.Edges[n-1].Cursor
	}
	return out, nil
}

// AuditLog is the resolver of Subscription.auditLog.
func (r *subscriptionResolver) AuditLog(ctx context.Context, after *string) (<-chan *model.AuditEntry, error) {
	return live.Stream(ctx, func(ctx context.Context, send func(*model.AuditEntry)) (func(), error) {
		return r.Audit.Watch(ctx, caller(ctx).Actor, after, event.SinkFunc[*login.AuditLine](func(line *login.AuditLine) {
			send(model.AuditLine(line))
		}))
	})
}

// auditEntryByID is Query.node for an entry of the audit log.
func (r *queryResolver) auditEntryByID(ctx context.Context, id string) (*model.AuditEntry, error) {
	auditID, err := parse[account.AuditID]("id", id)
	if err != nil {
		return nil, err
	}
	line, err := r.Logins.AuditEntry(ctx, caller(ctx).Actor, auditID)
	if err != nil {
		return nil, err
	}
	return model.AuditLine(line), nil
}

// Actor is the resolver of AuditEntry.actor.
func (r *auditEntryResolver) Actor(_ context.Context, e *model.AuditEntry) (*model.User, error) {
	return someUser(e.By), nil
}

// Subject is the resolver of AuditEntry.subject.
func (r *auditEntryResolver) Subject(_ context.Context, e *model.AuditEntry) (*model.User, error) {
	return someUser(e.About), nil
}

// Device is the resolver of AuditEntry.device.
func (r *auditEntryResolver) Device(_ context.Context, e *model.AuditEntry) (*string, error) {
	if e.UserAgent == "" {
		return nil, nil
	}
	return given(device(e.UserAgent)), nil
}

// someUser is toUser for somebody who may be nobody.
func someUser(u *account.User) *model.User {
	if u == nil {
		return nil
	}
	return toUser(*u)
}
