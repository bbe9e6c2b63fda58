package account

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Fact is one thing that an entry of the audit log tells beside who, what and when.
type Fact struct {
	Name  string // dotted where it is part of something: "old.idleMinutes"
	Value string
}

// Facts returns the entry's details in the order of their names.
func (e AuditEntry) Facts() []Fact {
	var facts []Fact
	var visit func(prefix string, details map[string]any)
	visit = func(prefix string, details map[string]any) {
		for _, name := range slices.Sorted(maps.Keys(details)) {
			switch v := details[name].(type) {
			case map[string]any:
				visit(prefix+name+".", v)
			case float64: // as JSON has them
				facts = append(facts, Fact{prefix + name, strconv.FormatFloat(v, 'f', -1, 64)})
			default:
				facts = append(facts, Fact{prefix + name, fmt.Sprint(v)})
			}
		}
	}
	visit("", e.Details)
	return facts
}

// Words says in a sentence what the entry tells. actor and subject are the names of
// those people, empty where there are none. This is the one place where that is
// worded; every action has words.
func (e AuditEntry) Words(actor, subject string) string {
	words, ok := auditWords[e.Action]
	if !ok {
		return string(e.Action) // of a newer program
	}
	t := telling{cmp.Or(actor, "Somebody"), cmp.Or(subject, "somebody"), map[string]string{}}
	for _, f := range e.Facts() {
		t.facts[f.Name] = f.Value
	}
	return words(t)
}

// telling is what words are made of.
type telling struct {
	actor, subject string
	facts          map[string]string
}

// fact returns what an entry of this action always tells.
func (t telling) fact(name string) string { return cmp.Or(t.facts[name], "?") }

// count says how many, such as "3 devices".
func (t telling) count(one, many string) string {
	n := t.facts["count"]
	if n == "1" {
		return "1 " + one
	}
	return cmp.Or(n, "0") + " " + many
}

// limits words the spans of a policy, old or new.
func (t telling) limits(which string) string {
	text := fmt.Sprintf("%s (%s min idle, %s min in all", t.fact(which+".preset"), t.fact(which+".idleMinutes"), t.fact(which+".absoluteMinutes"))
	if admins := t.facts[which+".admins.preset"]; admins != "" {
		text += fmt.Sprintf("; owners and admins %s: %s min, %s min", admins, t.facts[which+".admins.idleMinutes"], t.facts[which+".admins.absoluteMinutes"])
	}
	if most := t.facts[which+".maxSessionsPerUser"]; most != "" {
		text += fmt.Sprintf("; at most %s devices a user", most)
	}
	return text + ")"
}

// tree names the tree.
func (t telling) tree() string { return "“" + t.fact("title") + "”" }

// plain returns words that depend on the names alone, which take the places of ACTOR
// and SUBJECT.
func plain(text string) func(telling) string {
	return func(t telling) string {
		return strings.NewReplacer("ACTOR", t.actor, "SUBJECT", t.subject).Replace(text)
	}
}

// about returns words about a tree.
func about(format string) func(telling) string {
	return func(t telling) string { return fmt.Sprintf(format, t.actor, t.tree()) }
}

