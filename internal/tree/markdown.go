package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ParseMarkdown reads a tree from a Markdown outline, as a runbook is written:
//
//	# VPN does not connect
//
//	For staff who work from home.
//
//	Tags: vpn, remote work
//
//	## Does the client show an error code?
//
//	It stands at the foot of the window.
//
//	- 691 → Check the password
//	- `n` No → Is the line up?
//	  - Yes → Escalate: Call the network team
//	  - No → Resolved: The line was down
//
//	## Check the password
//
//	```
//	net user NAME /domain
//	```
//
//	Expected: the account is not locked.
//
//	→ Escalate: Call the network team
//
// The first heading is the title; what follows it is the description. Every
// further heading begins a node, the first one the root. A node that ends in a
// question mark is a decision, one that begins with "Resolved:", "Escalate:" or
// "Unresolved:" a solution, "Input:" an input, "Subtree:" a subtree, any other an
// action. A list item with an arrow is an
// option, a line that begins with one the way on; what the arrow points to is
// another node's title, or a link to its id, or, where lines set in under it say
// more or where it is a solution, a node of its own. docs/tree-markdown.md has
// the whole of it.
//
// Ids come from titles and labels, so that they stay the same when the file is
// edited elsewhere and read again. A file with errors has problems that say so,
// with line and column; what was read of it is of no use then.
func ParseMarkdown(content string) (File, []Problem) {
	p := newMarkdownParser(content)
	if p.refuse() {
		return File{}, p.problems
	}
	p.read()
	p.resolve()
	file := p.file()
	if HasErrors(p.problems) {
		// What the rules would say of half a tree helps nobody.
		return file, p.located(p.problems)
	}
	return file, p.located(append(p.problems, file.check()...))
}

func newMarkdownParser(content string) *markdownParser {
	return &markdownParser{source: newSource(content), named: map[string]*outlineNode{}, shared: map[string]bool{}}
}

type markdownParser struct {
	source
	title       string
	titled      bool
	description []string
	tags        []string
	exact       exactFile
	nodes       []*outlineNode // in the file's order; those made in place too, once they are known to be nodes
	named       map[string]*outlineNode
	shared      map[string]bool // names that several nodes have

	open []place // the nodes that the present line may belong to, innermost last
	line lineOf
	// What the line before was, so that a line which goes on is joined to it.
	previous  *string // the text that a plain line continues; nil after a blank line
	blank     bool    // the line before was blank
	inItem    bool    // the line before belongs to a list item that is text
	fence     string  // the fence of the code block that is open, or ""
	fenceSet  int     // how far it is set in
	fenceAs   fenceUse
	fenceFrom int // the offset of the line behind it
}

// fenceUse says what a block of code is read as.
type fenceUse int

const (
	fenceText     fenceUse = iota // part of the text
	fenceCommands                 // commands, one on each line
	fenceCommand                  // one command
	fenceVerbatim                 // all of the text
	fenceMembers                  // members of the JSON format
)

// lineOf is one line of the file.
type lineOf struct {
	offset int    // of its beginning
	set    int    // columns that it is set in
	text   string // without white space around it
	at     int    // offset of text
}

// place is a node that lines may belong to, and how far they are set in at least.
type place struct {
	node *outlineNode // nil for the description
	set  int
}

// outlineNode is a node as the file says it.
type outlineNode struct {
	Node
	id       string // as the file gives it; empty if it comes from the title
	offset   int
	text     []string
	textAt   int
	ways     []*outlineWay
	made     bool // by a heading, or in place with lines of its own
	commands []int
	follow   []int
	links    []int
	expected int
	fields   []*outlineField
	exact    exactNode
}

// outlineField is a field of an input as the file says it.
type outlineField struct {
	text   string // behind the list item's mark
	offset int
}

// outlineWay is an option or the way on.
type outlineWay struct {
	label   string
	key     string
	next    bool
	branch  *Branch // nil of an option and the way on
	target  string  // as written
	offset  int     // of the line's text
	targetO int     // of the target
	inPlace *outlineNode
	to      *outlineNode
}

// maxJoined bounds, in bytes, a text that is put together from lines. It is more
// than any such text may have in characters, so that Validate refuses what was
// cut off here.
const maxJoined = 4*MaxExpected + 100

