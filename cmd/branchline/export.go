package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// exportFormat writes a tree as the content of a file.
type exportFormat struct {
	ending string
	encode func(tree.File) ([]byte, error)
}

var exportFormats = map[string]exportFormat{
	"json": {"json", func(f tree.File) ([]byte, error) { return tree.EncodeJSON(f), nil }},
	"markdown": {"md", func(f tree.File) ([]byte, error) {
		text, err := tree.EncodeMarkdown(f)
		return []byte(text), err
	}},
	"mermaid": {"mmd", func(f tree.File) ([]byte, error) { return []byte(tree.EncodeMermaid(f)), nil }},
}

// exportOptions are what the command line says of an export.
type exportOptions struct {
	format        exportFormat
	statuses      []tree.Status
	drafts, force bool
}

func newExportCommand() *cobra.Command {
	var accountName, format string
	var statuses []string
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export DIR",
		Short: "Write an account's trees to files, for backup or another account",
		Long: `Writes each tree of an account to a file of its own in the folder DIR, and beside
them manifest.json with categories, owners, tags, states and review dates. "branchline
import" reads the folder back, here or in another account. Mermaid flowcharts are for
documents; they cannot be read back.

A tree that was published is written as its latest version, any other as its draft.
Each file is written whole or not at all, the manifest last: a folder without one is
not complete. Files that are there already stay, unless --force replaces that export.

The exit code is 1 where something could not be written.`,
		Example: `  branchline export --account owner@example.com backup
  branchline export --account owner@example.com --format=markdown --status=published handbook`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var known bool
			if o.format, known = exportFormats[format]; !known {
				return wrongUsage{fmt.Errorf("there is no format %q. Choose json, markdown or mermaid", format)}
			}
			o.statuses = nil
			for _, text := range statuses {
				status := tree.Status(strings.ToUpper(text))
				if !status.Valid() {
					return wrongUsage{fmt.Errorf("there is no status %q. Choose from draft, published and archived", text)}
				}
				o.statuses = append(o.statuses, status)
			}
			return asOperator(cmd, accountName, "", func(ctx context.Context, op *operator) error {
				return op.export(ctx, cmd, args[0], o)
			})
		},
	}
	cmd.Flags().StringVar(&accountName, "account", "", "the account: its id, or the e-mail address of one of its owners")
	cmd.Flags().StringVar(&format, "format", "json", "json, markdown or mermaid")
	cmd.Flags().StringSliceVar(&statuses, "status", []string{"draft", "published", "archived"}, "which trees: draft, published, archived, parted by commas")
	cmd.Flags().BoolVar(&o.drafts, "drafts", false, "write the draft of every tree, in place of the latest version")
	cmd.Flags().BoolVar(&o.force, "force", false, "replace the export that is in the folder")
	complete(cmd, "format", "json", "markdown", "mermaid")
	complete(cmd, "status", "draft", "published", "archived")
	return cmd
}

// export writes the trees and the manifest.
func (o *operator) export(ctx context.Context, cmd *cobra.Command, folder string, opts exportOptions) error {
	list, err := o.list(ctx, opts)
	if err != nil {
		return err
	}
	m := &manifest{Format: manifestFormat, Account: manifestAccount{o.account.ID, o.account.Name}, ExportedAt: o.now(), Categories: []string{}, Trees: []listed{}}
	categories, err := o.trees.Categories(ctx, o.actor())
	if err != nil {
		return err
	}
	for _, c := range categories {
		m.Categories = append(m.Categories, c.Name)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	stale, err := earlierExport(folder, list, opts)
	if err != nil {
		return err
	}

	line := newProgress(cmd, len(list))
	defer line.clear()
	exported, named := map[tree.ID]bool{}, map[tree.ID]string{} // named: by the title of a tree that leads there
	var failed, drafts int
	for i, t := range list {
		line.show("writing", i+1, t.Title)
		err := ctx.Err()
		var entry listed
		var through []tree.ID
		if err == nil {
			entry, through, err = o.exportTree(ctx, folder, t, opts)
		}
		if refused := fault.Of(err); refused != nil {
			line.clear()
			fmt.Fprintf(cmd.ErrOrStderr(), "%s (%s): %s\n", t.Title, t.ID, refused.Message)
			failed++
			continue
		}
		if err != nil {
			line.clear()
			fmt.Fprintf(cmd.OutOrStdout(), "%d of %s are written to %s. The manifest is not.\n", len(m.Trees), count(len(list), "tree"), folder)
			return err
		}
		m.Trees = append(m.Trees, entry)
		exported[t.ID] = true
		for _, id := range through {
			named[id] = t.Title
		}
		if entry.Version == 0 {
			drafts++
		}
		delete(stale, entry.File)
	}
	line.clear()
	for id, title := range named {
		if !exported[id] {
			fmt.Fprintf(cmd.ErrOrStderr(), "Warning: %q leads through %s, which is not among the trees written. Importing it needs that tree there.\n", title, id)
		}
	}
	for name := range stale { // of the export that this one replaces
		if err := os.Remove(filepath.Join(folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a file of the earlier export: %w", err)
		}
	}
	text, err := m.encode()
	if err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(folder, manifestName), text); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s are written to %s: %s, %s.\n",
		count(len(m.Trees), "tree"), folder, count(len(m.Trees)-drafts, "version"), count(drafts, "draft"))
	if failed > 0 {
		return fmt.Errorf("%s could not be written. Mend what is said of each, or export as JSON", count(failed, "tree"))
	}
	return nil
}

