package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/branchline/branchline/internal/fault"
)

// GraphFormat names the JSON in which graphs and trees are written. A change
// that old readers would misread gets a new number.
const GraphFormat = "branchline-tree/1"

// File is what a file says about a tree.
type File struct {
	Title       string
	Description string
	Tags        []string
	Graph       Graph
}

// ParseFile reads a file of that format. A file with errors has problems that
// say so, with line and column; what was read of it is of no use then. Only an
// unknown format is a fault, BadUserInput.
func ParseFile(format FileFormat, content string) (File, []Problem, error) {
	switch format {
	case MarkdownFile:
		file, problems := ParseMarkdown(content)
		return file, problems, nil
	case JSONFile:
		file, problems := ParseJSON(content)
		return file, problems, nil
	}
	return File{}, nil, fault.Input("input.format", "There is no file format %q.", format)
}

// check finds the problems of all that the file says.
func (f *File) check() []Problem {
	problems := Check(f.Title, f.Graph)
	add := func(path string, err error) {
		if refused := fault.Of(err); refused != nil {
			problems = append(problems, Problem{Code: InvalidText, Severity: Error, Path: path, Message: refused.Message})
		}
	}
	_, err := cleanText("", f.Description, MaxDescription)
	add("description", err)
	_, err = cleanTags("", f.Tags)
	add("tags", err)
	return problems
}

// The JSON of a file. Fields that are empty are left out.
type (
	fileJSON struct {
		Format      string     `json:"format"`
		Title       string     `json:"title,omitempty"`
		Description string     `json:"description,omitempty"`
		Tags        []string   `json:"tags,omitempty"`
		Root        NodeID     `json:"root"`
		Nodes       []nodeJSON `json:"nodes"`
	}
	nodeJSON struct {
		ID        NodeID       `json:"id"`
		Kind      Kind         `json:"kind"`
		Title     string       `json:"title"`
		Text      string       `json:"text,omitempty"`
		Commands  []string     `json:"commands,omitempty"`
		Expected  string       `json:"expected,omitempty"`
		Options   []optionJSON `json:"options,omitempty"`
		Fields    []fieldJSON  `json:"fields,omitempty"`
		Tree      ID           `json:"tree,omitzero"`
		Version   int          `json:"version,omitempty"`
		Next      NodeID       `json:"next,omitempty"`
		Branches  []branchJSON `json:"branches,omitempty"`
		Outcome   Outcome      `json:"outcome,omitempty"`
		FollowUps []string     `json:"followUps,omitempty"`
		Continue  bool         `json:"continue,omitempty"`
		Links     []linkJSON   `json:"links,omitempty"`
	}
	fieldJSON struct {
		Name      string    `json:"name"`
		Label     string    `json:"label"`
		Type      FieldType `json:"type"`
		Required  bool      `json:"required,omitempty"`
		Pattern   string    `json:"pattern,omitempty"`
		Choices   []string  `json:"choices,omitempty"`
		Sensitive bool      `json:"sensitive,omitempty"`
	}
	branchJSON struct {
		Name   string `json:"name"`
		Test   Test   `json:"test"`
		Value  string `json:"value,omitempty"`
		Target NodeID `json:"target"`
	}
	optionJSON struct {
		ID     OptionID `json:"id"`
		Label  string   `json:"label"`
		Key    string   `json:"key,omitempty"`
		Target NodeID   `json:"target"`
	}
	linkJSON struct {
		Title string `json:"title"`
		URL   string `json:"url"`
	}
)

// EncodeGraph returns the graph as JSON of the format GraphFormat, on one line.
func EncodeGraph(g Graph) []byte {
	return mustEncode(fileJSON{Format: GraphFormat, Root: g.Root, Nodes: toJSON(g.Nodes)}, "")
}

