package tree

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/branchline/branchline/internal/fault"
)

// Bounds of what is asked for and written down.
const (
	MaxFieldName = 40
	MaxValue     = 1000 // characters of one value
	maxDigits    = 40   // of a number, so that comparing two stays cheap

	// maxFilled bounds, in bytes, a text with its values: a long value in many
	// places would make a record of megabytes.
	maxFilled = 4 * MaxNodeText
)

// FieldType says what kind of value a field takes.
type FieldType string

// The types of fields.
const (
	TextField   FieldType = "TEXT"   // one line
	NumberField FieldType = "NUMBER" // a decimal number, such as -12.5
	ChoiceField FieldType = "CHOICE" // one of Field.Choices
	YesNoField  FieldType = "YES_NO" // Yes or No
)

// Valid says whether t is one of the types.
func (t FieldType) Valid() bool {
	return t == TextField || t == NumberField || t == ChoiceField || t == YesNoField
}

// The values of a YesNoField.
const (
	Yes = "yes"
	No  = "no"
)

// Field asks for one value.
type Field struct {
	// Name is how texts and conditions of the tree refer to the value: a lower
	// case letter and at most 39 more of a–z, 0–9 and "_". Two inputs with one
	// name write down one value: the later one counts.
	Name     string
	Label    string // what the person who walks reads; plain text, one line
	Type     FieldType
	Required bool
	Pattern  string   // of a text: the whole value has to match this regular expression (RE2); empty for any
	Choices  []string // of a choice
	// Sensitive marks a value that exports can leave out, such as a phone number.
	Sensitive bool
}

// validName says whether s can be the name of a field.
func validName(s string) bool {
	if s == "" || len(s) > MaxFieldName {
		return false
	}
	for i := range len(s) {
		if !nameByte(s[i], i == 0) {
			return false
		}
	}
	return true
}

// Value is what was written down for a field. It keeps the field's words, so
// that the record stands without the tree.
type Value struct {
	Name      string
	Label     string
	Type      FieldType
	Text      string // as Field.Clean returned it; never empty
	Sensitive bool
}

// Clean returns a value for the field in its one form: without spaces around it,
// a number without needless digits, a choice as the tree writes it, yes or no in
// lower case. What the field does not take is BadUserInput. An empty value of a
// field that is not required is empty.
func (f *Field) Clean(path, text string) (string, error) {
	text, err := cleanLine(path, text, MaxValue)
	switch {
	case err != nil:
		return "", err
	case text == "" && f.Required:
		return "", fault.Input(path, "%s: enter a value.", f.Label)
	case text == "":
		return "", nil
	}
	switch f.Type {
	case NumberField:
		number, ok := cleanNumber(text)
		if !ok {
			return "", fault.Input(path, "%s: %q is no number. Write it like 12.5, with at most %d digits.", f.Label, text, maxDigits)
		}
		return number, nil
	case ChoiceField:
		if i := slices.IndexFunc(f.Choices, func(c string) bool { return fold(c) == fold(text) }); i >= 0 {
			return f.Choices[i], nil
		}
		return "", fault.Input(path, "%s: %q is not one of the choices.", f.Label, text)
	case YesNoField:
		if text = strings.ToLower(text); text == Yes || text == No {
			return text, nil
		}
		return "", fault.Input(path, `%s: answer "yes" or "no".`, f.Label)
	}
	if f.Pattern == "" {
		return text, nil
	}
	pattern, err := compilePattern(f.Pattern)
	if err != nil || !pattern.MatchString(text) { // Validate keeps a bad pattern from being published
		return "", fault.Input(path, "%s: %q does not have the form that is asked for.", f.Label, text)
	}
	return text, nil
}

// maxPatternSize bounds a pattern's compiled form, in instructions and ranges of
// characters: a short one may stand for a very large one, such as \pL{1000}.
const maxPatternSize = 20_000

// compilePattern compiles a field's pattern so that it matches whole values. The
// error says in a few words what is wrong.
func compilePattern(pattern string) (*regexp.Regexp, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if wrong := new(syntax.Error); errors.As(err, &wrong) {
		return nil, fmt.Errorf("%s in %q", wrong.Code, clip(wrong.Expr))
	} else if err != nil {
		return nil, err
	}
	if patternSize(parsed) > maxPatternSize {
		return nil, errors.New("it repeats too much")
	}
	// What was parsed is written anew: a bare \Q would reach over the end.
	return regexp.Compile(`\A(?:` + parsed.String() + `)\z`)
}

// patternSize estimates the size of a pattern's compiled form.
func patternSize(re *syntax.Regexp) int {
	size := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		size += patternSize(sub)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min, re.Max, 1)
	}
	return min(size, 2*maxPatternSize)
}

