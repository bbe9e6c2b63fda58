package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

const (
	// manifestName is the file in an export's folder that says what the trees'
	// own files cannot.
	manifestName = "manifest.json"
	// manifestFormat changes when older programs would misread it.
	manifestFormat = "branchline-export/1"
	// maxManifest bounds what is read: 10,000 trees take a few MiB.
	maxManifest = 64 << 20
)

// manifest describes the files of an export.
type manifest struct {
	Format     string          `json:"format"`
	Account    manifestAccount `json:"account"`
	ExportedAt time.Time       `json:"exportedAt"`
	Categories []string        `json:"categories"` // in the account's order
	Trees      []listed        `json:"trees"`
}

type manifestAccount struct {
	ID   account.ID `json:"id"`
	Name string     `json:"name"`
}

// listed is what a manifest says of a tree.
type listed struct {
	ID       tree.ID     `json:"id"`
	File     string      `json:"file"` // in the manifest's folder
	Title    string      `json:"title"`
	Status   tree.Status `json:"status"`
	Version  int         `json:"version"`          // that the file holds; 0 is the draft
	Latest   int         `json:"latest,omitempty"` // version of the tree; 0 where none was ever published
	Category string      `json:"category,omitempty"`
	Owner    person      `json:"owner"`
	Tags     []string    `json:"tags"`
	ReviewBy string      `json:"reviewBy,omitempty"` // a day, such as 2026-11-23
}

type person struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

// reviewBy returns the review date; zero where there is none. check refuses others.
func (l *listed) reviewBy() time.Time {
	day, _ := time.Parse(time.DateOnly, l.ReviewBy)
	return day
}

// positioned is what is wrong with a file, and where.
type positioned struct {
	path         string
	line, column int
	warning      bool
	message      string
}

// String writes it as compilers do, so that editors jump there.
func (p positioned) String() string {
	word := ""
	if p.warning {
		word = "warning: "
	}
	return fmt.Sprintf("%s:%d:%d: %s%s", printable(p.path), p.line, p.column, word, p.message)
}

// readManifest reads the manifest of a folder. It is nil where there is none.
// What is wrong with it comes back as problems.
func readManifest(folder string) (*manifest, []positioned, error) {
	path := filepath.Join(folder, manifestName)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the manifest: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxManifest))
	if err != nil {
		return nil, nil, fmt.Errorf("read the manifest: %w", err)
	}
	m, problems := parseManifest(path, text)
	return m, problems, nil
}

func parseManifest(path string, text []byte) (*manifest, []positioned) {
	m := new(manifest)
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(m); err != nil {
		offset := dec.InputOffset()
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			offset = syntax.Offset
		} else if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			offset = wrong.Offset
		}
		line, column := lineColumn(string(text), int(offset))
		message := sentence(errors.New(strings.TrimPrefix(err.Error(), "json: ")))
		return nil, []positioned{{path: path, line: line, column: column, message: "This manifest cannot be read. " + message}}
	}
	return m, m.check(path, string(text))
}

func (m *manifest) check(path, text string) []positioned {
	var problems []positioned
	add := func(near, format string, args ...any) {
		line, column := lineColumn(text, max(0, strings.Index(text, near)))
		problems = append(problems, positioned{path: path, line: line, column: column, message: fmt.Sprintf(format, args...)})
	}
	if m.Format != manifestFormat {
		add(`"format"`, "This manifest has the format %q. Manifests of the format %q can be read.", m.Format, manifestFormat)
		return problems
	}
	ids, files := map[tree.ID]bool{}, map[string]bool{}
	for i := range m.Trees {
		l := &m.Trees[i]
		id, file := l.ID.String(), quoted(l.File)
		switch {
		case l.ID.IsZero():
			add(file, "The tree in %s has no id. Add it.", l.File)
		case ids[l.ID]:
			add(id, "The tree %s stands here twice. Remove one of them.", id)
		}
		switch {
		case l.File == "" || l.File != filepath.Base(l.File) || l.File == "." || l.File == "..":
			add(file, "%q is no name of a file in this folder. Correct it.", l.File)
		case files[l.File]:
			add(file, "The file %s stands here twice. Remove one of them.", l.File)
		}
		if !l.Status.Valid() {
			add(id, "The tree %s has the status %q. Write DRAFT, PUBLISHED or ARCHIVED.", id, l.Status)
		}
		if _, err := time.Parse(time.DateOnly, l.ReviewBy); err != nil && l.ReviewBy != "" {
			add(id, "The tree %s has the review date %q. Write it like 2026-11-23.", id, l.ReviewBy)
		}
		if utf8.RuneCountInString(l.Category) > tree.MaxCategory {
			add(id, "The category of %s is longer than %d characters. Shorten it.", id, tree.MaxCategory)
		}
		ids[l.ID], files[l.File] = true, true
	}
	return problems
}

// encode returns the manifest as a file, indented for people.
func (m *manifest) encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	return b.Bytes(), nil
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // texts can always be written
	}
	return string(b)
}

// lineColumn returns the line and the column, in characters, of an offset.
func lineColumn(text string, offset int) (line, column int) {
	before := text[:min(max(offset, 0), len(text))]
	begin := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[begin:]) + 1
}

// fileOfTree matches the names that an export gives: a slug of the title, the id,
// and the ending of the format.
var fileOfTree = regexp.MustCompile(`^(?:[a-z0-9-]+-)?(tree_[0-9a-z]{26})\.(json|md|mmd)$`)

// idInName returns the id that a file's name ends with; zero where it has none.
func idInName(name string) tree.ID {
	var id tree.ID
	if m := fileOfTree.FindStringSubmatch(name); m != nil {
		if err := id.UnmarshalText([]byte(m[1])); err != nil {
			return tree.ID{}
		}
	}
	return id
}

// fileName returns the name of a tree's file: people recognise the title, the id
// keeps it apart.
func fileName(title string, id tree.ID, ending string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(title) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		case r != '\'' && r != '’':
			gap = true
		}
		if b.Len() >= 60 {
			break
		}
	}
	if b.Len() > 0 {
		b.WriteByte('-')
	}
	return b.String() + id.String() + "." + ending
}
