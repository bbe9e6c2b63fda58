package tree

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// MermaidFile is a flowchart of Mermaid. Trees are exported in it, not imported.
const MermaidFile FileFormat = "MERMAID"

// ExportTree writes a tree out as a file: the version with that number, or with
// 0 the tree as the actor reads it, which is the draft, or the latest version to
// viewers. An earlier version is NotFound to viewers. Tags are those that the
// tree has now.
//
// JSON holds any tree. A draft with errors that Markdown cannot hold is
// BadUserInput.
func (s *Service) ExportTree(ctx context.Context, actor account.Actor, id ID, version int, format FileFormat) (*Export, error) {
	switch {
	case format != JSONFile && format != MarkdownFile && format != MermaidFile:
		return nil, fault.Input("input.format", "There is no export format %q. Use JSON, MARKDOWN or MERMAID.", format)
	case version < 0:
		return nil, fault.Input("input.version", "Versions are counted from 1. Leave it out for the tree as it is.")
	}
	fields := TreeTitle | TreeDescription | TreeTags | TreeGraph | TreePublishedVersion
	if version != 0 {
		fields = TreeTags
	}
	t, err := s.Tree(ctx, actor, id, fields)
	if err != nil {
		return nil, err
	}
	file := File{Title: t.Title, Description: t.Description, Tags: t.Tags}
	state := "draft"
	switch {
	case version != 0:
		v, err := s.Version(ctx, actor, id, version, VersionGraph)
		if err != nil {
			return nil, err
		}
		file.Title, file.Description, file.Graph = v.Title, v.Description, *v.Graph
		state = fmt.Sprint("v", version)
	default:
		file.Graph = *t.Graph
		if formFor(actor) == PublishedForm {
			state = fmt.Sprint("v", t.PublishedVersion)
		}
	}
	return NewTreeExport(file, state, format)
}

// NewTreeExport writes a tree out as a file of that format, which is one of
// those of ExportTree. The state, such as "draft" or "v3", becomes part of its
// name. The same tree gives the same bytes.
func NewTreeExport(file File, state string, format FileFormat) (*Export, error) {
	name := slug(file.Title, 60)
	if name == "" {
		name = "tree"
	}
	e := &Export{Filename: name + "-" + state}
	switch format {
	case MarkdownFile:
		text, err := EncodeMarkdown(file)
		if err != nil {
			return nil, err
		}
		e.Filename += ".md"
		e.MediaType = "text/markdown; charset=utf-8"
		e.Content = text
	case MermaidFile:
		e.Filename += ".mmd"
		e.MediaType = "text/vnd.mermaid; charset=utf-8"
		e.Content = EncodeMermaid(file)
	default:
		e.Filename += ".json"
		e.MediaType = "application/json"
		e.Content = string(EncodeJSON(file))
	}
	sum := sha256.Sum256([]byte(e.Content))
	e.SHA256 = hex.EncodeToString(sum[:])
	return e, nil
}