// cleanNumber returns a decimal number without needless zeros, spaces or plus.
func cleanNumber(text string) (string, bool) {
	text = strings.TrimPrefix(text, "+")
	digits, minus := strings.CutPrefix(text, "-")
	whole, part, point := strings.Cut(digits, ".")
	if len(digits) > maxDigits || whole == "" && part == "" || point && part == "" ||
		strings.Trim(whole, "0123456789") != "" || strings.Trim(part, "0123456789") != "" {
		return "", false
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if part = strings.TrimRight(part, "0"); part != "" {
		whole += "." + part
	}
	if minus && whole != "0" {
		whole = "-" + whole
	}
	return whole, true
}

// Test says how a branch compares a value.
type Test string

// The tests. Texts are compared with case and spacing aside.
const (
	Equals   Test = "EQUALS"   // numbers by their value
	Contains Test = "CONTAINS" // as text
	Less     Test = "LESS"     // a number below that of the branch
	Greater  Test = "GREATER"  // a number above it
	IsSet    Test = "IS_SET"   // something was written down
)

// Valid says whether t is one of the tests.
func (t Test) Valid() bool {
	switch t {
	case Equals, Contains, Less, Greater, IsSet:
		return true
	}
	return false
}

// holds says whether the branch's condition is met. What was not written down
// meets none.
func (b *Branch) holds(values []Value) bool {
	i := slices.IndexFunc(values, func(v Value) bool { return v.Name == b.Name })
	if i < 0 {
		return false
	}
	text := values[i].Text
	switch b.Test {
	case IsSet:
		return true
	case Contains:
		return strings.Contains(fold(text), fold(b.Value))
	case Equals:
		if order, ok := compareNumbers(text, b.Value); ok {
			return order == 0
		}
		return fold(text) == fold(b.Value)
	case Less:
		order, ok := compareNumbers(text, b.Value)
		return ok && order < 0
	case Greater:
		order, ok := compareNumbers(text, b.Value)
		return ok && order > 0
	}
	return false
}

// compareNumbers compares two decimal numbers exactly; ok says that both are.
func compareNumbers(a, b string) (order int, ok bool) {
	a, okA := cleanNumber(strings.TrimSpace(a))
	b, okB := cleanNumber(strings.TrimSpace(b))
	if !okA || !okB {
		return 0, false
	}
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	if !okX || !okY {
		return 0, false
	}
	return x.Cmp(y), true
}

// placeholder finds the first place in a text where a value is shown: {{name}} for
// what an input wrote down, {{client.name}} for a fact of the session's client. It
// returns where the place begins and ends, and the name; from is -1 where there is
// none. It is written out because a regular expression took a fifth of Validate.
func placeholder(text string) (from, to int, name string) {
	for from = 0; ; from++ {
		open := strings.Index(text[from:], "{{")
		if open < 0 {
			return -1, -1, ""
		}
		from += open
		inside := strings.TrimLeft(text[from+2:], placeholderSpace)
		length := 0
		if strings.HasPrefix(inside, clientPrefix) {
			length = len(clientPrefix)
		}
		first := length
		for length < len(inside) && length-first < MaxFieldName && nameByte(inside[length], length == first) {
			length++
		}
		rest, closed := strings.CutPrefix(strings.TrimLeft(inside[length:], placeholderSpace), "}}")
		if length > first && closed {
			return from, len(text) - len(rest), inside[:length]
		}
	}
}

const placeholderSpace = " \t\n\f\r"

// nameByte says whether a field's name may have this character, as its first one or
// later.
func nameByte(c byte, first bool) bool {
	return c >= 'a' && c <= 'z' || !first && (c >= '0' && c <= '9' || c == '_')
}

// placeholders calls yield with each name that the text shows a value of.
func placeholders(text string, yield func(name string)) {
	for {
		from, to, name := placeholder(text)
		if from < 0 {
			return
		}
		yield(name)
		text = text[to:]
	}
}

// replacePlaceholders puts something else in place of each {{name}} of a text.
func replacePlaceholders(text string, with func(place, name string) string) string {
	if !strings.Contains(text, "{{") {
		return text
	}
	var b strings.Builder
	for {
		from, to, name := placeholder(text)
		if from < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:from])
		b.WriteString(with(text[from:to], name))
		text = text[to:]
	}
}

// fill puts values into a text. What is not known stays as the author wrote it,
// so that whoever reads sees what is missing.
func fill(text string, value func(name string) string, escape func(string) string) string {
	length := len(text)
	return replacePlaceholders(text, func(place, name string) string {
		v := value(name)
		if v == "" || !utf8.ValidString(v) {
			return place
		}
		v = escape(v)
		if length += len(v); length > maxFilled {
			return place
		}
		return v
	})
}

// Fill returns the node as it is shown to somebody who walks: with the values
// that are known in place of their names. In Markdown they are escaped, so that
// a value can bring no link or markup with it.
func (n *Node) Fill(value func(name string) string) Node {
	plain := func(s string) string { return fill(s, value, func(v string) string { return v }) }
	list := func(texts []string) []string {
		filled := make([]string, len(texts))
		for i, s := range texts {
			filled[i] = plain(s)
		}
		return filled
	}
	shown := *n
	shown.Title, shown.Expected = plain(n.Title), plain(n.Expected)
	shown.Text = fill(n.Text, value, escapeMarkdown)
	shown.Commands, shown.FollowUps = list(n.Commands), list(n.FollowUps)
	shown.Options = slices.Clone(n.Options)
	for i := range shown.Options {
		shown.Options[i].Label = plain(shown.Options[i].Label)
	}
	return shown
}