var (
	arrow    = regexp.MustCompile(`(?:^|[ \t])(→|->|=>)(?:[ \t]+|$)`)
	bullet   = regexp.MustCompile(`^[-*+][ \t]+`)
	explicit = regexp.MustCompile(`[ \t]*\{(?:#([A-Za-z0-9_-]{1,64}))?[ \t]*(?:\.(decision|action|input|subtree|resolved|escalated|unresolved))?\}$`)
	optionID = regexp.MustCompile(`[ \t]*\{#([A-Za-z0-9_-]{1,64})\}$`)
	asks     = regexp.MustCompile("^`[^`]*`([ \t]|$)")
	treeLine = regexp.MustCompile(`^(?i:tree):[ \t]*(?:\[[^\]]*\]\()?(tree_[0-9a-z]{26})\)?(?:,[ \t]*version[ \t]+([0-9]{1,9}))?$`)
	linked   = regexp.MustCompile(`^\[[^\]]*\]\(#([A-Za-z0-9_-]{1,64})\)$`)
	keyed    = regexp.MustCompile("^`([a-z0-9])`[ \t]+")
	seeAlso  = regexp.MustCompile(`^\[([^\]]+)\]\(([^()\s]+)\)$`)
	ending   = regexp.MustCompile(`[ \t]+#+$`)
)

func (p *markdownParser) read() {
	p.open = []place{{set: -1}}
	for i, begin := range p.lines {
		end := len(p.text)
		if i+1 < len(p.lines) {
			end = p.lines[i+1]
		}
		raw := strings.TrimRight(p.text[begin:end], " \t\r\n")
		p.line = lineOf{offset: begin, text: strings.TrimLeft(raw, " \t"), at: begin}
		for _, c := range raw[:len(raw)-len(p.line.text)] {
			p.line.set++
			if c == '\t' {
				p.line.set = (p.line.set + 3) / 4 * 4
			}
		}
		p.line.at = begin + len(raw) - len(p.line.text)
		p.readLine()
		if p.full() || len(p.nodes) > MaxNodes {
			break
		}
	}
	if p.fence != "" {
		p.problem(Syntax, len(p.text), "A block of code is still open at the end of the file. Close it with %s.", p.fence)
	}
	if !p.titled && !p.full() {
		p.problem(Syntax, 0, "The file has no title. Begin it with a line like: # VPN does not connect")
	}
}

func (p *markdownParser) readLine() {
	l := &p.line
	switch {
	case p.fence != "":
		p.inFence()
		return
	case l.text == "":
		p.blank, p.inItem, p.previous = true, false, nil
		return
	}
	if level := headingLevel(l.text); level > 0 && l.set < 4 {
		p.heading(level)
		return
	}
	if l.text == "---" || l.text == "***" || l.text == "___" {
		p.blank, p.inItem, p.previous = true, false, nil
		return
	}
	isBullet := bullet.MatchString(l.text)
	isFence := strings.HasPrefix(l.text, "```") || strings.HasPrefix(l.text, "~~~")
	arrowAt := arrow.FindStringSubmatchIndex(l.text)
	isWay := arrowAt != nil && (isBullet || arrowAt[2] == 0)
	if p.previous != nil && !isBullet && !isFence && !isWay && fieldOf(l.text) == "" {
		if len(*p.previous) < maxJoined {
			*p.previous += " " + l.text
		}
		return
	}
	for len(p.open) > 1 && l.set <= p.open[len(p.open)-1].set {
		p.open = p.open[:len(p.open)-1]
	}
	node := p.open[len(p.open)-1].node
	p.settle(node)
	p.previous = nil
	switch {
	case isFence:
		p.openFence(node)
	case node == nil:
		p.preamble(isBullet)
	case isWay && node.Kind != Solution:
		p.way(node, isBullet, arrowAt)
	case isWay && !isBullet && strings.EqualFold(l.text[arrowAt[1]:], "continue"):
		node.Continue = true
	case isBullet && node.Kind == Input && asks.MatchString(strings.TrimSpace(bullet.ReplaceAllString(l.text, ""))):
		field := &outlineField{text: strings.TrimSpace(bullet.ReplaceAllString(l.text, "")), offset: l.at}
		node.fields = append(node.fields, field)
		p.previous = &field.text
	case isBullet && node.Kind == Solution:
		node.FollowUps = append(node.FollowUps, strings.TrimSpace(bullet.ReplaceAllString(l.text, "")))
		node.follow = append(node.follow, l.at)
		p.previous = &node.FollowUps[len(node.FollowUps)-1]
	default:
		if p.inItem && !isBullet && arrowAt != nil && node.Kind == Decision {
			p.problem(Syntax, l.at, "The arrow of an option has to stand on the first line of its list item. Move it there.")
		}
		item := isBullet || p.inItem
		p.plain(node)
		p.inItem, p.blank = item, false
		return
	}
	p.inItem, p.blank = false, false
}

