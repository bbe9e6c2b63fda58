package graph_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/branchline/branchline/internal/account"
)

func loadSchema(t *testing.T) *ast.Schema {
	t.Helper()
	text, err := os.ReadFile("../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// ours returns the schema's own types, without GraphQL's built-in ones.
func ours(schema *ast.Schema) []*ast.Definition {
	var list []*ast.Definition
	for _, d := range schema.Types {
		if !d.BuiltIn {
			list = append(list, d)
		}
	}
	return list
}

func TestSchema_EverythingIsDescribed(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	for _, d := range ours(schema) {
		if d.Description == "" {
			t.Errorf("%s has no description", d.Name)
		}
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			if f.Description == "" && !describedByInterface(schema, d, f.Name) {
				t.Errorf("%s.%s has no description", d.Name, f.Name)
			}
			for _, a := range f.Arguments {
				if a.Description == "" {
					t.Errorf("%s.%s(%s) has no description", d.Name, f.Name, a.Name)
				}
			}
		}
		for _, v := range d.EnumValues {
			if v.Description == "" {
				t.Errorf("%s.%s has no description", d.Name, v.Name)
			}
		}
	}
	for name, d := range schema.Directives {
		if d.Position == nil || d.Position.Src.BuiltIn {
			continue
		}
		if d.Description == "" {
			t.Errorf("@%s has no description", name)
		}
	}
}

// describedByInterface says whether an interface of d describes the field: it is
// not described twice.
func describedByInterface(schema *ast.Schema, d *ast.Definition, field string) bool {
	for _, name := range d.Interfaces {
		if f := schema.Types[name].Fields.ForName(field); f != nil && f.Description != "" {
			return true
		}
	}
	return false
}

func TestSchema_DescriptionsAreSentences(t *testing.T) {
	t.Parallel()
	for _, d := range ours(loadSchema(t)) {
		texts := map[string]string{d.Name: d.Description}
		for _, f := range d.Fields {
			texts[d.Name+"."+f.Name] = f.Description
		}
		for at, text := range texts {
			if text != "" && !strings.HasSuffix(strings.TrimSpace(text), ".") {
				t.Errorf("%s: the description does not end with a full stop: %q", at, text)
			}
		}
	}
}

func TestSchema_Names(t *testing.T) {
	t.Parallel()
	typeName := regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	fieldName := regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)
	enumValue := regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	for _, d := range ours(loadSchema(t)) {
		if !typeName.MatchString(d.Name) {
			t.Errorf("type %s: not in PascalCase", d.Name)
		}
		if d.Name == "Session" {
			t.Error("a type named Session: it has to be a TreeSession or a LoginSession")
		}
		for _, f := range d.Fields {
			if !fieldName.MatchString(f.Name) && !strings.HasPrefix(f.Name, "__") {
				t.Errorf("%s.%s: not in camelCase", d.Name, f.Name)
			}
			instant := strings.HasSuffix(f.Name, "At") || f.Name == "serverTime"
			if isInstant := f.Type.Name() == "DateTime"; instant && !isInstant || isInstant && !instant && !strings.HasSuffix(f.Name, "Until") {
				t.Errorf("%s.%s: an instant is a DateTime and its name ends with At", d.Name, f.Name)
			}
			if strings.HasSuffix(f.Name, "Id") && f.Type.Name() != "ID" && f.Name != "attemptId" {
				t.Errorf("%s.%s: an id is an ID", d.Name, f.Name)
			}
		}
		for _, v := range d.EnumValues {
			if !enumValue.MatchString(v.Name) {
				t.Errorf("%s.%s: not in UPPER_SNAKE", d.Name, v.Name)
			}
		}
	}
}

func TestSchema_ListsHoldNoNulls(t *testing.T) {
	t.Parallel()
	for _, d := range ours(loadSchema(t)) {
		for _, f := range d.Fields {
			if f.Type.Elem == nil || strings.HasPrefix(f.Name, "__") {
				continue
			}
			if d.Name == "Query" && f.Name == "nodes" { // Relay: what is not found is null in its place
				continue
			}
			if !f.Type.Elem.NonNull {
				t.Errorf("%s.%s: %s: the elements have to be non-null", d.Name, f.Name, f.Type)
			}
			hidden := d.Name == "Account" && (f.Name == "members" || f.Name == "invitations") || d.Name == "User" && f.Name == "loginSessions"
			optional := d.Kind == ast.InputObject || hidden // null where permission hides it
			if !f.Type.NonNull && !optional {
				t.Errorf("%s.%s: %s: the list has to be non-null", d.Name, f.Name, f.Type)
			}
		}
	}
}

func TestSchema_MutationsTakeOneInputAndReturnAPayload(t *testing.T) {
	t.Parallel()
	for _, f := range loadSchema(t).Mutation.Fields {
		name := strings.ToUpper(f.Name[:1]) + f.Name[1:]
		switch {
		case len(f.Arguments) > 1:
			t.Errorf("%s takes %d arguments; one input holds all", f.Name, len(f.Arguments))
		case len(f.Arguments) == 1 && (f.Arguments[0].Name != "input" || f.Arguments[0].Type.String() != name+"Input!"):
			t.Errorf("%s(%s: %s): want input: %sInput!", f.Name, f.Arguments[0].Name, f.Arguments[0].Type, name)
		}
		signsIn := f.Type.String() == "SignInPayload!" // register, login and acceptInvitation answer alike
		if f.Type.String() != name+"Payload!" && !signsIn {
			t.Errorf("%s returns %s, want %sPayload!", f.Name, f.Type, name)
		}
	}
}

func TestSchema_RootFieldsSayWhoMayAsk(t *testing.T) {
	t.Parallel()
	// What may be asked without being signed in.
	public := map[string]bool{
		"me": true, "serverInfo": true, "invitation": true, "register": true, "login": true, "refresh": true, "logout": true, "acceptInvitation": true, "sharedSession": true,
	}
	schema := loadSchema(t)
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, f := range root.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			if gated := f.Directives.ForName("auth") != nil; gated == public[f.Name] {
				t.Errorf("%s.%s: @auth is %v, and it is public: %v", root.Name, f.Name, gated, public[f.Name])
			}
		}
	}
}

func TestSchema_MembersOfAUnionShareNoFieldOfDifferentTypes(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	for _, union := range ours(schema) {
		if union.Kind != ast.Union {
			continue
		}
		seen := map[string]string{}
		for _, member := range union.Types {
			for _, f := range schema.Types[member].Fields {
				if kind, ok := seen[f.Name]; ok && kind != f.Type.String() {
					t.Errorf("%s: %s.%s is %s, elsewhere %s: no client can write one document for both", union.Name, member, f.Name, f.Type, kind)
				}
				seen[f.Name] = f.Type.String()
			}
		}
	}
}

func TestSchema_DeprecationsSayWhy(t *testing.T) {
	t.Parallel()
	for _, d := range ours(loadSchema(t)) {
		for _, f := range d.Fields {
			if dep := f.Directives.ForName("deprecated"); dep != nil && dep.Arguments.ForName("reason") == nil {
				t.Errorf("%s.%s is deprecated without a reason", d.Name, f.Name)
			}
		}
	}
}

func TestSchema_AuditActionsAreTheDomains(t *testing.T) {
	t.Parallel()
	var listed []account.AuditAction
	for _, v := range loadSchema(t).Types["AuditAction"].EnumValues {
		listed = append(listed, account.AuditAction(v.Name))
	}
	if diff := cmp.Diff(account.AuditActions(), listed); diff != "" {
		t.Errorf("actions (-domain +schema):\n%s", diff)
	}
}
