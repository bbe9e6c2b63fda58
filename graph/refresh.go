package graph

import (
	"context"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
)

// Refresh is the resolver of Mutation.refresh. A token that came by cookie leaves
// by cookie only: no script in the page can ask for it in the payload.
func (r *mutationResolver) Refresh(ctx context.Context, in model.RefreshInput) (*model.RefreshPayload, error) {
	c := caller(ctx)
	token, how := text(in.RefreshToken), model.TokenDeliveryPayload
	if token == "" && c.Cookie != nil {
		token, how = c.Cookie.RefreshToken(), model.TokenDeliveryCookie
	}
	if token == "" {
		return nil, noRefreshToken
	}
	done, err := r.Logins.Refresh(ctx, login.RefreshInput{
		Token: login.Secret(token), AttemptID: login.Secret(in.AttemptID), Passive: in.Passive, Device: c.Device,
	})
	if err != nil {
		return nil, err
	}
	refresh, err := c.deliver(how, done.Tokens.Refresh, done.Session)
	if err != nil {
		return nil, err
	}
	return &model.RefreshPayload{
		AccessToken:          string(done.Tokens.Access),
		AccessTokenExpiresAt: done.Tokens.AccessExpiresAt,
		RefreshToken:         refresh,
		LoginSession:         toLoginSession(done.Session, done.User),
	}, nil
}

var noRefreshToken = fault.New(fault.Unauthenticated, "There is no refresh token to sign in with. Sign in.").Because(fault.InvalidRefreshToken)

// Logout is the resolver of Mutation.logout. A device whose access token has run
// out signs out by its refresh token.
func (r *mutationResolver) Logout(ctx context.Context, in model.LogoutInput) (*model.LogoutPayload, error) {
	c := caller(ctx)
	token := text(in.RefreshToken)
	if token == "" && c.Cookie != nil {
		token = c.Cookie.RefreshToken()
	}
	var ended int
	var err error
	switch {
	case !c.UserID.IsZero():
		ended, err = r.Logins.Logout(ctx, c.asLogin())
	case token != "":
		ended, err = r.Logins.LogoutWith(ctx, login.Secret(token), c.Device)
	case c.Refused != nil && !alreadyOut(c.Refused):
		return nil, c.Refused
	}
	if err != nil {
		return nil, err
	}
	if c.Cookie != nil {
		c.Cookie.Clear()
	}
	return &model.LogoutPayload{RevokedCount: ended}, nil
}

// alreadyOut says whether the access token was refused because its login session
// is over.
func alreadyOut(refused error) bool {
	switch fault.ReasonOf(refused) {
	case fault.SessionRevoked, fault.SessionExpiredIdle, fault.SessionExpiredAbs:
		return true
	}
	return false
}
