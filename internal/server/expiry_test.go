package server_test

import (
	"testing"
	"time"
)

func TestExpiry_IdleEndIsAnnouncedFiveMinutesBefore(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	s := n.open(p.access)
	s.subscribe("expiry", expiryQuery, nil)
	state := s.event("SessionState")
	idle, absolute := state.time("idleExpiresAt"), state.time("absoluteExpiresAt")
	if span := absolute.Sub(idle); span != 11*24*time.Hour {
		t.Errorf("the idle end is %v before the absolute one, want 11 days: the preset STANDARD", span)
	}
	if got := state.text("level") + " " + state.text("expiryReason"); got != "NONE IDLE" {
		t.Errorf("the state is %s, want NONE IDLE", got)
	}

	n.moveTo(idle.Add(-7 * time.Minute))
	s.ask(`{ serverInfo { version } }`, nil).ok() // and no warning before it
	n.moveTo(idle.Add(-5 * time.Minute))
	warning := s.event("SessionExpiryWarning")
	if got := warning.text("level") + " " + warning.text("expiryReason"); got != "SOON IDLE" {
		t.Errorf("the warning is %s, want SOON IDLE", got)
	}
	if !warning.time("expiresAt").Equal(idle) || warning.at("extendable") != true {
		t.Errorf("the warning is about %v, extendable %v; want %v and true", warning.time("expiresAt"), warning.at("extendable"), idle)
	}
	if at := warning.time("serverTime"); at.Before(idle.Add(-5*time.Minute)) || !at.Before(idle) {
		t.Errorf("the warning was sent at %v, want from five minutes before %v on", at, idle)
	}

	if a := n.renew(p, true).ok(); !a.time("refresh.loginSession.idleExpiresAt").Equal(idle) {
		t.Errorf("a passive refresh moved the idle end to %v", a.time("refresh.loginSession.idleExpiresAt"))
	}
	n.settle()
	s.ask(`{ serverInfo { version } }`, nil).ok() // and no event before it
	before := n.clock.Now()
	idle = n.renew(p, false).ok().time("refresh.loginSession.idleExpiresAt")
	if idle.Before(before.Add(3 * 24 * time.Hour).Truncate(time.Microsecond)) {
		t.Errorf("an active refresh at %v moved the idle end to %v, want 3 days later", before, idle)
	}
	extended := s.event("SessionExtended")
	if !extended.time("idleExpiresAt").Equal(idle) || extended.text("level") != "NONE" {
		t.Errorf("SessionExtended is %s, want the idle end %v and the level NONE", extended.Body, idle)
	}

	n.moveTo(idle.Add(-20 * time.Second))
	if warning := s.event("SessionExpiryWarning"); warning.text("level") != "NOW" {
		t.Errorf("the warning is %s, want NOW", warning.Body)
	}
	n.renew(p, true).ok() // an access token to the very end
	n.moveTo(idle)
	if expired := s.event("SessionExpired"); expired.text("expiryReason") != "IDLE" {
		t.Errorf("SessionExpired is %s, want IDLE", expired.Body)
	}
	s.complete("expiry")
	s.closed(4401)
	n.renew(p, false).refused("UNAUTHENTICATED", "SESSION_EXPIRED_IDLE")
	n.me(p.access).refused("UNAUTHENTICATED")
	late, _ := n.dial(nil)
	late.init(p.access)
	late.closed(4403) // the token ran out; the refresh that this asks for is refused
}

func TestExpiry_AbsoluteEndIsAnnouncedAnHourBeforeAndNothingMovesIt(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	s := n.open(p.access)
	s.subscribe("expiry", expiryQuery, nil)
	state := s.event("SessionState")
	idle, absolute := state.time("idleExpiresAt"), state.time("absoluteExpiresAt")
	for idle.Before(absolute) {
		n.moveTo(idle.Add(-time.Hour))
		moved := n.renew(p, false).ok()
		idle = moved.time("refresh.loginSession.idleExpiresAt")
		if got := moved.time("refresh.loginSession.absoluteExpiresAt"); !got.Equal(absolute) {
			t.Fatalf("a refresh moved the absolute end from %v to %v", absolute, got)
		}
		if got := s.event("SessionExtended").time("idleExpiresAt"); !got.Equal(idle) {
			t.Fatalf("SessionExtended says %v, the refresh %v", got, idle)
		}
	}
	if !idle.Equal(absolute) {
		t.Errorf("the idle end %v is after the absolute one %v", idle, absolute)
	}
	for _, tt := range []struct {
		before time.Duration
		level  string
	}{{time.Hour, "NOTICE"}, {5 * time.Minute, "SOON"}, {30 * time.Second, "NOW"}} {
		n.moveTo(absolute.Add(-tt.before))
		w := s.event("SessionExpiryWarning")
		if got := w.text("level") + " " + w.text("expiryReason"); got != tt.level+" ABSOLUTE" {
			t.Errorf("%v before the end the warning is %s, want %s ABSOLUTE", tt.before, got, tt.level)
		}
		if w.at("extendable") != false || !w.time("expiresAt").Equal(absolute) {
			t.Errorf("%v before the end the warning is %s, want that of %v, which nothing moves", tt.before, w.Body, absolute)
		}
	}
	n.renew(p, false).ok()
	n.moveTo(absolute)
	if expired := s.event("SessionExpired"); expired.text("expiryReason") != "ABSOLUTE" {
		t.Errorf("SessionExpired is %s, want ABSOLUTE", expired.Body)
	}
	s.complete("expiry")
	s.closed(4401)
	n.renew(p, false).refused("UNAUTHENTICATED", "SESSION_EXPIRED_ABSOLUTE")
}
