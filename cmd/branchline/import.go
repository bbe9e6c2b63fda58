package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

func newImportCommand() *cobra.Command {
	var accountName, userEmail string
	var opts importOptions
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Read trees from files, or from a folder that export wrote",
		Long: `Reads trees from Markdown outlines (.md, .markdown) and JSON (.json), or from all such
files of a folder. What a manifest beside them says is kept where it can be: categories
by their names, owners by their e-mail addresses, review dates, and which trees are
archived. Trees that lead through one another still do, whatever ids they get.

All files are checked first. Where one has errors they are written as
file:line:column: message, and nothing at all is changed, unless --keep-going imports
the others. Each tree is one transaction; Ctrl-C ends between two of them.

Files make new trees. With --update, a file whose id (in the manifest, or else in its
name) is that of a tree of this account changes that tree. A file that says what the
tree says already changes nothing.

The exit code is 1 where a file has errors or something could not be imported, and 130
after Ctrl-C.`,
		Example: `  branchline import --account owner@example.com --dry-run backup
  branchline import --account owner@example.com --publish backup
  branchline import --account owner@example.com --user erin@example.com vpn.md printer.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return wrongUsage{fmt.Errorf("the argument FILE is missing. Write: %s FILE…, or name a folder", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return asOperator(cmd, accountName, userEmail, func(ctx context.Context, o *operator) error {
				return o.importFiles(ctx, cmd, args, opts)
			})
		},
	}
	cmd.Flags().StringVar(&accountName, "account", "", "the account: its id, or the e-mail address of one of its owners")
	cmd.Flags().StringVar(&userEmail, "user", "", "who is written down as having done it, and owns trees without another owner; an owner where it is left out")
	cmd.Flags().BoolVar(&opts.publish, "publish", false, "publish the trees, but for those that the manifest knows as never published")
	cmd.Flags().BoolVar(&opts.update, "update", false, "change the trees of this account that have the files' ids")
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "check everything and change nothing")
	cmd.Flags().BoolVar(&opts.keepGoing, "keep-going", false, "import the files without errors where others have some")
	return cmd
}

// importFiles checks all files, then imports them.
func (o *operator) importFiles(ctx context.Context, cmd *cobra.Command, args []string, opts importOptions) error {
	p := &importPlan{o: o, opts: opts}
	if err := p.collect(args); err != nil {
		return err
	}
	if err := p.read(ctx, cmd); err != nil {
		return err
	}
	if err := p.check(ctx); err != nil {
		return err
	}
	total := len(p.files)
	bad := p.report(cmd.ErrOrStderr())
	if bad > 0 && (!opts.keepGoing || p.badExtra) {
		return fmt.Errorf("%s with errors. Nothing was changed", count(bad, "file"))
	}
	p.files = slices.DeleteFunc(p.files, func(in *incoming) bool { return in.bad })
	var err error
	if opts.dryRun {
		p.foretell(cmd)
	} else {
		err = p.load(ctx, cmd)
	}
	if err == nil && bad > 0 {
		return fmt.Errorf("%d of %s have errors and are left out", bad, count(total, "file"))
	}
	return err
}

// foretell says what an import would do.
func (p *importPlan) foretell(cmd *cobra.Command) {
	made, changed, published := 0, 0, 0
	for _, in := range p.files {
		if in.exists {
			changed++
		} else {
			made++
		}
		if in.publish {
			published++
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s would be made, %s looked at for changes, at most %d published. Nothing was changed.\n",
		count(made, "tree"), count(changed, "tree"), published)
}

// loaded counts what an import did.
type loaded struct {
	made, changed, same, published, archived int
	done                                     []string // a line for each tree that was made or changed
}

func (l *loaded) String() string {
	return fmt.Sprintf("%s made, %d changed, %d as they were; %d published, %d archived.", count(l.made, "tree"), l.changed, l.same, l.published, l.archived)
}

// load makes the categories, then the trees, then takes out of use again what was
// archived: until then others may have to be published that lead through it.
func (p *importPlan) load(ctx context.Context, cmd *cobra.Command) error {
	line := newProgress(cmd, len(p.files))
	var done loaded
	shelves, err := p.shelves(ctx, cmd)
	if err == nil {
		p.warnOfOwners(cmd)
	}
	failed := 0
	lost := map[tree.ID]bool{}
	for i, in := range p.files {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			break
		}
		line.show("importing", i+1, in.path)
		// A tree that was begun is finished: Ctrl-C ends between two of them.
		var refused error
		if slices.ContainsFunc(leadsThrough(&in.graph), func(id tree.ID) bool { return lost[id] }) {
			refused = fault.New(fault.Conflict, "This leads through a tree that could not be imported.")
		} else {
			refused = p.loadTree(context.WithoutCancel(ctx), in, shelves, &done)
		}
		if fault.Of(refused) != nil {
			lost[in.id] = true
			line.clear()
			fmt.Fprintln(cmd.ErrOrStderr(), positioned{path: in.path, line: 1, column: 1, message: fault.Of(refused).Message})
			failed++
			if p.opts.keepGoing {
				continue
			}
			refused = fmt.Errorf("%s could not be imported. Those behind it were not tried", printable(in.path))
		}
		err = refused
	}
	if err == nil {
		err = p.archive(ctx, &done)
	}
	line.clear()
	if err != nil {
		for _, one := range done.done {
			fmt.Fprintln(cmd.OutOrStdout(), one)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "Not all of %s: %s\n", count(len(p.files), "file"), &done)
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), &done)
	if failed > 0 {
		return fmt.Errorf("%s could not be imported", count(failed, "tree"))
	}
	return nil
}

// shelves returns the account's categories by their names in lower case. Those that
// the trees need and that are missing are made, in the manifest's order. Where there
// is no room for one, its trees come without.
func (p *importPlan) shelves(ctx context.Context, cmd *cobra.Command) (map[string]tree.CategoryID, error) {
	needed := map[string]string{}
	for _, in := range p.files {
		if in.listed != nil && strings.TrimSpace(in.listed.Category) != "" {
			needed[shelfKey(in.listed.Category)] = in.listed.Category
		}
	}
	all, err := p.o.trees.Categories(ctx, p.o.actor())
	if err != nil {
		return nil, err
	}
	shelves := map[string]tree.CategoryID{}
	for _, c := range all {
		shelves[shelfKey(c.Name)] = c.ID
	}
	order := slices.Clone(p.categories)
	for _, key := range slices.Sorted(maps.Keys(needed)) { // such as those that somebody wrote into the manifest by hand
		order = append(order, needed[key])
	}
	for _, name := range order {
		key := shelfKey(name)
		if _, there := shelves[key]; there || needed[key] == "" {
			continue
		}
		c, err := p.o.trees.CreateCategory(ctx, p.o.actor(), name)
		switch refused := fault.Of(err); {
		case refused != nil:
			fmt.Fprintf(cmd.ErrOrStderr(), "Warning: the category %q cannot be made, so its trees come without one. %s\n", name, refused.Message)
			delete(needed, key)
		case err != nil:
			return nil, err
		default:
			shelves[key] = c.ID
		}
	}
	return shelves, nil
}

func shelfKey(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// warnOfOwners names the owners who cannot be kept.
func (p *importPlan) warnOfOwners(cmd *cobra.Command) {
	unknown := map[string]int{}
	for _, in := range p.files {
		if _, found := p.ownerFor(in.listed); in.listed != nil && !found && in.listed.Owner.Email != "" {
			unknown[in.listed.Owner.Email]++
		}
	}
	for _, email := range slices.Sorted(maps.Keys(unknown)) {
		fmt.Fprintf(cmd.ErrOrStderr(), "Warning: %s cannot own trees in this account. %s answers for %s.\n", printable(email), p.o.user.Email, count(unknown[email], "tree"))
	}
}

// loadTree makes or changes one tree, and publishes it, in one transaction.
func (p *importPlan) loadTree(ctx context.Context, in *incoming, shelves map[string]tree.CategoryID, done *loaded) error {
	var wrote, published bool
	err := p.o.store.InTx(ctx, func(ctx context.Context, tx tree.Tx) error {
		wrote, published = false, false // it may be a second attempt
		one := &operatorTx{Tx: tx, command: "import", newID: in.id}
		trees := &tree.Service{Store: oneTransaction{p.o.store, one}, Now: p.o.now, Hints: noHints{}}
		t, err := p.write(ctx, trees, in, shelves)
		if err != nil {
			return err
		}
		wrote = one.saved
		if !in.publish {
			return nil
		}
		if news, err := hasNews(ctx, tx, t); err != nil || !news {
			return err
		}
		result, err := trees.PublishTree(ctx, p.o.actor(), t.ID, t.Revision, "Imported.", 0)
		if err != nil {
			return err
		}
		if result.Version == 0 {
			return fault.New(fault.Conflict, "It cannot be published: %s", result.Problems[0].Message)
		}
		published = true
		return nil
	})
	if err != nil {
		return err
	}
	what := "changed"
	switch {
	case !in.exists:
		done.made++
		what = "made"
	case wrote || published:
		done.changed++
	default:
		done.same++
		return nil
	}
	if published {
		done.published++
	}
	done.done = append(done.done, fmt.Sprintf("%s %s: %s", what, in.id, printable(in.path)))
	return nil
}

// write makes or changes the draft, and gives the tree to its owner.
func (p *importPlan) write(ctx context.Context, trees *tree.Service, in *incoming, shelves map[string]tree.CategoryID) (*tree.Tree, error) {
	change := tree.TreeChange{Title: &in.file.Title, Description: &in.file.Description, Tags: &in.file.Tags, Graph: &in.graph}
	if in.listed != nil {
		category, due := shelves[shelfKey(in.listed.Category)], in.listed.reviewBy() // "" is on no shelf
		change.Category, change.ReviewBy = &category, &due
	}
	if owner, found := p.ownerFor(in.listed); found {
		change.Owner = &owner
	}
	if in.exists {
		t, err := trees.Store.Tree(ctx, p.o.account.ID, in.id, tree.DraftForm, tree.AllTreeFields)
		if err != nil {
			return nil, err
		}
		return trees.UpdateTree(ctx, p.o.actor(), t.ID, t.Revision, change, tree.AllTreeFields)
	}
	made := tree.NewTree{Title: in.file.Title, Description: in.file.Description, Tags: in.file.Tags, Graph: in.graph}
	if in.listed != nil {
		made.Category, made.ReviewBy = *change.Category, *change.ReviewBy
	}
	t, err := trees.CreateTree(ctx, p.o.actor(), made, tree.AllTreeFields)
	if err != nil || change.Owner == nil || *change.Owner == p.o.user.ID {
		return t, err
	}
	return trees.UpdateTree(ctx, p.o.actor(), t.ID, t.Revision, tree.TreeChange{Owner: change.Owner}, tree.AllTreeFields)
}

// hasNews says whether a tree's draft differs from its latest version.
func hasNews(ctx context.Context, tx tree.Tx, t *tree.Tree) (bool, error) {
	if t.PublishedVersion == 0 {
		return true, nil
	}
	_, latest, err := tx.LatestVersion(ctx, t.AccountID, t.ID)
	if err != nil || latest == nil {
		return true, err
	}
	same := func(id tree.ID) tree.ID { return id }
	return !sameFile(
		tree.File{Title: t.Title, Description: t.Description, Graph: withoutPins(t.Graph, same)},
		tree.File{Title: latest.Title, Description: latest.Description, Graph: withoutPins(latest.Graph, same)},
	), nil
}

// archive takes out of use what the manifest knows as archived.
func (p *importPlan) archive(ctx context.Context, done *loaded) error {
	for _, in := range p.files {
		if in.listed == nil || in.listed.Status != tree.Archived {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		var one *operatorTx
		err := p.o.store.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx tree.Tx) error {
			one = &operatorTx{Tx: tx, command: "import"}
			trees := &tree.Service{Store: oneTransaction{p.o.store, one}, Now: p.o.now, Hints: noHints{}}
			_, err := trees.ArchiveTree(ctx, p.o.actor(), in.id, 0)
			return err
		})
		if errors.Is(err, fault.NotFound) {
			continue // it could not be imported, and that was said
		}
		if err != nil {
			return fmt.Errorf("archive the tree of %s: %w", printable(in.path), err)
		}
		if one.saved {
			done.archived++
		}
	}
	return nil
}