// headingLevel returns how many # begin a heading, or 0.
func headingLevel(text string) int {
	level := len(text) - len(strings.TrimLeft(text, "#"))
	if level > 6 || level < len(text) && text[level] != ' ' && text[level] != '\t' {
		return 0
	}
	return level
}

func (p *markdownParser) heading(level int) {
	l := &p.line
	p.previous, p.blank, p.inItem = nil, true, false
	text := strings.TrimSpace(ending.ReplaceAllString(strings.TrimSpace(l.text[level:]), ""))
	at := l.at + level
	if rest := l.text[level:]; rest != "" {
		at += len(rest) - len(strings.TrimLeft(rest, " \t"))
	}
	switch {
	case level == 1 && p.titled:
		p.problem(Syntax, l.at, "A file holds one tree, and its title stands above. Begin nodes with ##.")
	case level == 1:
		p.title, p.titled = text, true
		p.places["title"] = at
	case !p.titled:
		p.problem(Syntax, l.at, "The title is missing. Write it above, like: # VPN does not connect")
		p.titled = true
		fallthrough
	default:
		node := newOutlineNode(text, at)
		if node.Title == "" {
			p.problem(EmptyTitle, l.at, "This heading is empty. Say in a line what the node asks or does.")
		}
		p.make(node)
		p.open = []place{{node: node, set: -1}}
	}
}

// make adds a node that the file says something about.
func (p *markdownParser) make(node *outlineNode) {
	node.made = true
	p.nodes = append(p.nodes, node)
	for _, name := range node.names() {
		if first, found := p.named[name]; !found {
			p.named[name] = node
		} else if name == node.names()[0] && node.Title != "" && node.id != "" {
			p.shared[name] = true // links tell them apart
		} else if name == node.names()[0] && node.Title != "" {
			line, _ := p.position(first.offset)
			p.problem(Syntax, node.offset, "Line %d describes a node of this name already. Rename one of them, or write an id behind the title: {#id}", line)
		}
	}
}

// names returns what the node can be called by: its title with its outcome, its
// title, its id.
func (n *outlineNode) names() []string {
	names := []string{string(n.Outcome) + " " + titleKey(n.Title)}
	if n.Outcome != "" {
		names = append(names, " "+titleKey(n.Title))
	}
	if n.id != "" {
		names = append(names, "#"+n.id)
	}
	return names
}

// titleKey returns a title as references are compared with it: case, spacing,
// emphasis and a full stop aside.
func titleKey(title string) string {
	return strings.TrimRight(fold(emphasis.Replace(title)), ".!:;, ")
}

var emphasis = strings.NewReplacer("*", "", "`", "", "_", " ")

// newOutlineNode reads a title: its id, its outcome, and with them its kind.
func newOutlineNode(title string, offset int) *outlineNode {
	node := &outlineNode{offset: offset}
	class := ""
	if m := explicit.FindStringSubmatch(title); m != nil && m[1]+m[2] != "" {
		title = title[:len(title)-len(m[0])]
		node.id, class = m[1], m[2]
	}
	if class != "" {
		node.Title = strings.TrimSpace(title)
		switch kind := strings.ToUpper(class); kind {
		case string(Resolved), string(Escalated), string(Unresolved):
			node.Kind, node.Outcome = Solution, Outcome(kind)
		default:
			node.Kind = Kind(kind)
		}
		return node
	}
	if inner, ok := strings.CutPrefix(title, "**"); ok && strings.HasSuffix(inner, "**") {
		title = strings.TrimSuffix(inner, "**")
	}
	node.Kind = Action
	if word, rest, found := strings.Cut(title, ":"); found {
		switch strings.ToLower(strings.TrimSpace(word)) {
		case "resolved", "solved", "solution":
			node.Kind, node.Outcome = Solution, Resolved
		case "escalate", "escalated", "escalation":
			node.Kind, node.Outcome = Solution, Escalated
		case "unresolved":
			node.Kind, node.Outcome = Solution, Unresolved
		case "input":
			node.Kind = Input
		case "subtree":
			node.Kind = Subtree
		}
		if node.Kind != Action {
			title = strings.TrimSpace(rest)
		}
	}
	node.Title = strings.TrimSpace(title)
	if node.Kind == Action && (strings.HasSuffix(title, "?") || strings.HasSuffix(title, "？")) {
		node.Kind = Decision
	}
	return node
}

