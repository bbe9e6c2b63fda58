package graph

import (
	"context"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/branchline/branchline/graph/model"
)

// A plan is what remains to be done for a query once its text is known: one call of
// a service, and for each type of object that it shows a list of what to write, in
// order. It is made when a query comes for the first time, and answers it from then
// on. gqlgen's own execution makes a context for each field of each object and starts
// a goroutine for each element of a list, which was most of what a list cost.
//
// Only the writing is replaced. gqlgen parses, validates, reads variables and
// arguments, weighs the cost and collects the fields of fragments; @auth is read from
// the schema; errors go the same way. What has no plan, gqlgen executes: mutations,
// subscriptions but one (plan_expiry.go), several fields at once (it reads them beside each other), and types and fields that
// plan_tree.go does not name. It is also the reference: plan_test.go compares every
// byte of both.

// planned is the schema with plans.
type planned struct {
	graphql.ExecutableSchema
	ordinary *executableSchema
	resolver *queryResolver
	plans    *lru.Cache[planKey, *plan] // nil for a query that has none
}

// planKey names a query of a parsed document, which is cached like its plan, and
// what its @skip and @include say.
type planKey struct {
	query    *ast.OperationDefinition
	switches uint64
}

func newPlanned(r *Resolver, schema *executableSchema) *planned {
	return &planned{ExecutableSchema: schema, ordinary: schema, resolver: &queryResolver{r}, plans: newCache[planKey, *plan]()}
}

// Exec implements graphql.ExecutableSchema.
func (s *planned) Exec(ctx context.Context) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	p := s.planOf(op)
	if p == nil {
		return s.ExecutableSchema.Exec(ctx)
	}
	if p.events != nil {
		return p.stream(ctx, newExecutionContext(op, s.ordinary, nil))
	}
	answered := false
	return func(ctx context.Context) *graphql.Response {
		if answered {
			return nil
		}
		answered = true
		return p.answer(ctx, newExecutionContext(op, s.ordinary, nil))
	}
}

// planOf returns the plan of an operation, or nil.
func (s *planned) planOf(op *graphql.OperationContext) *plan {
	if op.Operation.Operation == ast.Mutation {
		return nil
	}
	switches, few := switchesOf(op)
	if !few {
		return nil
	}
	key := planKey{op.Operation, switches}
	p, known := s.plans.Get(key)
	if !known {
		p = s.compile(op)
		s.plans.Add(key, p)
	}
	return p
}

// switchesOf returns the values of the operation's Boolean variables in one number.
// What @skip and @include leave out depends on nothing else. It says whether they
// are few enough.
func switchesOf(op *graphql.OperationContext) (values uint64, few bool) {
	for _, v := range op.Operation.VariableDefinitions {
		if v.Type.NamedType != "Boolean" {
			continue
		}
		if values > 1<<32 {
			return 0, false
		}
		value, given := op.Variables[v.Variable].(bool)
		values = 4 * values
		if given {
			values += 1
		}
		if value {
			values += 2
		}
	}
	return values, true
}

// plan answers a query of one field, beside which there may be __typename, or a
// subscription.
type plan struct {
	events        events // of a subscription, which has nothing else; else nil
	before, after []byte // what is written around the field's value
	nonNull       bool   // a field without a value leaves no data
	resolve       func(ctx context.Context, ec *executionContext, before []byte) graphql.Marshaler
	longest       atomic.Int64 // answer so far, in bytes, up to usualAnswer
}

// usualAnswer is for how long an answer room is made beforehand, in bytes.
const usualAnswer = 16 << 10

// compile returns the plan of an operation, or nil.
func (s *planned) compile(op *graphql.OperationContext) *plan {
	if op.Operation.Operation == ast.Subscription {
		return s.compileEvents(op)
	}
	p := new(plan)
	text := []byte{'{'}
	for i, f := range graphql.CollectFields(op, op.Operation.SelectionSet, queryImplementors) {
		if i > 0 {
			text = append(text, ',')
		}
		text = appendKey(text, f.Alias)
		if f.Name == "__typename" {
			text = appendText(text, "Query")
			continue
		}
		root := rootPlans[f.Name]
		if root == nil || p.resolve != nil {
			return nil
		}
		if p.resolve = root(s.resolver, &compiler{op: op, schema: s.Schema()}, f); p.resolve == nil {
			return nil
		}
		p.before, p.nonNull, text = text, f.Definition.Type.NonNull, nil
	}
	if p.resolve == nil {
		return nil
	}
	p.after = append(text, '}')
	return p
}

// answer runs the query.
func (p *plan) answer(ctx context.Context, ec *executionContext) *graphql.Response {
	b := append(make([]byte, 0, p.longest.Load()), p.before...)
	switch value := p.resolve(ctx, ec, b).(type) {
	case written:
		b = append(value, p.after...)
		if n := min(int64(len(b)), usualAnswer); n > p.longest.Load() {
			p.longest.Store(n)
		}
	default: // null, because of an error
		if b = append(append(b, "null"...), p.after...); p.nonNull {
			b = []byte("null")
		}
	}
	return &graphql.Response{Data: b}
}

// written is JSON.
type written []byte

// MarshalGQL implements graphql.Marshaler.
func (w written) MarshalGQL(to io.Writer) { _, _ = to.Write(w) }

// compiler makes the plan of one query.
type compiler struct {
	op     *graphql.OperationContext
	schema *ast.Schema
}

// rootPlan makes the plan of a field of Query, or returns nil.
type rootPlan func(r *queryResolver, c *compiler, f graphql.CollectedField) func(ctx context.Context, ec *executionContext, before []byte) graphql.Marshaler

