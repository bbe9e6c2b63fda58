package tree

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree/samples"
)

// Template is a tree that ships with the program, to begin from.
type Template struct {
	ID string // its file's name without the ending, such as "vpn-does-not-connect"
	File
}

// templates reads the samples once: they are part of the program.
var templates = sync.OnceValue(func() []Template {
	var list []Template
	for _, sample := range samples.All() {
		file, problems := ParseMarkdown(sample.Content)
		if HasErrors(problems) {
			panic(fmt.Sprintf("read the sample %s: %+v", sample.Name, problems))
		}
		list = append(list, Template{ID: strings.TrimSuffix(sample.Name, ".md"), File: file})
	}
	return list
})

// Templates lists the trees that ship with the program. They are the same for
// every account. Do not change what they hold.
func Templates() []Template { return templates() }

// CreateTreeFromTemplate makes a tree with a draft from a template, under that
// title or, where it is empty, the template's own. Engineers and above may. An
// unknown template is NotFound.
func (s *Service) CreateTreeFromTemplate(ctx context.Context, actor account.Actor, template, title string, category CategoryID, fields TreeFields) (*Tree, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	for _, t := range Templates() {
		if t.ID != template {
			continue
		}
		if title == "" {
			title = t.Title
		}
		return s.CreateTree(ctx, actor, NewTree{Title: title, Description: t.Description, Tags: t.Tags, Category: category, Graph: t.Graph}, fields)
	}
	return nil, fault.Missing("tree template")
}