// preamble reads a line before the first node.
func (p *markdownParser) preamble(isBullet bool) {
	l := &p.line
	item := strings.TrimSpace(bullet.ReplaceAllString(l.text, ""))
	switch {
	case isBullet && p.titled && newOutlineNode(item, l.at).Kind == Decision:
		node := newOutlineNode(item, l.at+len(l.text)-len(item))
		p.make(node)
		p.open = append(p.open, place{node: node, set: l.set})
		p.previous = nil
	case fieldOf(l.text) == "tags":
		for tag := range strings.SplitSeq(l.text[len("tags:"):], ",") {
			if tag = strings.TrimSpace(tag); tag != "" {
				p.tags = append(p.tags, tag)
			}
		}
		p.places["tags"] = l.at
	default:
		if len(p.description) == 0 {
			p.places["description"] = l.at
		}
		if p.blank && len(p.description) > 0 {
			p.description = append(p.description, "")
		}
		p.description = append(p.description, strings.Repeat(" ", min(l.set, 12))+l.text)
	}
}

// fieldOf returns the lower case name of the field that the line sets, or "".
func fieldOf(text string) string {
	name, _, found := strings.Cut(text, ":")
	if name = strings.ToLower(name); found && (name == "tags" || name == "expected" || name == "see") {
		return name
	}
	return ""
}

// way reads an option or the way on. Lines that are set in further may describe
// what it leads to.
func (p *markdownParser) way(node *outlineNode, isBullet bool, arrowAt []int) {
	l := &p.line
	w := &outlineWay{offset: l.at, target: l.text[arrowAt[1]:], targetO: l.at + arrowAt[1]}
	if isBullet {
		label := strings.TrimSpace(bullet.ReplaceAllString(l.text[:arrowAt[0]], ""))
		if arrowAt[0] < len(bullet.FindString(l.text)) {
			label = ""
		}
		if m := keyed.FindStringSubmatch(label); m != nil {
			w.key, label = m[1], label[len(m[0]):]
		}
		w.label = label
		p.condition(node, w)
	} else {
		w.next = true
	}
	if w.next {
		if slices.ContainsFunc(node.ways, func(w *outlineWay) bool { return w.next }) {
			p.problem(Syntax, l.at, "This node has a way on already. Remove one of them, or make them options of a list.")
			return
		}
	}
	w.inPlace = &outlineNode{offset: w.targetO}
	node.ways = append(node.ways, w)
	p.open = append(p.open, place{node: w.inPlace, set: l.set})
	p.previous = &w.target
}

// settle makes a node of what an option leads to, once the file says something
// about it. Its title is complete by then.
func (p *markdownParser) settle(node *outlineNode) {
	if node == nil || node.made {
		return
	}
	ways := p.open[len(p.open)-2].node.ways
	w := ways[len(ways)-1] // the latest: a later one would have closed this node
	described := newOutlineNode(strings.TrimSpace(w.target), w.targetO)
	node.Title, node.Kind, node.Outcome, node.id = described.Title, described.Kind, described.Outcome, described.id
	if linked.MatchString(w.target) || strings.HasPrefix(w.target, "#") {
		p.problem(Syntax, w.targetO, "This leads to a node that is described elsewhere. Move what is set in below to it.")
	}
	p.make(node)
}

// plain reads a line of text, or a field.
func (p *markdownParser) plain(node *outlineNode) {
	l := &p.line
	switch value := l.text; fieldOf(l.text) {
	case "expected":
		value = strings.TrimSpace(value[len("expected:"):])
		if len(node.Expected) >= maxJoined {
			return
		}
		if node.Expected != "" {
			value = node.Expected + "\n" + value
		}
		node.Expected, node.expected = value, l.at
		p.previous = &node.Expected
		return
	case "see":
		m := seeAlso.FindStringSubmatch(strings.TrimSpace(value[len("see:"):]))
		if m == nil {
			p.problem(InvalidLink, l.at, "Write a link like this: See: [Title](https://example.com/page)")
			return
		}
		node.Links = append(node.Links, Link{Title: m[1], URL: m[2]})
		node.links = append(node.links, l.at)
		return
	}
	if node.Kind == Subtree && len(l.text) > 5 && strings.EqualFold(l.text[:5], "tree:") {
		m := treeLine.FindStringSubmatch(l.text)
		if m == nil || node.Tree.UnmarshalText([]byte(m[1])) != nil {
			p.problem(Syntax, l.at, "Name the tree by its id, like this: Tree: [Slow Wi-Fi](tree_01jd3s8m4kf2q9v7x0t5w6y8za)")
			return
		}
		node.Version, _ = strconv.Atoi(m[2]) // 0 where there is none
		return
	}
	p.addText(node, l.text)
}

