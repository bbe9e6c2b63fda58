package graph_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/branchline/branchline/graph"
)

// resolvedInEvents are the fields that events can show and that have a resolver, with
// why the answer is the same for all who share the event.
var resolvedInEvents = map[string]string{
	"ActiveSessionsChange.added":       "of the event",
	"ActiveSessionsChange.changed":     "of the event",
	"ActiveSessionsState.sessions":     "of the event",
	"ActiveTreeSessionsChange.changed": "of the event",
	"ActiveTreeSessionsState.sessions": "of the event",
	"AuditEntry.actor":                 "of the event",
	"AuditEntry.device":                "of the event",
	"AuditEntry.subject":               "of the event",
	"EscalationQueue.escalations":      "of the event",
	"EscalationsChange.changed":        "of the event",
	"EscalationsChange.left":           "of the event",
	"Tree.offers":                      "by role; sessions are null",
	"Tree.versions":                    "by role",
	"TreeChange.tree":                  "of the event",
	"TreeSession.shares":               "who watches a session may read it",
	"TreeSessionProgress.newSteps":     "of the event",
	"TreeSessionProgress.session":      "of the event",
	"TreeSessionProgress.watchers":     "of the event",
	"TreeSessionState.session":         "of the event",
	"TreeSessionState.watchers":        "of the event",
	"User.currentLoginSession":         "null",
	"User.disabledAt":                  "by role",
	"User.lastLoginAt":                 "by role",
	"User.loginSessions":               "null",
}

// TestEvents_EveryResolverIsJudged walks what subscriptions can show. An event is
// encoded once for all who watch with one role, so a resolver that asks who the caller
// is would tell everybody what one of them may see. Whoever adds one looks at that
// first, and writes down here why it does not.
func TestEvents_EveryResolverIsJudged(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	resolvers := reflect.TypeFor[graph.ResolverRoot]()
	found := map[string]string{}
	seen := map[string]bool{}
	var walk func(d *ast.Definition)
	walk = func(d *ast.Definition) {
		if seen[d.Name] {
			return
		}
		seen[d.Name] = true
		if d.IsAbstractType() {
			for _, possible := range schema.GetPossibleTypes(d) {
				walk(possible)
			}
			return
		}
		of, resolved := resolvers.MethodByName(d.Name)
		for _, f := range d.Fields {
			if resolved && d != schema.Subscription {
				if _, ok := of.Type.Out(0).MethodByName(strings.ToUpper(f.Name[:1]) + f.Name[1:]); ok {
					name := d.Name + "." + f.Name
					found[name] = resolvedInEvents[name]
				}
			}
			walk(schema.Types[f.Type.Name()])
		}
	}
	walk(schema.Subscription)
	if diff := cmp.Diff(resolvedInEvents, found); diff != "" {
		t.Errorf("fields with a resolver in events (-judged +there are):\n%s", diff)
	}
}