var auditWords = map[AuditAction]func(telling) string{
	AccountRegistered: plain("ACTOR opened the account."),
	SignedIn:          plain("ACTOR signed in."),
	SignInFailed: func(t telling) string {
		why := map[string]string{"USER_DISABLED": "the user is disabled", "SESSION_LIMIT": "there are as many devices as allowed"}[t.facts["reason"]]
		return fmt.Sprintf("A sign-in as %s failed: %s.", t.subject, cmp.Or(why, "the password was wrong"))
	},
	SignInLimited: func(t telling) string {
		return fmt.Sprintf("Sign-ins as %s were tried too often and are refused for a while. More of it is not listed for %s minutes.", t.subject, t.fact("quietMinutes"))
	},
	SignedOut:            plain("ACTOR signed out."),
	Reauthenticated:      plain("ACTOR confirmed their password."),
	ReauthenticateFailed: plain("ACTOR was asked for their password and gave a wrong one."),
	RefreshTokenReused:   plain("A refresh token of SUBJECT came twice, as after a theft, so that login session was ended."),
	LoginSessionExpired: func(t telling) string {
		if t.facts["reason"] == "EXPIRED_ABSOLUTE" {
			return fmt.Sprintf("A login session of %s reached its longest age and ended.", t.subject)
		}
		return fmt.Sprintf("A login session of %s ended: nobody used it for too long.", t.subject)
	},
	LoginSessionsRevoked: revocation,
	LoginSessionLimit: func(t telling) string {
		return fmt.Sprintf("%s signed in on one device more than allowed: %s ended that had been quiet for longest.", t.subject, t.count("login session", "login sessions"))
	},
	SessionPolicyChanged: func(t telling) string {
		text := fmt.Sprintf("%s changed how long login sessions last, from %s to %s", t.actor, t.limits("old"), t.limits("new"))
		if t.facts["applyNow"] == "true" {
			return text + fmt.Sprintf(", at once: %s ended, %s became shorter.", cmp.Or(t.facts["ended"], "0"), cmp.Or(t.facts["shorter"], "0"))
		}
		return text + ", from the next sign-in on."
	},
	PasswordChanged: func(t telling) string {
		if t.facts["operator"] != "" {
			return fmt.Sprintf("The operator gave %s a new password.", t.subject)
		}
		return fmt.Sprintf("%s changed their password.", t.actor)
	},
	UserInvited: func(t telling) string {
		return fmt.Sprintf("%s invited %s as %s.", t.actor, t.fact("email"), t.fact("role"))
	},
	InvitationWithdrawn: func(t telling) string {
		return fmt.Sprintf("%s withdrew the invitation of %s as %s.", t.actor, t.fact("email"), t.fact("role"))
	},
	InvitationAccepted: func(t telling) string {
		return fmt.Sprintf("%s accepted an invitation as %s.", t.actor, t.fact("role"))
	},
	UserRoleChanged: func(t telling) string {
		return fmt.Sprintf("%s changed the role of %s from %s to %s.", t.actor, t.subject, t.fact("old"), t.fact("new"))
	},
	UserDisabled:        plain("ACTOR disabled SUBJECT, who may not sign in any more."),
	UserEnabled:         plain("ACTOR lets SUBJECT sign in again."),
	TreePublished:       func(t telling) string { return version(t, "published") },
	TreeVersionRestored: func(t telling) string { return version(t, "went back to") },
	TreeConfirmed:       about("%s confirmed that %s is still right."),
	TreeArchived:        about("%s archived %s."),
	TreeUnarchived:      about("%s took %s out of the archive."),
	TreeDeleted:         about("%s deleted %s."),
	TreeOwnerChanged: func(t telling) string {
		return fmt.Sprintf("%s made %s the owner of %s.", t.actor, t.subject, t.tree())
	},
	TreeSessionShared:       plain("ACTOR shared a troubleshooting session by a link."),
	TreeSessionShareRevoked: plain("ACTOR took back a link to a troubleshooting session."),
	TreeSessionShareOpened:  plain("A link to a troubleshooting session was opened for the first time."),
	TreeSessionEscalated: func(t telling) string {
		return fmt.Sprintf("%s asked the team for help with a troubleshooting session, urgency %s.", t.actor, t.fact("urgency"))
	},
	TreeSessionClaimed:  plain("ACTOR took over a troubleshooting session with which SUBJECT had asked for help."),
	EscalationAnswered:  plain("ACTOR gave SUBJECT a hint for a troubleshooting session."),
	EscalationTakenBack: plain("ACTOR took back a request for help of SUBJECT."),
	ClientDeleted: func(t telling) string {
		return fmt.Sprintf("%s deleted the client “%s”.", t.actor, t.fact("client"))
	},
	ClientsMerged: func(t telling) string {
		return fmt.Sprintf("%s made the client “%s” part of “%s”.", t.actor, t.fact("merged"), t.fact("client"))
	},
	AuditLogExported: func(t telling) string {
		what := "the audit log"
		if t.facts["actions"] != "" || t.facts["user"] != "" {
			what = "a part of the audit log"
		}
		return fmt.Sprintf("%s exported %s from %s to %s.", t.actor, what, cmp.Or(t.facts["from"], "its beginning"), cmp.Or(t.facts["to"], "its end"))
	},
}

func version(t telling, did string) string {
	return fmt.Sprintf("%s %s version %s of %s.", t.actor, did, t.fact("version"), t.tree())
}

func revocation(t telling) string {
	sessions := t.count("login session", "login sessions")
	switch t.facts["scope"] {
	case "ALL":
		return fmt.Sprintf("%s signed everybody out: %s.", t.actor, sessions)
	case "ALL_EXCEPT_ME":
		return fmt.Sprintf("%s signed everybody else out: %s.", t.actor, sessions)
	case "USER":
		return fmt.Sprintf("%s signed %s out: %s.", t.actor, t.subject, sessions)
	case "MY_OTHERS":
		return fmt.Sprintf("%s signed out on all their other devices: %s.", t.actor, sessions)
	case "DISABLED_USER":
		return fmt.Sprintf("%s was disabled by %s and signed out: %s.", t.subject, t.actor, sessions)
	case "NEW_PASSWORD":
		if t.facts["operator"] != "" {
			return fmt.Sprintf("The operator signed %s out after a new password: %s.", t.subject, sessions)
		}
		return fmt.Sprintf("%s was signed out elsewhere after a new password: %s.", t.actor, sessions)
	}
	if t.actor == t.subject {
		return fmt.Sprintf("%s ended one of their own login sessions.", t.actor)
	}
	return fmt.Sprintf("%s ended a login session of %s.", t.actor, t.subject)
}
