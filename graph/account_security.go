package graph

import (
	"context"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/login"
)

// AccountSecurity is the resolver of Query.accountSecurity.
func (r *queryResolver) AccountSecurity(ctx context.Context) (*model.AccountSecurity, error) {
	return r.accountSecurity(ctx)
}

// accountSecurity answers with what costs little; who is signed in is read where
// it is asked for.
func (r *Resolver) accountSecurity(ctx context.Context) (*model.AccountSecurity, error) {
	policy, err := r.Logins.Policy(ctx, caller(ctx).Actor)
	if err != nil {
		return nil, err
	}
	return &model.AccountSecurity{Policy: toSessionPolicy(policy), PolicyBounds: toPolicyBounds(r.Logins.Bounds)}, nil
}

// ActiveUsers is the resolver of AccountSecurity.activeUsers.
func (r *accountSecurityResolver) ActiveUsers(ctx context.Context, _ *model.AccountSecurity) ([]*model.ActiveUser, error) {
	users, err := r.Logins.ActiveUsers(ctx, caller(ctx).Actor)
	if err != nil {
		return nil, err
	}
	out := make([]*model.ActiveUser, len(users))
	for i, u := range users {
		out[i] = &model.ActiveUser{User: toUser(u.User), LoginSessionCount: u.LoginSessions}
	}
	return out, nil
}

// ActiveSessions is the resolver of AccountSecurity.activeSessions.
func (r *accountSecurityResolver) ActiveSessions(ctx context.Context, _ *model.AccountSecurity) ([]*model.LoginSession, error) {
	sessions, err := r.Logins.ActiveSessions(ctx, caller(ctx).Actor, sessionListFields(selected(ctx)))
	if err != nil {
		return nil, err
	}
	return toActiveSessions(sessions), nil
}

// ChosenBy is the resolver of SessionPolicy.chosenBy.
func (r *sessionPolicyResolver) ChosenBy(ctx context.Context, p *model.SessionPolicy) (*model.User, error) {
	if p.ChosenBy == nil {
		return nil, nil
	}
	userID, err := parse[account.UserID]("", p.ChosenBy.ID)
	if err != nil {
		return nil, err
	}
	u, err := r.Logins.User(ctx, caller(ctx).Actor, userID)
	if err != nil {
		return nil, err
	}
	return toUser(u), nil
}

// UpdateSessionPolicy is the resolver of Mutation.updateSessionPolicy.
func (r *mutationResolver) UpdateSessionPolicy(ctx context.Context, in model.UpdateSessionPolicyInput) (*model.UpdateSessionPolicyPayload, error) {
	policy := login.PolicyInput{
		LimitsInput: login.LimitsInput{Preset: login.Preset(in.Preset), IdleMinutes: in.IdleMinutes, AbsoluteMinutes: in.AbsoluteMinutes},
		MaxSessions: in.MaxSessionsPerUser, AtCap: login.AtCap(in.AtSessionLimit),
	}
	if in.Admins != nil {
		policy.Admins = &login.LimitsInput{Preset: login.Preset(in.Admins.Preset), IdleMinutes: in.Admins.IdleMinutes, AbsoluteMinutes: in.Admins.AbsoluteMinutes}
	}
	done, err := r.Logins.UpdatePolicy(ctx, caller(ctx).asLogin(), policy, in.ApplyNow)
	if err != nil {
		return nil, err
	}
	return &model.UpdateSessionPolicyPayload{
		AccountSecurity: &model.AccountSecurity{Policy: toSessionPolicy(done.Policy), PolicyBounds: toPolicyBounds(r.Logins.Bounds)},
		EndedCount:      done.Ended,
		ShortenedCount:  done.Shorter,
	}, nil
}

// RevokeSessions is the resolver of Mutation.revokeSessions.
func (r *mutationResolver) RevokeSessions(ctx context.Context, in model.RevokeSessionsInput) (*model.RevokeSessionsPayload, error) {
	userID, err := optional[account.UserID]("input.userId", in.UserID)
	if err != nil {
		return nil, err
	}
	c := caller(ctx)
	ended, err := r.Logins.Revoke(ctx, c.asLogin(), login.Scope(in.Scope), userID)
	if err != nil {
		return nil, err
	}
	out := &model.RevokeSessionsPayload{RevokedCount: ended}
	if in.Scope == model.RevokeScopeAll || userID == c.UserID { // the caller is signed out
		return out, nil
	}
	out.AccountSecurity, err = r.accountSecurity(ctx)
	return out, err
}

// RevokeSession is the resolver of Mutation.revokeSession.
func (r *mutationResolver) RevokeSession(ctx context.Context, in model.RevokeSessionInput) (*model.RevokeSessionPayload, error) {
	sessionID, err := parse[login.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	ended, err := r.Logins.RevokeSession(ctx, caller(ctx).asLogin(), sessionID)
	if err != nil {
		return nil, err
	}
	return &model.RevokeSessionPayload{RevokedCount: ended}, nil
}

// RevokeMyOtherSessions is the resolver of Mutation.revokeMyOtherSessions.
func (r *mutationResolver) RevokeMyOtherSessions(ctx context.Context) (*model.RevokeMyOtherSessionsPayload, error) {
	ended, err := r.Logins.RevokeMyOtherSessions(ctx, caller(ctx).asLogin())
	if err != nil {
		return nil, err
	}
	return &model.RevokeMyOtherSessionsPayload{RevokedCount: ended}, nil
}