// together returns values with later ones added or put in the place of those
// with their names. Neither list is changed.
func together(values, later []Value) []Value {
	if len(later) == 0 {
		return values
	}
	all := slices.Clone(values)
	for _, v := range later {
		if i := slices.IndexFunc(all, func(had Value) bool { return had.Name == v.Name }); i >= 0 {
			all[i] = v
		} else {
			all = append(all, v)
		}
	}
	return all
}

// without returns values but those with the names. The list is not changed.
func without(values []Value, names []string) []Value {
	if len(names) == 0 {
		return values
	}
	return slices.DeleteFunc(slices.Clone(values), func(v Value) bool { return slices.Contains(names, v.Name) })
}

// MaxGiven is how many values a session can be started with.
const MaxGiven = 100

// known returns values that were given before anybody asked for them, each as the
// graph's first input that asks for its name and takes it would keep it, or as text
// where none asks. All that is wrong comes back at once, with its place below path.
func (g *Graph) known(path string, given []GivenValue) ([]Value, error) {
	if len(given) > MaxGiven {
		return nil, fault.Input(path, "These are %d values; a session is started with at most %d.", len(given), MaxGiven)
	}
	var values []Value
	var wrong []error
	for i, v := range given {
		path := at(path, i)
		value, err := g.knownValue(path, v)
		switch {
		case !validName(v.Name):
			wrong = append(wrong, fault.Input(path+".name", "A name is a lower case letter and at most %d more of a–z, 0–9 and _.", MaxFieldName-1))
		case err != nil:
			wrong = append(wrong, err)
		case slices.ContainsFunc(given[:i], func(e GivenValue) bool { return e.Name == v.Name }):
			wrong = append(wrong, fault.Input(path+".name", "This value is given twice. Give it once."))
		case value.Text != "":
			values = append(values, value)
		}
	}
	return values, errors.Join(wrong...)
}

// knownValue is known for one value. Its label is its name where no input asks for it.
func (g *Graph) knownValue(path string, given GivenValue) (Value, error) {
	text, err := cleanLine(path+".text", given.Text, MaxValue)
	value := Value{Name: given.Name, Label: given.Name, Type: TextField, Text: text}
	if err != nil || text == "" {
		return value, err
	}
	for _, f := range g.asking(given.Name) {
		clean, wrong := f.Clean(path+".text", text)
		if wrong == nil {
			return Value{Name: f.Name, Label: f.Label, Type: f.Type, Text: clean, Sensitive: f.Sensitive}, nil
		}
		if err == nil {
			err = wrong
		}
	}
	return value, err
}

// asking returns the fields of the graph's inputs that have a name, in the author's
// order. A nil graph has none.
func (g *Graph) asking(name string) []*Field {
	if g == nil {
		return nil
	}
	var fields []*Field
	for i := range g.Nodes {
		for j := range g.Nodes[i].Fields {
			if f := &g.Nodes[i].Fields[j]; f.Name == name && g.Nodes[i].Kind == Input {
				fields = append(fields, f)
			}
		}
	}
	return fields
}

// take returns what was typed for the node's fields, each in its clean form, in
// the fields' order, and the names of the known values that were emptied.
// Everything that is wrong comes back at once, as BadUserInput faults joined
// together: a value that a field does not take, one that is missing, a name that
// the node does not ask for or that comes twice.
func (n *Node) take(given []GivenValue, known []Value) (values []Value, cleared []string, err error) {
	if n.Kind != Input && len(given) > 0 {
		return nil, nil, fault.Input("input.values", "This node asks for no values. Leave them out.")
	}
	var wrong []error
	typed := make(map[string]int, len(given))
	for i, g := range given {
		path := at("input.values", i)
		_, twice := typed[g.Name]
		switch {
		case !slices.ContainsFunc(n.Fields, func(f Field) bool { return f.Name == g.Name }):
			wrong = append(wrong, fault.Input(path+".name", "This node does not ask for this value. Leave it out."))
		case twice:
			wrong = append(wrong, fault.Input(path+".name", "This value is given twice. Give it once."))
		default:
			typed[g.Name] = i
		}
	}
	for i := range n.Fields {
		f := &n.Fields[i]
		path, text := "input.values", ""
		j, answered := typed[f.Name]
		if answered {
			path, text = at("input.values", j)+".text", given[j].Text
		}
		text, err := f.Clean(path, text)
		if err != nil {
			wrong = append(wrong, err)
		} else if text != "" {
			values = append(values, Value{Name: f.Name, Label: f.Label, Type: f.Type, Text: text, Sensitive: f.Sensitive})
		} else if answered && slices.ContainsFunc(known, func(v Value) bool { return v.Name == f.Name }) {
			cleared = append(cleared, f.Name)
		}
	}
	return values, cleared, errors.Join(wrong...)
}
