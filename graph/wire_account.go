package graph

import (
	"time"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/login"
)

// The functions of the wire files turn what the domain returns into the schema's
// types. They decide nothing.

func toAccount(a account.Account) *model.Account {
	return &model.Account{ID: a.ID.String(), Name: a.Name, CreatedAt: a.CreatedAt}
}

func toUser(u account.User) *model.User {
	return &model.User{
		ID:          u.ID.String(),
		Name:        u.Name,
		Email:       u.Email,
		Role:        model.Role(u.Role),
		CreatedAt:   u.CreatedAt,
		LastLoginAt: instant(u.LastLoginAt),
		DisabledAt:  instant(u.DisabledAt),
	}
}

func toInvitation(i account.Invitation) *model.Invitation {
	return &model.Invitation{ID: i.ID.String(), Email: i.Email, Role: model.Role(i.Role), CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt}
}

func toLoginSession(s login.Session, u account.User) *model.LoginSession {
	return toLoginSessionOf(s, toUser(u))
}

func toLoginSessionOf(s login.Session, u *model.User) *model.LoginSession {
	return &model.LoginSession{
		ID:                s.ID.String(),
		User:              u,
		Device:            device(s.UserAgent),
		IP:                s.IP,
		SignedInAt:        s.SignedInAt,
		LastActiveAt:      s.LastActiveAt,
		IdleMinutes:       login.Minutes(s.Idle),
		IdleExpiresAt:     s.Deadlines.Idle,
		AbsoluteExpiresAt: s.Deadlines.Absolute,
		ConnectedNow:      s.Connected,
	}
}

func toSessionPolicy(p login.Policy) *model.SessionPolicy {
	out := &model.SessionPolicy{
		Preset:          model.SessionPolicyPreset(p.Preset),
		IdleMinutes:     p.IdleMinutes(),
		AbsoluteMinutes: p.AbsoluteMinutes(),
		AtSessionLimit:  model.AtSessionLimit(p.AtCap),
		Inherited:       p.Inherited,
		ChosenAt:        instant(p.ChosenAt),
	}
	if !p.ChosenBy.IsZero() {
		out.ChosenBy = &model.User{ID: p.ChosenBy.String()} // the rest is read where it is asked for
	}
	if p.Admins != nil {
		out.Admins = &model.SessionLimits{Preset: model.SessionPolicyPreset(p.AdminsPreset), IdleMinutes: p.Admins.IdleMinutes(), AbsoluteMinutes: p.Admins.AbsoluteMinutes()}
	}
	if p.MaxSessions > 0 {
		out.MaxSessionsPerUser = &p.MaxSessions
	}
	return out
}

func toPolicyBounds(b login.Bounds) *model.SessionPolicyBounds {
	out := &model.SessionPolicyBounds{
		MinIdleMinutes:     b.Min.IdleMinutes(),
		MinAbsoluteMinutes: b.Min.AbsoluteMinutes(),
		MaxIdleMinutes:     b.Highest().IdleMinutes(),
		MaxAbsoluteMinutes: b.Highest().AbsoluteMinutes(),
		MaxSessionsPerUser: b.MaxSessions,
	}
	for _, preset := range []login.Preset{login.Strict, login.Standard} {
		limits := b.Preset(preset)
		out.Presets = append(out.Presets, &model.SessionPolicyPresetLimits{
			Preset: model.SessionPolicyPreset(preset), IdleMinutes: limits.IdleMinutes(), AbsoluteMinutes: limits.AbsoluteMinutes(),
		})
	}
	return out
}

// instant returns nil for a time that never came.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// given returns nil for a value that was never given.
func given[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
