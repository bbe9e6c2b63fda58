package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"

	"github.com/branchline/branchline/internal/login"
)

// Command says for which command the settings are read. It decides what has to
// be there and which defaults hold.
type Command string

// The commands that read settings.
const (
	Serve   Command = "serve"
	Dev     Command = "dev"
	Migrate Command = "migrate"
)

// Source is where settings come from.
type Source struct {
	Environ []string // NAME=value, as os.Environ returns it
	File    string   // a file of NAME=value lines; none where empty or where no such file exists
	// CheckKeys says what is wrong with a key ring, without repeating it. Nil
	// leaves the ring unchecked.
	CheckKeys func(ring string) error
}

// Loaded is what Load found.
type Loaded struct {
	Settings
	// Warnings are sentences for the operator, such as one about a name that is
	// no setting.
	Warnings []string
	// From says for each setting that was given where: "environment" or the
	// file's name. Others have their default.
	From map[string]string
}

// Problem is one thing that is wrong with the settings.
type Problem struct {
	Name string // the variable
	Text string // what is wrong and what is right, to be read after the name; no full stop
}

// Problems is everything that is wrong with the settings.
type Problems []Problem

// Error returns one sentence for each problem, each on a line of its own.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Name + " " + one.Text + "."
	}
	return strings.Join(lines, "\n")
}

// Load reads the settings for a command and checks them. Where something is
// wrong it returns Problems beside what it could read, or another error where
// the file cannot be read.
func Load(command Command, from Source) (Loaded, error) {
	file, err := readFile(from.File)
	if err != nil {
		return Loaded{}, err
	}
	given := maps.Clone(file)
	origin := map[string]string{}
	for name := range file {
		origin[name] = from.File
	}
	for _, entry := range from.Environ {
		// An empty variable is the same as none, so it does not hide the file's.
		if name, value, found := strings.Cut(entry, "="); found && value != "" {
			given[name], origin[name] = value, "environment"
		}
	}

	l := Loaded{Warnings: unknownNames(given, origin), From: map[string]string{}}
	rows := Describe()
	for _, row := range rows {
		given[row.Name] = strings.TrimSpace(given[row.Name])
		switch {
		case given[row.Name] != "":
			l.From[row.Name] = origin[row.Name]
		case command == Dev:
			given[row.Name] = row.DevDefault
		}
	}
	problems := parse(&l.Settings, given)
	l.fillIn()
	for _, row := range rows {
		if given[row.Name] == "" && slices.Contains(row.NeededBy, string(command)) {
			problems = append(problems, Problem{row.Name, missing(row)})
		}
	}
	wrong := map[string]bool{} // what could not be read is not compared with anything
	for _, p := range problems {
		wrong[p.Name] = true
	}
	problems = append(problems, l.check(wrong, from.CheckKeys)...)
	if len(problems) > 0 {
		slices.SortStableFunc(problems, func(a, b Problem) int { return index(rows, a.Name) - index(rows, b.Name) })
		return l, problems
	}
	return l, nil
}

func index(rows []Row, name string) int {
	return slices.IndexFunc(rows, func(row Row) bool { return row.Name == name })
}

func missing(row Row) string {
	if row.HowTo != "" {
		return "is not set. " + row.HowTo
	}
	return "is not set. Write it like " + row.Example
}

// readFile reads a file of NAME=value lines. Its errors never repeat what the
// file holds, because it holds secrets.
func readFile(name string) (map[string]string, error) {
	if name == "" {
		return map[string]string{}, nil
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	defer file.Close()
	values, err := godotenv.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("read the settings: %s has a line that is not NAME=value, or a quote that does not end", name)
	}
	return values, nil
}

// parse sets the fields of s from the values given. Fields without a value get
// their default.
func parse(s *Settings, given map[string]string) Problems {
	err := env.ParseWithOptions(s, env.Options{
		Environment: given,
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[time.Duration]():  func(text string) (any, error) { return ParseDuration(text) },
			reflect.TypeFor[bool]():           parseSwitch,
			reflect.TypeFor[login.Preset]():   parsePreset,
			reflect.TypeFor[[]netip.Prefix](): parsePrefixes,
			reflect.TypeFor[[]Origin]():       parseOrigins,
		},
	})
	if err == nil {
		return nil
	}
	names := map[string]string{} // field to variable; a test keeps fields unique
	each(reflect.ValueOf(*s), func(row Row, _ reflect.Value, field string) {
		_, field, _ = strings.Cut(field, ".")
		names[field] = row.Name
	})
	var problems Problems
	var all env.AggregateError
	if !errors.As(err, &all) {
		all.Errors = []error{err}
	}
	for _, err := range all.Errors {
		parseError, ok := errors.AsType[env.ParseError](err)
		if !ok {
			problems = append(problems, Problem{"The settings", "cannot be read: " + err.Error()})
			continue
		}
		name := names[parseError.Name]
		text := parseError.Err.Error()
		if _, ok := errors.AsType[*strconv.NumError](parseError.Err); ok {
			text = fmt.Sprintf("is %q. Write a whole number", given[name])
		}
		if parseError.Name == "Level" {
			text = fmt.Sprintf("is %q. Choose debug, info, warn or error", given[name])
		}
		problems = append(problems, Problem{name, text})
	}
	return problems
}

// off is the word that turns off what has a default.
const off = "off"

// fillIn sets what follows from other settings.
func (s *Settings) fillIn() {
	if s.Server.PublicURL == "" {
		if port, ok := port(s.Server.Address); ok {
			_ = s.Server.PublicURL.UnmarshalText([]byte("http://localhost:" + port)) // of a port nothing can be wrong here
		}
	}
	if s.Server.MetricsAddress == off {
		s.Server.MetricsAddress = ""
	}
}

// orchestrated matches what Kubernetes and Docker put into the environment of
// every container beside a service named branchline.
var orchestrated = regexp.MustCompile(`^BRANCHLINE_(\w+_)?(SERVICE_(HOST|PORT)(_\w+)?|PORT|PORT_\d+_(TCP|UDP)(_\w+)?|NAME|ENV_\w+)$`)

// elsewhere are names that belong to other parts of the project.
var elsewhere = []string{"BRANCHLINE_HIDE_POSTGRES"} // internal/devdb, for its tests

// unknownNames warns of names that look like settings and are none. It only
// warns: a deployment may carry a setting of the program's next version.
func unknownNames(given, origin map[string]string) []string {
	rows := Describe()
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !strings.HasPrefix(name, "BRANCHLINE_") || index(rows, name) >= 0 || orchestrated.MatchString(name) || slices.Contains(elsewhere, name) {
			continue
		}
		warning := fmt.Sprintf("%s (from: %s) is no setting and is not read.", name, origin[name])
		if near := nearest(name, rows); near != "" {
			warning += " Did you mean " + near + "?"
		}
		warnings = append(warnings, warning)
	}
	return warnings
}

// nearest returns the known name that is fewest edits away from name, or "" when
// none is near enough to be meant.
func nearest(name string, rows []Row) string {
	best, fewest := "", len("BRANCHLINE_")/3+max(0, len(name)-len("BRANCHLINE_"))/3
	for _, row := range rows {
		if n := edits(name, row.Name); n <= fewest && (best == "" || n < fewest) {
			best, fewest = row.Name, n
		}
	}
	return best
}

// edits returns how many letters have to be added, removed or replaced to turn a
// into b (Levenshtein's distance).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
