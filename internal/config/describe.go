package config

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"time"
)

// Row describes one setting.
type Row struct {
	Section    string
	Name       string   // the environment variable
	Default    string   // empty where there is none
	DevDefault string   // what the dev command uses instead; empty where it is the same
	NeededBy   []string // the commands that refuse to start without it
	Example    string
	HowTo      string // how to come by a value, where no example can be used as it is; no full stop
	Secret     bool
	Doc        string
}

// Describe returns all settings in the order in which they are documented.
func Describe() []Row {
	var rows []Row
	each(reflect.ValueOf(Settings{}), func(row Row, _ reflect.Value, _ string) { rows = append(rows, row) })
	return rows
}

// Value is a setting as it is in force.
type Value struct {
	Row
	Text string // as an operator would write it; "(hidden)" for a secret
}

// Values returns what is in force, secrets hidden.
func (s Settings) Values() []Value {
	var values []Value
	each(reflect.ValueOf(s), func(row Row, v reflect.Value, _ string) {
		text := written(v)
		if text == "" && row.Default != "" {
			text = off // what has a default is empty only where it was turned off
		}
		values = append(values, Value{Row: row, Text: text})
	})
	return values
}

// each calls fn with every setting of a Settings: its description, its value and
// the name of its field.
func each(settings reflect.Value, fn func(row Row, v reflect.Value, field string)) {
	for section, group := range settings.Fields() {
		for field, v := range group.Fields() {
			tag := field.Tag
			row := Row{
				Section:    section.Tag.Get("doc"),
				Name:       tag.Get("env"),
				Default:    tag.Get("envDefault"),
				DevDefault: tag.Get("devDefault"),
				Example:    tag.Get("example"),
				HowTo:      tag.Get("howTo"),
				NeededBy:   strings.Fields(tag.Get("neededBy")),
				Secret:     field.Type == reflect.TypeFor[Secret](),
				Doc:        tag.Get("doc"),
			}
			fn(row, v, section.Name+"."+field.Name)
		}
	}
}

// written returns a value as an operator would write it.
func written(v reflect.Value) string {
	switch v := v.Interface().(type) {
	case time.Duration:
		return FormatDuration(v)
	case slog.Level:
		return strings.ToLower(v.String())
	case []netip.Prefix, []Origin:
		return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(v), "[]")), ",")
	default:
		return fmt.Sprint(v)
	}
}

// WriteEnv writes .env.example: every setting with its documentation, its
// default commented out.
func WriteEnv(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# Settings of Branchline. Copy this file to .env and take the # away from what
# you change. A variable of the real environment wins over this file.
#
# Spans of time are written like 30s, 15m, 1h30m or 3d. Put values that hold a
# space, a $ or a # between single quotes.
#
# This file is made from internal/config/settings.go by: go generate ./cmd/branchline
`)
	section := ""
	for _, row := range Describe() {
		if row.Section != section {
			section = row.Section
			fmt.Fprintf(&b, "\n# ── %s %s\n", section, strings.Repeat("─", 74-len(section)))
		}
		b.WriteString("\n")
		for _, line := range wrap(row.Doc+notes(row), 78) {
			fmt.Fprintf(&b, "# %s\n", line)
		}
		if row.HowTo != "" {
			fmt.Fprintf(&b, "# %s\n", row.HowTo)
		}
		value := row.Default
		if value == "" {
			value = row.Example
		}
		fmt.Fprintf(&b, "#%s=%s\n", row.Name, value)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// notes says in words what the other columns of the table say.
func notes(row Row) string {
	var text string
	if len(row.NeededBy) > 0 {
		text += " Needed by: " + strings.Join(row.NeededBy, ", ") + "."
	}
	if row.DevDefault != "" {
		text += " The dev command uses " + row.DevDefault + "."
	}
	return text
}

// WriteMarkdown writes docs/configuration.md.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# Configuration

Every setting is an environment variable. The same names are read from a file ` + "`.env`" + ` in the
working directory where there is one; a variable of the real environment wins. An empty value is the
same as none. Spans of time are written like ` + "`30s`, `15m`, `1h30m` or `3d`" + `.

` + "`branchline config`" + ` shows what is in force, with secrets hidden, and everything that is wrong.
` + "`branchline serve`" + ` refuses to start on a wrong value and names each of them. A name that begins with
` + "`BRANCHLINE_`" + ` and is not in these tables is a warning that names the nearest known one.

This page and ` + "`.env.example`" + ` are made from ` + "`internal/config/settings.go`" + ` by ` + "`go generate ./cmd/branchline`" + `.
`)
	section := ""
	for _, row := range Describe() {
		if row.Section != section {
			section = row.Section
			fmt.Fprintf(&b, "\n## %s\n\n| Setting | Default | What it is for |\n| --- | --- | --- |\n", section)
		}
		fallback := "–"
		if row.Default != "" {
			fallback = "`" + row.Default + "`"
		}
		doc := row.Doc + notes(row)
		if row.Example != "" {
			doc += " Example: `" + row.Example + "`."
		}
		if what, command, found := strings.Cut(row.HowTo, ": "); found {
			doc += " " + what + ": `" + command + "`."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", row.Name, fallback, strings.ReplaceAll(doc, "|", `\|`))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks text into lines of at most width characters where it has spaces.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
