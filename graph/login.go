package graph

import (
	"context"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/login"
)

// Me is the resolver of Query.me.
func (r *queryResolver) Me(ctx context.Context) (*model.User, error) {
	c := caller(ctx)
	if c.Refused != nil {
		return nil, c.Refused
	}
	if c.UserID.IsZero() {
		return nil, nil
	}
	u, err := r.Logins.User(ctx, c.Actor, c.UserID)
	if err != nil {
		return nil, err
	}
	return toUser(u), nil
}

// Register is the resolver of Mutation.register.
func (r *mutationResolver) Register(ctx context.Context, in model.RegisterInput) (*model.SignInPayload, error) {
	c := caller(ctx)
	if err := c.canDeliver(in.TokenDelivery); err != nil {
		return nil, err
	}
	done, err := r.Logins.Register(ctx, login.RegisterInput{
		AccountName: in.AccountName, Name: in.Name, Email: in.Email, Password: login.Secret(in.Password), Device: c.Device,
	})
	if err != nil {
		return nil, err
	}
	return c.signedIn(in.TokenDelivery, done)
}

// Login is the resolver of Mutation.login.
func (r *mutationResolver) Login(ctx context.Context, in model.LoginInput) (*model.SignInPayload, error) {
	c := caller(ctx)
	if err := c.canDeliver(in.TokenDelivery); err != nil {
		return nil, err
	}
	done, err := r.Logins.Login(ctx, login.LoginInput{Email: in.Email, Password: login.Secret(in.Password), Device: c.Device})
	if err != nil {
		return nil, err
	}
	return c.signedIn(in.TokenDelivery, done)
}

// AcceptInvitation is the resolver of Mutation.acceptInvitation.
func (r *mutationResolver) AcceptInvitation(ctx context.Context, in model.AcceptInvitationInput) (*model.SignInPayload, error) {
	c := caller(ctx)
	if err := c.canDeliver(in.TokenDelivery); err != nil {
		return nil, err
	}
	done, err := r.Logins.AcceptInvitation(ctx, login.AcceptInput{
		Token: login.Secret(in.Token), Name: in.Name, Password: login.Secret(in.Password), Device: c.Device,
	})
	if err != nil {
		return nil, err
	}
	return c.signedIn(in.TokenDelivery, done)
}

// signedIn answers a sign-in, by whatever way it came.
func (c *Caller) signedIn(how model.TokenDelivery, done login.SignIn) (*model.SignInPayload, error) {
	refresh, err := c.deliver(how, done.Tokens.Refresh, done.Session)
	if err != nil {
		return nil, err
	}
	return &model.SignInPayload{
		User:                 toUser(done.User),
		Account:              toAccount(done.Account),
		LoginSession:         toLoginSession(done.Session, done.User),
		AccessToken:          string(done.Tokens.Access),
		AccessTokenExpiresAt: done.Tokens.AccessExpiresAt,
		RefreshToken:         refresh,
	}, nil
}

// Reauthenticate is the resolver of Mutation.reauthenticate.
func (r *mutationResolver) Reauthenticate(ctx context.Context, in model.ReauthenticateInput) (*model.ReauthenticatePayload, error) {
	session, err := r.Logins.Reauthenticate(ctx, caller(ctx).asLogin(), login.Secret(in.Password))
	if err != nil {
		return nil, err
	}
	out := &model.ReauthenticatePayload{}
	if until, asks := r.Logins.AskedAgainAt(session); asks {
		out.AuthenticatedUntil = &until
	}
	return out, nil
}

// ChangePassword is the resolver of Mutation.changePassword.
func (r *mutationResolver) ChangePassword(ctx context.Context, in model.ChangePasswordInput) (*model.ChangePasswordPayload, error) {
	done, err := r.Logins.ChangePassword(ctx, caller(ctx).asLogin(), login.Secret(in.CurrentPassword), login.Secret(in.NewPassword))
	if err != nil {
		return nil, err
	}
	return &model.ChangePasswordPayload{
		User:                 toUser(done.User),
		RevokedCount:         done.Ended,
		AccessToken:          string(done.Tokens.Access),
		AccessTokenExpiresAt: done.Tokens.AccessExpiresAt,
	}, nil
}

// LoginSessions is the resolver of User.loginSessions.
func (r *userResolver) LoginSessions(ctx context.Context, u *model.User) ([]*model.LoginSession, error) {
	c := caller(ctx)
	if u.ID != c.UserID.String() || inEvent(ctx) {
		return nil, nil
	}
	sessions, err := r.Logins.LoginSessions(ctx, c.Actor, sessionListFields(selected(ctx))&login.SessionConnected)
	if err != nil {
		return nil, err
	}
	out := make([]*model.LoginSession, len(sessions))
	for i, s := range sessions {
		out[i] = toLoginSessionOf(s.Session, u)
	}
	return out, nil
}

// CurrentLoginSession is the resolver of User.currentLoginSession.
func (r *userResolver) CurrentLoginSession(ctx context.Context, u *model.User) (*model.LoginSession, error) {
	c := caller(ctx)
	if u.ID != c.UserID.String() || inEvent(ctx) {
		return nil, nil
	}
	s, err := r.Logins.LoginSession(ctx, c.Actor, c.Bearer.SessionID)
	if err != nil {
		return nil, err
	}
	return toLoginSessionOf(s, u), nil
}

// SessionExpiry is the resolver of Subscription.sessionExpiry.
func (r *subscriptionResolver) SessionExpiry(ctx context.Context) (<-chan model.SessionExpiryEvent, error) {
	return live.Stream(ctx, func(ctx context.Context, send func(model.SessionExpiryEvent)) (func(), error) {
		return r.Register.Watch(caller(ctx).Bearer, event.SinkFunc[login.Event](func(e login.Event) {
			send(model.SessionExpiry(e))
		})), nil
	})
}
