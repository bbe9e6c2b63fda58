package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// importOptions are what the command line says of an import.
type importOptions struct {
	publish, update, dryRun, keepGoing bool
}

// incoming is a file to be imported.
type incoming struct {
	path    string
	text    string
	file    tree.File
	from    tree.ID // the tree's id where it was exported; zero if unknown
	listed  *listed // nil where no manifest tells of it
	bad     bool    // it has errors
	publish bool

	id     tree.ID // in this account
	exists bool    // the tree is there, and is changed
	graph  tree.Graph
}

// importPlan is what an import does, checked before it does any of it.
type importPlan struct {
	o          *operator
	opts       importOptions
	files      []*incoming // in order of their paths
	categories []string    // as the manifests order them
	problems   []positioned
	badExtra   bool // a manifest has errors

	byFrom  map[tree.ID]*incoming
	byID    map[tree.ID]*incoming
	account map[tree.ID]*inAccount
}

// inAccount is what the account has of a tree that a file leads through; nil in the
// map where it has none.
type inAccount struct {
	subtrees tree.Subtrees // empty unless it is published
}

// collect finds the files and reads the manifests beside them.
func (p *importPlan) collect(args []string) error {
	taken := map[string]bool{}
	manifests := map[string]*manifest{}
	add := func(path string) error {
		folder := filepath.Dir(path)
		m, seen := manifests[folder]
		if !seen {
			var problems []positioned
			var err error
			if m, problems, err = readManifest(folder); err != nil {
				return err
			}
			if p.problems = append(p.problems, problems...); len(problems) > 0 {
				p.badExtra, m = true, nil
			}
			manifests[folder] = m
			if m != nil {
				p.categories = append(p.categories, m.Categories...)
			}
		}
		if taken[path] {
			return nil
		}
		taken[path] = true
		in := &incoming{path: path, from: idInName(filepath.Base(path))}
		if m != nil {
			if i := slices.IndexFunc(m.Trees, func(l listed) bool { return l.File == filepath.Base(path) }); i >= 0 {
				in.listed, in.from = &m.Trees[i], m.Trees[i].ID
			}
		}
		p.files = append(p.files, in)
		return nil
	}
	for _, arg := range args {
		arg = filepath.Clean(arg)
		info, err := os.Stat(arg)
		if err != nil {
			return fmt.Errorf("find what to import: %w", err)
		}
		if !info.IsDir() {
			if filepath.Base(arg) == manifestName {
				continue // as in backup/*.json; it is read with the files beside it
			}
			if formatOf(arg) == "" {
				return wrongUsage{fmt.Errorf("the ending of %s says nothing of its format. Trees are read from .md, .markdown and .json files", arg)}
			}
			if err := add(arg); err != nil {
				return err
			}
			continue
		}
		entries, err := os.ReadDir(arg)
		if err != nil {
			return fmt.Errorf("find what to import: %w", err)
		}
		for _, entry := range entries {
			name := entry.Name()
			if entry.IsDir() || name == manifestName || strings.HasPrefix(name, ".") || formatOf(name) == "" {
				continue
			}
			if err := add(filepath.Join(arg, name)); err != nil {
				return err
			}
		}
		for _, l := range listedIn(manifests[arg]) {
			if formatOf(l.File) != "" && !taken[filepath.Join(arg, l.File)] {
				p.problems = append(p.problems, positioned{
					path: filepath.Join(arg, manifestName), line: 1, column: 1, warning: true,
					message: fmt.Sprintf("The file %s is missing. The tree %q is left out.", l.File, l.Title),
				})
			}
		}
	}
	if len(p.files) == 0 && !p.badExtra {
		return errors.New("there is no tree to import: no .md, .markdown or .json file is there")
	}
	slices.SortStableFunc(p.files, func(a, b *incoming) int { return cmp.Compare(a.path, b.path) })
	return nil
}

func listedIn(m *manifest) []listed {
	if m == nil {
		return nil
	}
	return m.Trees
}

// formatOf returns the format of a file by its name's ending; "" for others.
func formatOf(name string) tree.FileFormat {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".md", ".markdown":
		return tree.MarkdownFile
	case ".json":
		return tree.JSONFile
	}
	return ""
}

// read reads and checks the files, each by itself.
func (p *importPlan) read(ctx context.Context, cmd *cobra.Command) error {
	line := newProgress(cmd, len(p.files))
	defer line.clear()
	for i, in := range p.files {
		if err := ctx.Err(); err != nil {
			return err
		}
		line.show("checking", i+1, in.path)
		text, err := readBounded(in.path)
		if err != nil {
			return err
		}
		in.text = text
		file, problems, err := tree.ParseFile(formatOf(in.path), text)
		if err != nil {
			return err
		}
		in.file = file
		unfinished := in.isDraft() && !p.published(in) && mayBeKept(problems)
		for _, problem := range problems {
			if unfinished {
				problem.Severity = tree.Warning
			}
			p.add(in, problem)
		}
		in.publish = p.published(in)
	}
	return nil
}

func readBounded(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read a tree: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, tree.MaxGraphBytes+1)) // one more is too large, and parsing says so
	if err != nil {
		return "", fmt.Errorf("read a tree: %w", err)
	}
	return string(text), nil
}