// addText adds a line to a node's text, set in as far as it is within the node.
func (p *markdownParser) addText(node *outlineNode, text string) {
	l := &p.line
	if len(node.text) == 0 {
		node.textAt = l.at
	} else if p.blank {
		node.text = append(node.text, "")
	}
	set := l.set
	if inner := p.open[len(p.open)-1].set; inner >= 0 {
		set -= inner + 2
	}
	node.text = append(node.text, strings.Repeat(" ", max(0, min(set, 60)))+text)
}

func (p *markdownParser) openFence(node *outlineNode) {
	l := &p.line
	mark := l.text[:1]
	run := len(l.text) - len(strings.TrimLeft(l.text, mark))
	p.fence, p.fenceSet = l.text[:run], l.set
	p.fenceFrom = len(p.text)
	if end := strings.IndexByte(p.text[l.at:], '\n'); end >= 0 {
		p.fenceFrom = l.at + end + 1
	}
	switch as := strings.Join(strings.Fields(l.text[run:]), " "); {
	case as == "branchline":
		p.fenceAs = fenceMembers
	case as == "branchline text":
		p.fenceAs = fenceVerbatim
	case node == nil || node.Kind != Action || as == "text":
		p.fenceAs = fenceText
	case as == "command":
		p.fenceAs = fenceCommand
	default:
		p.fenceAs = fenceCommands
	}
	switch {
	case p.fenceAs != fenceText:
	case node != nil:
		p.addText(node, l.text)
	default:
		p.preamble(false)
	}
}

// inFence reads a line of a block of code.
func (p *markdownParser) inFence() {
	l := &p.line
	node := p.open[len(p.open)-1].node
	closes := strings.HasPrefix(l.text, p.fence) && strings.Trim(l.text, p.fence[:1]) == ""
	if closes {
		p.fence, p.previous = "", nil
	}
	inner := l.text
	if l.text != "" {
		inner = strings.Repeat(" ", max(0, min(l.set-p.fenceSet, 60))) + l.text
	}
	switch {
	case p.fenceAs == fenceText && node != nil:
		p.blank = false
		set := l.set
		l.set = p.fenceSet
		p.addText(node, inner)
		l.set = set
	case p.fenceAs == fenceText:
		p.description = append(p.description, inner)
	case p.fenceAs == fenceCommands && !closes && l.text != "":
		node.Commands = append(node.Commands, strings.TrimRight(inner, " "))
		node.commands = append(node.commands, l.at)
	case p.fenceAs != fenceCommands && closes:
		p.closeFence(node)
	}
	p.blank = closes
}

// resolve finds what each way leads to.
func (p *markdownParser) resolve() {
	slugs := map[string]*outlineNode{}
	for _, node := range p.nodes {
		if s := nodeSlug(node.Title); node.id == "" && slugs[s] == nil {
			slugs[s] = node
		}
	}
	for i := 0; i < len(p.nodes) && !p.full() && i <= MaxNodes; i++ { // p.nodes grows by solutions that are made here
		for _, w := range p.nodes[i].ways {
			p.resolveWay(w, slugs)
			if p.full() || len(p.nodes) > MaxNodes {
				return
			}
		}
	}
}

// resolveWay finds what one way leads to: a node by its title, by its id, or by
// the id that its title gives, as links within a page are written; or a solution
// of which the file says no more than its title.
func (p *markdownParser) resolveWay(w *outlineWay, slugs map[string]*outlineNode) {
	target := strings.TrimSpace(w.target)
	if w.inPlace.made {
		w.to = w.inPlace
		return
	}
	name := ""
	var described *outlineNode
	switch m := linked.FindStringSubmatch(target); {
	case target == "":
		p.problem(MissingTarget, w.targetO, "Nothing follows the arrow. Write the title of the node that it leads to.")
		return
	case m != nil:
		name = "#" + m[1]
	case strings.HasPrefix(target, "#"):
		name = target
	default:
		described = newOutlineNode(target, w.targetO)
		name = described.names()[0]
	}
	if p.shared[name] {
		p.problem(MissingTarget, w.targetO, "Several nodes are called %q. Say which by its id, like this: [%s](#id)", clip(target), clip(target))
		return
	}
	if node, found := p.named[name]; found {
		w.to = node
		return
	}
	if id, byID := strings.CutPrefix(name, "#"); byID {
		if node := slugs[id]; node != nil {
			w.to = node
			return
		}
	}
	if described == nil || described.Kind != Solution || described.Title == "" {
		p.problem(MissingTarget, w.targetO, "No node is called %q. Add a heading with this name, or correct it.", clip(target))
		return
	}
	p.make(described)
	w.to = described
}