// EncodeJSON returns the file as JSON of the format GraphFormat, indented for
// people. ParseJSON reads it back exactly.
func EncodeJSON(f File) []byte {
	return mustEncode(fileJSON{
		Format: GraphFormat, Title: f.Title, Description: f.Description, Tags: f.Tags,
		Root: f.Graph.Root, Nodes: toJSON(f.Graph.Nodes),
	}, "  ")
}

func mustEncode(f fileJSON, indent string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(f); err != nil {
		panic(fmt.Errorf("tree: strings and lists cannot be written as JSON: %w", err))
	}
	return b.Bytes()
}

func toJSON(nodes []Node) []nodeJSON {
	list := make([]nodeJSON, len(nodes))
	for i, n := range nodes {
		list[i] = nodeJSON{
			ID: n.ID, Kind: n.Kind, Title: n.Title, Text: n.Text, Commands: n.Commands, Expected: n.Expected,
			Tree: n.Tree, Version: n.Version, Next: n.Next, Outcome: n.Outcome, FollowUps: n.FollowUps, Continue: n.Continue,
		}
		for _, f := range n.Fields {
			list[i].Fields = append(list[i].Fields, fieldJSON(f))
		}
		for _, b := range n.Branches {
			list[i].Branches = append(list[i].Branches, branchJSON(b))
		}
		for _, o := range n.Options {
			list[i].Options = append(list[i].Options, optionJSON(o))
		}
		for _, l := range n.Links {
			list[i].Links = append(list[i].Links, linkJSON(l))
		}
	}
	return list
}

// DecodeGraph reads what EncodeGraph wrote. It is for the store, which holds
// nothing else; files that people send go through ParseJSON.
func DecodeGraph(data []byte) (*Graph, error) {
	var f fileJSON
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("decode a tree's graph: %w", err)
	}
	if f.Format != GraphFormat {
		return nil, fmt.Errorf("decode a tree's graph: it has the format %q, not %q", f.Format, GraphFormat)
	}
	g := &Graph{Root: f.Root, Nodes: make([]Node, len(f.Nodes))}
	for i, n := range f.Nodes {
		g.Nodes[i] = n.node()
	}
	return g, nil
}

// DecodeNode reads one node as it stands in what EncodeGraph wrote.
func DecodeNode(data []byte) (*Node, error) {
	var n nodeJSON
	if err := json.Unmarshal(data, &n); err != nil {
		return nil, fmt.Errorf("decode a tree's node: %w", err)
	}
	node := n.node()
	return &node, nil
}

func (n *nodeJSON) node() Node {
	node := Node{
		ID: n.ID, Kind: n.Kind, Title: n.Title, Text: n.Text, Commands: n.Commands, Expected: n.Expected,
		Tree: n.Tree, Version: n.Version, Next: n.Next, Outcome: n.Outcome, FollowUps: n.FollowUps, Continue: n.Continue,
	}
	for _, f := range n.Fields {
		node.Fields = append(node.Fields, Field(f))
	}
	for _, b := range n.Branches {
		node.Branches = append(node.Branches, Branch(b))
	}
	for _, o := range n.Options {
		node.Options = append(node.Options, Option(o))
	}
	for _, l := range n.Links {
		node.Links = append(node.Links, Link(l))
	}
	return node
}

// ParseJSON reads a tree from JSON of the format GraphFormat. It is strict:
// unknown, repeated and missing members and values of the wrong type are errors,
// each with line and column, as is all that Validate finds.
func ParseJSON(content string) (File, []Problem) {
	p := newJSONParser(content)
	if p.refuse() {
		return File{}, p.problems
	}
	var f File
	if p.file(&f) {
		return f, p.located(append(p.problems, f.check()...))
	}
	return f, p.problems
}

// maxFileProblems bounds how many problems of one file are listed: whoever gets
// a hundred mends the first ones and tries again.
const maxFileProblems = 100

// source is a file's text and where the parts of the graph stand in it.
type source struct {
	text     string
	problems []Problem
	places   map[string]int // path -> offset
	lines    []int          // offsets of the lines' beginnings
}