// published says whether the file's tree is to be published: if that was asked for,
// all but those that the manifest knows as never published.
func (p *importPlan) published(in *incoming) bool {
	return p.opts.publish && (in.listed == nil || in.listed.Latest > 0)
}

// isDraft says whether the manifest knows the file as a draft, which somebody may
// be in the middle of.
func (in *incoming) isDraft() bool { return in.listed != nil && in.listed.Version == 0 }

// mayBeKept says whether all errors are about a graph that could be read, so that
// it can be kept as a draft. Those of a file's syntax have no path.
func mayBeKept(problems []tree.Problem) bool {
	return !slices.ContainsFunc(problems, func(p tree.Problem) bool {
		if p.Severity != tree.Error {
			return false
		}
		switch p.Code {
		case tree.Syntax, tree.UnknownField, tree.TooLarge, tree.TooManyNodes:
			return true
		}
		return p.Path == "" || !strings.HasPrefix(p.Path, "nodes") && p.Path != "root"
	})
}

// add notes a problem of a file.
func (p *importPlan) add(in *incoming, problem tree.Problem) {
	if problem.Line == 0 {
		problem.Line, problem.Column = in.locate(problem)
	}
	warning := problem.Severity == tree.Warning
	in.bad = in.bad || !warning
	p.problems = append(p.problems, positioned{in.path, problem.Line, problem.Column, warning, problem.Message})
}

// locate finds where in the file the node stands that a problem is about, by what
// is written only there: the id of the tree that it leads through, its own id, or
// its title.
func (in *incoming) locate(problem tree.Problem) (line, column int) {
	node := in.file.Graph.Node(problem.NodeID)
	if node == nil {
		return 1, 1
	}
	words := []string{`"id": ` + quoted(string(node.ID)), "{#" + string(node.ID), node.Title}
	if strings.HasSuffix(problem.Path, ".tree") && !node.Tree.IsZero() {
		words = slices.Insert(words, 0, node.Tree.String())
	}
	for _, word := range words {
		if at := strings.Index(in.text, word); at >= 0 && word != "" {
			return lineColumn(in.text, at)
		}
	}
	return 1, 1
}

// check finds what the files are to one another and to the account.
func (p *importPlan) check(ctx context.Context) error {
	p.byFrom, p.byID, p.account = map[tree.ID]*incoming{}, map[tree.ID]*incoming{}, map[tree.ID]*inAccount{}
	for _, in := range p.files {
		if err := in.id.Scan(uuid.Must(uuid.NewV7()).String()); err != nil {
			return err
		}
		if in.from.IsZero() {
			continue
		}
		if other := p.byFrom[in.from]; other != nil {
			p.add(in, tree.Problem{Severity: tree.Error, Line: 1, Column: 1, Message: fmt.Sprintf("This is the same tree as in %s: both have the id %s. Remove one of them.", printable(other.path), in.from)})
			continue
		}
		p.byFrom[in.from] = in
		if !p.opts.update {
			continue
		}
		switch _, err := p.o.trees.Tree(ctx, p.o.actor(), in.from, 0); {
		case err == nil:
			in.id, in.exists = in.from, true
		case !errors.Is(err, fault.NotFound):
			return err
		}
	}
	for _, in := range p.files {
		p.byID[in.id] = in
	}
	// Who leads through a file with errors cannot be imported either, and so on.
	for {
		before := p.bad()
		for _, in := range p.files {
			if !in.bad {
				if err := p.link(ctx, in); err != nil {
					return err
				}
			}
		}
		deep := map[tree.VersionRef]int{}
		for _, in := range p.files {
			if !in.bad && in.publish {
				for _, problem := range tree.SubtreeProblems(in.id, &in.graph, p.newest) {
					p.add(in, problem)
				}
				p.bound(in, deep)
			}
		}
		if p.bad() == before {
			break
		}
	}
	p.order()
	return nil
}

func (p *importPlan) bad() (n int) {
	for _, in := range p.files {
		if in.bad {
			n++
		}
	}
	return n
}

// link finds the trees that a file leads through, and gives them the ids that they
// have in this account.
func (p *importPlan) link(ctx context.Context, in *incoming) error {
	for _, id := range leadsThrough(&in.file.Graph) {
		if to := p.byFrom[id]; to != nil && !to.bad {
			continue
		}
		known, err := p.lookUp(ctx, id)
		if err != nil {
			return err
		}
		if known != nil {
			continue
		}
		message := "There is no tree with this id, neither in the account nor among the files. Import it too, or choose another one."
		if to := p.byFrom[id]; to != nil {
			message = "This leads through " + printable(to.path) + ", which has errors. Mend that file first."
		}
		line, column := lineColumn(in.text, max(0, strings.Index(in.text, id.String())))
		p.add(in, tree.Problem{Severity: tree.Error, Line: line, Column: column, Message: message})
	}
	in.graph = withoutPins(&in.file.Graph, func(id tree.ID) tree.ID {
		if to := p.byFrom[id]; to != nil && !to.bad {
			return to.id
		}
		return id
	})
	return nil
}

