package graph

import (
	"context"
	"time"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
)

// Account is the resolver of Query.account.
func (r *queryResolver) Account(ctx context.Context) (*model.Account, error) {
	a, err := r.Logins.Account(ctx, caller(ctx).Actor)
	if err != nil {
		return nil, err
	}
	return toAccount(a), nil
}

// accountByID is Query.node for an account: the caller's own.
func (r *queryResolver) accountByID(ctx context.Context, id string) (*model.Account, error) {
	accountID, err := parse[account.ID]("id", id)
	if err != nil {
		return nil, err
	}
	if accountID != caller(ctx).AccountID {
		return nil, fault.Missing("account")
	}
	return r.Account(ctx)
}

// userByID is Query.node for a user of the caller's account.
func (r *queryResolver) userByID(ctx context.Context, id string) (*model.User, error) {
	userID, err := parse[account.UserID]("id", id)
	if err != nil {
		return nil, err
	}
	u, err := r.Logins.User(ctx, caller(ctx).Actor, userID)
	if err != nil {
		return nil, err
	}
	return toUser(u), nil
}

// loginSessionByID is Query.node for a login session.
func (r *queryResolver) loginSessionByID(ctx context.Context, id string) (*model.LoginSession, error) {
	sessionID, err := parse[login.SessionID]("id", id)
	if err != nil {
		return nil, err
	}
	s, err := r.Logins.LoginSession(ctx, caller(ctx).Actor, sessionID)
	if err != nil {
		return nil, err
	}
	u, err := r.Logins.User(ctx, caller(ctx).Actor, s.UserID)
	if err != nil {
		return nil, err
	}
	return toLoginSession(s, u), nil
}

// Members is the resolver of Account.members.
func (r *accountResolver) Members(ctx context.Context, _ *model.Account) ([]*model.User, error) {
	actor := caller(ctx).Actor
	if !actor.Role.AtLeast(account.Admin) {
		return nil, nil
	}
	users, err := r.Logins.Members(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := make([]*model.User, len(users))
	for i, u := range users {
		out[i] = toUser(u)
	}
	return out, nil
}

// InviteUser is the resolver of Mutation.inviteUser.
func (r *mutationResolver) InviteUser(ctx context.Context, in model.InviteUserInput) (*model.InviteUserPayload, error) {
	invitation, token, err := r.Logins.Invite(ctx, caller(ctx).asLogin(), in.Email, account.Role(in.Role))
	if err != nil {
		return nil, err
	}
	return &model.InviteUserPayload{
		Invitation: toInvitation(invitation), Token: string(token), URL: r.InvitationURL(string(token)),
	}, nil
}

// UpdateUser is the resolver of Mutation.updateUser.
func (r *mutationResolver) UpdateUser(ctx context.Context, in model.UpdateUserInput) (*model.UpdateUserPayload, error) {
	userID, err := parse[account.UserID]("input.userId", in.UserID)
	if err != nil {
		return nil, err
	}
	u, err := r.Logins.UpdateUser(ctx, caller(ctx).asLogin(), userID, account.Role(in.Role))
	if err != nil {
		return nil, err
	}
	return &model.UpdateUserPayload{User: toUser(u)}, nil
}

// DisableUser is the resolver of Mutation.disableUser.
func (r *mutationResolver) DisableUser(ctx context.Context, in model.DisableUserInput) (*model.DisableUserPayload, error) {
	userID, err := parse[account.UserID]("input.userId", in.UserID)
	if err != nil {
		return nil, err
	}
	u, ended, err := r.Logins.DisableUser(ctx, caller(ctx).asLogin(), userID)
	if err != nil {
		return nil, err
	}
	return &model.DisableUserPayload{User: toUser(u), RevokedCount: ended}, nil
}

// EnableUser is the resolver of Mutation.enableUser.
func (r *mutationResolver) EnableUser(ctx context.Context, in model.EnableUserInput) (*model.EnableUserPayload, error) {
	userID, err := parse[account.UserID]("input.userId", in.UserID)
	if err != nil {
		return nil, err
	}
	u, err := r.Logins.EnableUser(ctx, caller(ctx).asLogin(), userID)
	if err != nil {
		return nil, err
	}
	return &model.EnableUserPayload{User: toUser(u)}, nil
}

// Invitations is the resolver of Account.invitations.
func (r *accountResolver) Invitations(ctx context.Context, _ *model.Account) ([]*model.Invitation, error) {
	actor := caller(ctx).Actor
	if !actor.Role.AtLeast(account.Admin) {
		return nil, nil
	}
	invitations, err := r.Logins.Invitations(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := make([]*model.Invitation, len(invitations))
	for i, invitation := range invitations {
		out[i] = toInvitation(invitation)
	}
	return out, nil
}

// Invitation is the resolver of Query.invitation.
func (r *queryResolver) Invitation(ctx context.Context, token string) (*model.InvitationPreview, error) {
	invitation, a, err := r.Logins.Invitation(ctx, login.Secret(token), caller(ctx).Device)
	if err != nil {
		return nil, err
	}
	return &model.InvitationPreview{
		Email: invitation.Email, Role: model.Role(invitation.Role), AccountName: a.Name, ExpiresAt: invitation.ExpiresAt,
	}, nil
}

// WithdrawInvitation is the resolver of Mutation.withdrawInvitation.
func (r *mutationResolver) WithdrawInvitation(ctx context.Context, in model.WithdrawInvitationInput) (*model.WithdrawInvitationPayload, error) {
	invitationID, err := parse[account.InvitationID]("input.invitationId", in.InvitationID)
	if err != nil {
		return nil, err
	}
	invitation, err := r.Logins.WithdrawInvitation(ctx, caller(ctx).asLogin(), invitationID)
	if err != nil {
		return nil, err
	}
	return &model.WithdrawInvitationPayload{Invitation: toInvitation(invitation)}, nil
}

// LastLoginAt is the resolver of User.lastLoginAt.
func (r *userResolver) LastLoginAt(ctx context.Context, u *model.User) (*time.Time, error) {
	if !seesMembership(ctx, u) {
		return nil, nil
	}
	return u.LastLoginAt, nil
}

// DisabledAt is the resolver of User.disabledAt.
func (r *userResolver) DisabledAt(ctx context.Context, u *model.User) (*time.Time, error) {
	if !seesMembership(ctx, u) {
		return nil, nil
	}
	return u.DisabledAt, nil
}

// seesMembership says whether the caller may see when the user signs in, or
// whether they still may: everybody their own, admins and owners everybody's. Those
// who share an event have their role in common, and not who they are.
func seesMembership(ctx context.Context, u *model.User) bool {
	c := caller(ctx)
	return c.Role.AtLeast(account.Admin) || u.ID == c.UserID.String() && !inEvent(ctx)
}