// resolved runs a field of Query as gqlgen does, with its arguments, its gate and
// its errors, and writes what read returns.
func resolved[T any](
	c *compiler, f graphql.CollectedField,
	arguments func(*executionContext, context.Context, graphql.CollectedField) (*graphql.FieldContext, error),
	read func(ctx context.Context, args map[string]any) (T, error),
	write writer[T],
) func(ctx context.Context, ec *executionContext, before []byte) graphql.Marshaler {
	gate := c.gate(f.Definition)
	return func(ctx context.Context, ec *executionContext, before []byte) graphql.Marshaler {
		return graphql.ResolveField(ctx, ec.OperationContext, f,
			func(ctx context.Context, f graphql.CollectedField) (*graphql.FieldContext, error) {
				return arguments(ec, ctx, f)
			},
			func(ctx context.Context) (any, error) { return read(ctx, graphql.GetFieldContext(ctx).Args) },
			gate,
			func(_ context.Context, _ ast.SelectionSet, value T) graphql.Marshaler {
				return written(write(before, value))
			},
			true, f.Definition.Type.NonNull)
	}
}

// gate returns the field's @auth, or nil where it has none.
func (c *compiler) gate(f *ast.FieldDefinition) func(context.Context, graphql.Resolver) graphql.Resolver {
	directive := f.Directives.ForName("auth")
	if directive == nil {
		return nil
	}
	role := c.schema.Directives["auth"].Arguments.ForName("role").DefaultValue
	if given := directive.Arguments.ForName("role"); given != nil {
		role = given.Value
	}
	return func(_ context.Context, next graphql.Resolver) graphql.Resolver {
		return func(ctx context.Context) (any, error) { return auth(ctx, nil, next, model.Role(role.Raw)) }
	}
}

// object says how the fields of a type of the schema are written of a T. What is
// left out of fields has no plan.
type object[T any] struct {
	name         string
	implementors []string // the type and its interfaces, as gqlgen lists them
	fields       map[string]field[T]
}

// field makes the writer of one field as a query selects it, or returns nil.
type field[T any] func(c *compiler, f graphql.CollectedField) writer[T]

// writer appends a value's JSON.
type writer[T any] func(b []byte, of T) []byte

// compile returns what writes the selected fields of an object, or nil.
func (o *object[T]) compile(c *compiler, set ast.SelectionSet) writer[T] {
	type member struct {
		key   []byte // with what is before it
		write writer[T]
	}
	var members []member
	text, names := []byte{'{'}, map[string]bool{}
	for _, f := range graphql.CollectFields(c.op, set, o.implementors) {
		if names[f.Alias] {
			continue
		}
		if len(names) > 0 {
			text = append(text, ',')
		}
		names[f.Alias] = true
		text = appendKey(text, f.Alias)
		if f.Name == "__typename" {
			text = appendText(text, o.name)
			continue
		}
		field := o.fields[f.Name]
		if field == nil || f.Definition.Directives.ForName("auth") != nil {
			return nil
		}
		write := field(c, f)
		if write == nil {
			return nil
		}
		members = append(members, member{text, write})
		text = nil
	}
	text = append(text, '}')
	return func(b []byte, of T) []byte {
		for i := range members {
			b = append(b, members[i].key...)
			b = members[i].write(b, of)
		}
		return append(b, text...)
	}
}

// leaf is a field without fields of its own.
func leaf[T any](write writer[T]) field[T] {
	return func(*compiler, graphql.CollectedField) writer[T] { return write }
}

// nested is a field that is an object; it is null where there is none.
func nested[T, U any](o *object[U], get func(T) (of U, is bool)) field[T] {
	return func(c *compiler, f graphql.CollectedField) writer[T] {
		write := o.compile(c, f.Selections)
		if write == nil {
			return nil
		}
		return func(b []byte, of T) []byte {
			if inner, is := get(of); is {
				return write(b, inner)
			}
			return append(b, "null"...)
		}
	}
}

// listed is a field that is a list of objects.
func listed[T, U any](o *object[U], length func(T) int, at func(T, int) U) field[T] {
	return func(c *compiler, f graphql.CollectedField) writer[T] {
		write := o.compile(c, f.Selections)
		if write == nil {
			return nil
		}
		return func(b []byte, of T) []byte {
			b = append(b, '[')
			for i := range length(of) {
				if i > 0 {
					b = append(b, ',')
				}
				b = write(b, at(of, i))
			}
			return append(b, ']')
		}
	}
}

// textAppender is implemented by every kind of id.
type textAppender interface {
	AppendText(b []byte) ([]byte, error)
}

// appendID writes a global id.
func appendID(b []byte, id textAppender) []byte {
	b, _ = id.AppendText(append(b, '"')) // never fails
	return append(b, '"')
}

// appendKey writes a member's name, which is a name of GraphQL: it needs no escape.
func appendKey(b []byte, name string) []byte {
	return append(append(append(b, '"'), name...), `":`...)
}

// appendText writes a text as gqlgen does.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '\t':
			b = append(b, `\t`...)
		case '\r':
			b = append(b, `\r`...)
		case '\n':
			b = append(b, `\n`...)
		case '"', '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[start:]...), '"')
}

// appendTexts writes a list of texts.
func appendTexts(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, s)
	}
	return append(b, ']')
}

// appendInt writes a number.
func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

// appendGiven writes a number, or null for the zero that stands for none.
func appendGiven(b []byte, n int) []byte {
	if n == 0 {
		return append(b, "null"...)
	}
	return appendInt(b, n)
}

// appendInstant writes a moment, or null for the zero one.
func appendInstant(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	return model.AppendDateTime(b, t)
}