// lookUp returns what the account has of a tree; nil where it has none.
func (p *importPlan) lookUp(ctx context.Context, id tree.ID) (*inAccount, error) {
	if known, seen := p.account[id]; seen {
		return known, nil
	}
	p.account[id] = nil
	_, err := p.o.trees.Tree(ctx, p.o.actor(), id, 0)
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	subtrees, err := p.o.store.Subtrees(ctx, p.o.account.ID, []tree.ID{id})
	if err != nil {
		return nil, err
	}
	p.account[id] = &inAccount{subtrees}
	return p.account[id], nil
}

// bound adds a problem for a tree that leads through more trees than may be, in all
// or within one another. deep keeps how many lie within one another behind each.
func (p *importPlan) bound(in *incoming, deep map[tree.VersionRef]int) {
	var below func(ref tree.VersionRef) int
	below = func(ref tree.VersionRef) int {
		if d, seen := deep[ref]; seen {
			return d
		}
		deep[ref] = 1 // a circle, which is a problem of its own, ends here
		deepest := 0
		for _, next := range p.refs(p.newest(ref.TreeID, ref.Number)) {
			deepest = max(deepest, below(next))
		}
		deep[ref] = deepest + 1
		return deep[ref]
	}
	met := map[tree.VersionRef]bool{}
	for todo := p.refs(&in.graph); len(todo) > 0 && len(met) <= tree.MaxSubtrees; todo = todo[1:] {
		if !met[todo[0]] {
			met[todo[0]] = true
			todo = append(todo, p.refs(p.newest(todo[0].TreeID, todo[0].Number))...)
		}
	}
	if len(met) > tree.MaxSubtrees {
		p.add(in, tree.Problem{Severity: tree.Error, Line: 1, Column: 1, Message: fmt.Sprintf("This tree leads through more than %d trees, counting those that its subtrees lead through. Remove some.", tree.MaxSubtrees)})
		return
	}
	for i := range in.graph.Nodes {
		n := &in.graph.Nodes[i]
		if n.Kind != tree.Subtree || n.Tree.IsZero() {
			continue
		}
		if d := below(tree.VersionRef{TreeID: n.Tree}); d > tree.MaxSubtreeDepth {
			p.add(in, tree.Problem{Severity: tree.Error, NodeID: n.ID, Path: "nodes.tree", Message: fmt.Sprintf("This leads through %d trees within one another; at most %d are allowed. Choose another tree.", d, tree.MaxSubtreeDepth)})
		}
	}
}

// refs lists the versions that a graph leads through; the number 0 is the newest.
func (p *importPlan) refs(g *tree.Graph) []tree.VersionRef {
	if g == nil {
		return nil
	}
	var refs []tree.VersionRef
	for i := range g.Nodes {
		if n := &g.Nodes[i]; n.Kind == tree.Subtree && !n.Tree.IsZero() {
			refs = append(refs, tree.VersionRef{TreeID: n.Tree, Number: n.Version})
		}
	}
	return refs
}

// newest is a tree.Pinned: the graph that publishing finds.
func (p *importPlan) newest(id tree.ID, number int) *tree.Graph {
	if in := p.byID[id]; in != nil && number == 0 && !in.bad {
		if in.publish {
			return &in.graph
		}
		if !in.exists {
			return nil // it stays a draft
		}
	}
	for _, known := range p.account {
		if known == nil {
			continue
		}
		n := number
		if n == 0 {
			n = known.subtrees.Newest[id]
		}
		if v := known.subtrees.Versions[tree.VersionRef{TreeID: id, Number: n}]; v != nil {
			return v.Graph
		}
	}
	return nil
}

// order puts trees behind those that they lead through. Drafts that lead round in a
// circle stand as they come.
func (p *importPlan) order() {
	ordered := make([]*incoming, 0, len(p.files))
	seen := map[*incoming]bool{}
	var visit func(in *incoming)
	visit = func(in *incoming) {
		if seen[in] {
			return
		}
		seen[in] = true
		for _, id := range leadsThrough(&in.graph) {
			if to := p.byID[id]; to != nil {
				visit(to)
			}
		}
		ordered = append(ordered, in)
	}
	for _, in := range p.files {
		visit(in)
	}
	p.files = ordered
}

// report writes all problems as compilers do, and returns how many files have
// errors.
func (p *importPlan) report(out io.Writer) int {
	slices.SortStableFunc(p.problems, func(a, b positioned) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	for _, problem := range slices.Compact(p.problems) {
		fmt.Fprintln(out, problem)
	}
	bad := p.bad()
	if p.badExtra {
		bad++
	}
	return bad
}

// ownerFor returns whom the manifest names as a tree's owner, if that person can
// write trees in this account.
func (p *importPlan) ownerFor(l *listed) (account.UserID, bool) {
	if l == nil {
		return account.UserID{}, false
	}
	for _, user := range p.o.users {
		if strings.EqualFold(user.Email, l.Owner.Email) && user.DisabledAt.IsZero() && user.Role.AtLeast(account.Engineer) {
			return user.ID, true
		}
	}
	return account.UserID{}, false
}