// list reads what the export holds, in order of the titles, without the graphs.
func (o *operator) list(ctx context.Context, opts exportOptions) ([]*tree.Tree, error) {
	size := tree.MaxPageSize
	q := tree.TreeQuery{
		Filter: tree.TreeFilter{Status: opts.statuses},
		Order:  tree.TreeOrder{Field: tree.ByTitle},
		Page:   tree.Page{First: &size},
		Fields: tree.TreeTitle | tree.TreeTags | tree.TreeCategory | tree.TreeOwner | tree.TreePeople | tree.TreeReviewBy | tree.TreePublishedVersion,
	}
	var list []*tree.Tree
	for {
		page, err := o.trees.Trees(ctx, o.actor(), q)
		if err != nil {
			return nil, err
		}
		for _, edge := range page.Edges {
			list = append(list, edge.Node)
			q.Page.After = edge.Cursor
		}
		if !page.HasNextPage {
			return list, nil
		}
	}
}

// earlierExport returns the files of the export that this one replaces. Without
// --force nothing may be replaced.
func earlierExport(folder string, list []*tree.Tree, opts exportOptions) (map[string]bool, error) {
	stale := map[string]bool{}
	if opts.force {
		m, problems, err := readManifest(folder)
		if err != nil || m == nil || len(problems) > 0 {
			return stale, err
		}
		for i := range m.Trees {
			if name := m.Trees[i].File; fileOfTree.MatchString(name) {
				stale[name] = true
			}
		}
		return stale, nil
	}
	names := []string{manifestName}
	for _, t := range list {
		names = append(names, fileName(t.Title, t.ID, opts.format.ending))
	}
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(folder, name)); err == nil {
			return nil, fmt.Errorf("there is an export in %s already: it has a file %s. Choose another folder, or replace that export by --force", folder, name)
		}
	}
	return stale, nil
}

// exportTree writes one tree. It returns what the manifest says of it, and the
// trees that it leads through.
func (o *operator) exportTree(ctx context.Context, folder string, t *tree.Tree, opts exportOptions) (listed, []tree.ID, error) {
	entry := listed{
		ID: t.ID, Title: t.Title, Status: t.Status, Latest: t.PublishedVersion, Category: t.Category.Name,
		Owner: person{t.Owner.Email, t.Owner.Name}, Tags: t.Tags,
	}
	if entry.Tags == nil {
		entry.Tags = []string{}
	}
	if !t.ReviewBy.IsZero() {
		entry.ReviewBy = t.ReviewBy.Format(time.DateOnly)
	}
	file := tree.File{Tags: t.Tags}
	var graph *tree.Graph
	if t.PublishedVersion > 0 && !opts.drafts {
		v, err := o.trees.Version(ctx, o.actor(), t.ID, t.PublishedVersion, tree.VersionGraph)
		if err != nil {
			return entry, nil, err
		}
		file.Title, file.Description, graph, entry.Version = v.Title, v.Description, v.Graph, v.Number
	} else {
		d, err := o.trees.Tree(ctx, o.actor(), t.ID, tree.TreeTitle|tree.TreeDescription|tree.TreeGraph)
		if err != nil {
			return entry, nil, err
		}
		file.Title, file.Description, graph = d.Title, d.Description, d.Graph
	}
	file.Graph = withoutPins(graph, func(id tree.ID) tree.ID { return id })
	text, err := opts.format.encode(file)
	if err != nil {
		return entry, nil, err
	}
	entry.File = fileName(t.Title, t.ID, opts.format.ending)
	return entry, leadsThrough(graph), writeWhole(filepath.Join(folder, entry.File), text)
}

// writeWhole writes a file that is there whole or not at all.
func writeWhole(path string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".branchline-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = temp.Write(content)
	if err == nil {
		err = temp.Chmod(0o644)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(temp.Name())))
	}
	return nil
}