func newSource(text string) source {
	s := source{text: text, places: map[string]int{}, lines: []int{0}}
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// refuse adds a problem for a text that is not looked at any further.
func (s *source) refuse() bool {
	if len(s.text) > MaxGraphBytes {
		s.problems = append(s.problems, Problem{Code: TooLarge, Severity: Error, Line: 1, Column: 1, Message: fmt.Sprintf("The file is larger than %d KiB. Split it into several trees.", MaxGraphBytes>>10)})
		return true
	}
	if !utf8.ValidString(s.text) {
		bad := 0
		for bad < len(s.text) {
			r, size := utf8.DecodeRuneInString(s.text[bad:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			bad += size
		}
		s.problem(InvalidText, bad, "The file is not in UTF-8. Save it in that encoding.")
		return true
	}
	if nul := strings.IndexByte(s.text, 0); nul >= 0 {
		s.problem(InvalidText, nul, "The file holds a NUL character. Remove it.")
		return true
	}
	return false
}

// problem adds an error at an offset.
func (s *source) problem(code ProblemCode, offset int, format string, args ...any) {
	line, column := s.position(offset)
	s.problems = append(s.problems, Problem{Code: code, Severity: Error, Message: fmt.Sprintf(format, args...), Line: line, Column: column})
}

// full says whether so many problems were found that reading on is no use.
func (s *source) full() bool { return len(s.problems) >= maxFileProblems }

// position returns the line and the column, in characters, of an offset.
func (s *source) position(offset int) (line, column int) {
	offset = min(offset, len(s.text))
	low, high := 0, len(s.lines)
	for high-low > 1 {
		if mid := (low + high) / 2; s.lines[mid] <= offset {
			low = mid
		} else {
			high = mid
		}
	}
	return low + 1, utf8.RuneCountInString(s.text[s.lines[low]:offset]) + 1
}

// located gives each problem that lacks it the line and column of its path or
// of the nearest part around it, puts errors first, and bounds their number.
func (s *source) located(problems []Problem) []Problem {
	for i := range problems {
		p := &problems[i]
		if p.Line != 0 {
			continue
		}
		offset, found := 0, false
		for path := p.Path; path != "" && !found; path = parentPath(path) {
			offset, found = s.places[path], s.has(path)
		}
		p.Line, p.Column = s.position(offset)
	}
	problems = sortProblems(problems)
	return problems[:min(len(problems), maxFileProblems)]
}

func (s *source) has(path string) bool {
	_, found := s.places[path]
	return found
}

// parentPath returns the path of the part around: "nodes[3].title" -> "nodes[3]" -> "nodes".
func parentPath(path string) string {
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return ""
}

type jsonParser struct {
	source
	dec *json.Decoder
	at  int // where the token that was read last begins
}

func newJSONParser(text string) *jsonParser {
	p := &jsonParser{source: newSource(text), dec: json.NewDecoder(strings.NewReader(text))}
	p.dec.UseNumber()
	return p
}

// errSyntax ends the reading of a file that is no JSON; the problem was added.
var errSyntax = errors.New("syntax")

// next reads a token. It panics with errSyntax where there is none; whole
// recovers from that.
func (p *jsonParser) next() json.Token {
	from := int(p.dec.InputOffset())
	token, err := p.dec.Token()
	for from < len(p.text) && strings.IndexByte(" \t\r\n,:", p.text[from]) >= 0 {
		from++
	}
	p.at = from
	if err == nil {
		return token
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		p.problem(Syntax, len(p.text), "The file ends too early. Close what is open.")
	} else {
		// The decoder's own offset is within the value that it was reading.
		p.problem(Syntax, from, "This is no JSON: %s.", err.Error())
	}
	panic(errSyntax)
}

// file reads the whole file and says whether it could be read at all.
func (p *jsonParser) file(f *File) (readable bool) {
	members := map[string]func(path string){
		"format": func(string) {
			if text, ok := p.str("format"); ok && text != GraphFormat {
				p.problem(Syntax, p.at, "This file has the format %q. Files of the format %q can be read.", text, GraphFormat)
			}
		},
		"title":       p.into(&f.Title),
		"description": p.into(&f.Description),
		"tags":        p.strings(&f.Tags),
		"root":        func(path string) { p.into((*string)(&f.Graph.Root))(path) },
		"nodes": p.list(func(path string) {
			var n Node
			if p.node(path, &n) && len(f.Graph.Nodes) <= MaxNodes {
				f.Graph.Nodes = append(f.Graph.Nodes, n)
			}
		}),
	}
	return p.whole(members, "format", "root", "nodes")
}

// whole reads an object with nothing behind it and says whether it could be read
// without a problem.
func (p *jsonParser) whole(members map[string]func(string), required ...string) (readable bool) {
	defer func() {
		if r := recover(); r != nil {
			if r != errSyntax {
				panic(r)
			}
			readable = false
		}
	}()
	p.members("", members, required...)
	end := p.text[p.dec.InputOffset():]
	if rest := strings.TrimLeft(end, " \t\r\n"); rest != "" {
		p.problem(Syntax, len(p.text)-len(rest), "Something follows the end of the tree. Remove it.")
	}
	return !HasErrors(p.problems)
}

// members reads an object; see object.
func (p *jsonParser) members(path string, members map[string]func(string), required ...string) bool {
	return p.object(p.next(), path, members, required...)
}

func (p *jsonParser) node(path string, n *Node) bool {
	return p.members(path, p.nodeMembers(n), "id", "kind", "title")
}

// nodeMembers returns readers of a node's members.
func (p *jsonParser) nodeMembers(n *Node) map[string]func(string) {
	return map[string]func(string){
		"id":       p.into((*string)(&n.ID)),
		"kind":     p.into((*string)(&n.Kind)),
		"title":    p.into(&n.Title),
		"text":     p.into(&n.Text),
		"commands": p.strings(&n.Commands),
		"expected": p.into(&n.Expected),
		"options": p.list(func(path string) {
			var o Option
			if p.members(path, map[string]func(string){
				"id":     p.into((*string)(&o.ID)),
				"label":  p.into(&o.Label),
				"key":    p.into(&o.Key),
				"target": p.into((*string)(&o.Target)),
			}, "id", "label", "target") {
				n.Options = append(n.Options, o)
			}
		}),
		"fields": p.list(func(path string) {
			var f Field
			if p.members(path, map[string]func(string){
				"name":      p.into(&f.Name),
				"label":     p.into(&f.Label),
				"type":      p.into((*string)(&f.Type)),
				"required":  p.flag(&f.Required),
				"pattern":   p.into(&f.Pattern),
				"choices":   p.strings(&f.Choices),
				"sensitive": p.flag(&f.Sensitive),
			}, "name", "label", "type") {
				n.Fields = append(n.Fields, f)
			}
		}),
		"tree":    p.treeID(&n.Tree),
		"version": p.number(&n.Version),
		"next":    p.into((*string)(&n.Next)),
		"branches": p.list(func(path string) {
			var b Branch
			if p.members(path, map[string]func(string){
				"name":   p.into(&b.Name),
				"test":   p.into((*string)(&b.Test)),
				"value":  p.into(&b.Value),
				"target": p.into((*string)(&b.Target)),
			}, "name", "test", "target") {
				n.Branches = append(n.Branches, b)
			}
		}),
		"outcome":   p.into((*string)(&n.Outcome)),
		"followUps": p.strings(&n.FollowUps),
		"continue":  p.flag(&n.Continue),
		"links": p.list(func(path string) {
			var l Link
			if p.members(path, map[string]func(string){
				"title": p.into(&l.Title),
				"url":   p.into(&l.URL),
			}, "title", "url") {
				n.Links = append(n.Links, l)
			}
		}),
	}
}

// object reads the members of an object whose first token is given and says
// whether it was one. Where each member's value begins is kept by its path.
func (p *jsonParser) object(first json.Token, path string, members map[string]func(string), required ...string) bool {
	begin := p.at
	if path != "" {
		p.places[path] = begin
	}
	if first != json.Delim('{') {
		p.problem(Syntax, begin, "An object in braces has to stand here.")
		p.skip(first)
		return false
	}
	seen := map[string]bool{}
	for p.dec.More() && !p.full() {
		name, _ := p.next().(string) // a member's name is a string, or next has panicked
		read, known := members[name]
		switch {
		case !known:
			p.problem(UnknownField, p.at, "There is no member %q here. Remove it, or correct its name.", clip(name))
			p.skip(p.next())
			continue
		case seen[name]:
			p.problem(Syntax, p.at, "The member %q stands here twice. Remove one of them.", name)
		}
		seen[name] = true
		child := name
		if path != "" {
			child = path + "." + name
		}
		read(child)
	}
	if p.full() {
		panic(errSyntax)
	}
	p.next() // the closing brace
	for _, name := range required {
		if !seen[name] {
			p.problem(Syntax, begin, "The member %q is missing here. Add it.", name)
		}
	}
	return true
}

// into returns a reader of a string.
func (p *jsonParser) into(to *string) func(string) {
	return func(path string) {
		if text, ok := p.str(path); ok {
			*to = text
		}
	}
}

func (p *jsonParser) str(path string) (string, bool) {
	token := p.next()
	p.places[path] = p.at
	text, ok := token.(string)
	if !ok {
		p.problem(Syntax, p.at, "A text in quotation marks has to stand here.")
		p.skip(token)
	}
	return text, ok
}

// flag returns a reader of true or false.
func (p *jsonParser) flag(to *bool) func(string) {
	return func(path string) {
		token := p.next()
		p.places[path] = p.at
		value, ok := token.(bool)
		if !ok {
			p.problem(Syntax, p.at, "The word true or false has to stand here, without quotation marks.")
			p.skip(token)
		}
		*to = value
	}
}

// number returns a reader of a whole number.
func (p *jsonParser) number(to *int) func(string) {
	return func(path string) {
		token := p.next()
		p.places[path] = p.at
		text, _ := token.(json.Number)
		value, err := strconv.ParseInt(text.String(), 10, 32)
		if err != nil {
			p.problem(Syntax, p.at, "A whole number has to stand here.")
			p.skip(token)
		}
		*to = int(value)
	}
}

// treeID returns a reader of a tree's id; an empty text is none.
func (p *jsonParser) treeID(to *ID) func(string) {
	return func(path string) {
		text, ok := p.str(path)
		if !ok || text == "" {
			return
		}
		if err := to.UnmarshalText([]byte(text)); err != nil {
			p.problem(InvalidID, p.at, "%s", fault.Of(err).Message)
		}
	}
}

// list returns a reader of a list whose elements each reads.
func (p *jsonParser) list(each func(path string)) func(string) {
	return func(path string) {
		first := p.next()
		p.places[path] = p.at
		if first != json.Delim('[') {
			p.problem(Syntax, p.at, "A list in brackets has to stand here.")
			p.skip(first)
			return
		}
		for i := 0; p.dec.More(); i++ {
			each(path + "[" + strconv.Itoa(i) + "]")
			if p.full() {
				panic(errSyntax)
			}
		}
		p.next() // the closing bracket
	}
}

func (p *jsonParser) strings(to *[]string) func(string) {
	return p.list(func(path string) {
		if text, ok := p.str(path); ok {
			*to = append(*to, text)
		}
	})
}

// skip reads past a value whose first token is given.
func (p *jsonParser) skip(first json.Token) {
	depth := 0
	for token := first; ; token = p.next() {
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth <= 0 {
			return
		}
	}
}

// clip shortens a text for a message.
func clip(s string) string {
	const limit = 60
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return s
}