// file puts together what was read.
func (p *markdownParser) file() File {
	taken := map[string]bool{}
	for _, node := range p.nodes {
		if node.id != "" {
			taken[node.id] = true // a second one is Validate's to find
			node.ID = NodeID(node.id)
		}
	}
	next := map[string]int{}
	for _, node := range p.nodes {
		if node.id == "" {
			node.ID = NodeID(unique(nodeSlug(node.Title), taken, next))
		}
	}
	f := File{Title: p.title, Description: strings.TrimSpace(strings.Join(p.description, "\n")), Tags: p.tags}
	for i, node := range p.nodes {
		path := at("nodes", i)
		p.places[path] = node.offset
		p.places[path+".text"] = node.textAt
		p.places[path+".expected"] = node.expected
		for name, offsets := range map[string][]int{"commands": node.commands, "followUps": node.follow, "links": node.links} {
			for j, offset := range offsets {
				p.places[path+"."+at(name, j)] = offset
			}
		}
		if len(node.text) == 0 {
			p.places[path+".text"] = node.offset
		}
		node.Text = strings.TrimSpace(strings.Join(node.text, "\n"))
		p.options(path, node)
		for j, field := range node.fields {
			p.places[path+"."+at("fields", j)] = field.offset
			node.Fields = append(node.Fields, parseField(field.text))
		}
		p.takeExact(path, node)
		f.Graph.Nodes = append(f.Graph.Nodes, node.Node)
	}
	if len(p.nodes) > 0 {
		f.Graph.Root = p.nodes[0].ID
	}
	p.exact.take(&f)
	return f
}

func (p *markdownParser) options(path string, node *outlineNode) {
	taken := map[string]bool{}
	next := map[string]int{}
	for _, w := range node.ways {
		var target NodeID
		if w.to != nil {
			target = w.to.ID
		}
		if w.next {
			node.Next = target
			p.places[path+".next"] = w.targetO
			continue
		}
		if w.branch != nil {
			branch := at(path+".branches", len(node.Branches))
			p.places[branch], p.places[branch+".target"] = w.offset, w.targetO
			w.branch.Target = target
			node.Branches = append(node.Branches, *w.branch)
			continue
		}
		option := at(path+".options", len(node.Options))
		p.places[option], p.places[option+".target"] = w.offset, w.targetO
		if m := optionID.FindStringSubmatch(w.label); m != nil {
			node.Options = append(node.Options, Option{ID: OptionID(m[1]), Label: w.label[:len(w.label)-len(m[0])], Key: w.key, Target: target})
			taken[m[1]] = true
			continue
		}
		base := slug(w.label, 64)
		if base == "" {
			base = "option"
			if w.label != "" {
				base = hashed(w.label)
			}
		}
		node.Options = append(node.Options, Option{ID: OptionID(unique(base, taken, next)), Label: w.label, Key: w.key, Target: target})
	}
}

// nodeSlug returns the id that a title gives.
func nodeSlug(title string) string {
	if s := slug(title, 64); s != "" {
		return s
	}
	return hashed(title)
}

// slug returns the letters a-z and digits of a text in lower case, with "-"
// between words, at most limit bytes; "" where the text has none.
func slug(text string, limit int) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(text) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		} else if r != '\'' && r != '’' {
			gap = true
		}
		if b.Len() >= limit {
			break
		}
	}
	s := b.String()
	return strings.TrimRight(s[:min(len(s), limit)], "-")
}

// hashed returns an id for a text without letters a-z and digits.
func hashed(text string) string {
	sum := sha256.Sum256([]byte(titleKey(text)))
	return "n-" + hex.EncodeToString(sum[:6])
}

// unique returns base, or base with the first number behind it that is free.
func unique(base string, taken map[string]bool, next map[string]int) string {
	name := base
	for n := max(2, next[base]); taken[name]; n++ {
		suffix := "-" + strconv.Itoa(n)
		name = base[:min(len(base), 64-len(suffix))] + suffix
		next[base] = n + 1
	}
	taken[name] = true
	return name
}
